"""Index arithmetic: where a view's element lies, as a linear form over loop variables.

Views compose by substitution. A form is ``sum(coefficient * atom) + constant``; an atom is a loop
variable, or the quotient or remainder of another form by a size. Ranges of the loop variables let
most quotients and remainders that reshapes bring vanish again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from math import gcd
from typing import Any

# Results of the functions below that are kept: a graph's plan asks for the same ones many times.
KEPT = 1 << 14


class Remembering:
    """What is asked of an atom or a form at every look into a table, computed once."""

    __match_args__: tuple[str, ...]

    @cached_property
    def hashed(self) -> int:
        """The hash of its fields."""
        return hash(tuple(getattr(self, name) for name in self.__match_args__))

    @cached_property
    def spelled(self) -> str:
        """What it looks like; forms order their terms by it."""
        return repr(self)


def _hash(self: Remembering) -> int:
    return self.hashed


@dataclass(frozen=True)
class Var(Remembering):
    """A loop variable running over 0 ... size-1."""

    name: str
    size: int
    __hash__ = _hash


@dataclass(frozen=True)
class Quotient(Remembering):
    """``form // by``, rounding down for forms that are not negative."""

    form: Form
    by: int
    __hash__ = _hash


@dataclass(frozen=True)
class Remainder(Remembering):
    """``form % by`` for forms that are not negative."""

    form: Form
    by: int
    __hash__ = _hash


@dataclass(frozen=True)
class Picked(Remembering):
    """An index that a kernel reads from data: the value of ``expr``, from 0 to size-1."""

    number: int  # tells several of one kernel apart
    size: int
    expr: Any = field(repr=False)
    __hash__ = _hash


Atom = Var | Quotient | Remainder | Picked


@dataclass(frozen=True)
class Form(Remembering):
    """``sum(coefficient * atom) + constant``."""

    terms: tuple[tuple[Atom, int], ...] = ()
    constant: int = 0
    __hash__ = _hash

    @cached_property
    def bounds(self) -> tuple[int, int]:
        """The least and greatest value over all loop iterations."""
        low = high = self.constant
        for atom, coefficient in self.terms:
            a, b = sorted(coefficient * end for end in _atom_bounds(atom))
            low, high = low + a, high + b
        return low, high

    @cached_property
    def parts(self) -> int:
        """How many terms there are, those inside quotients and remainders counted too."""
        return sum(
            1 + atom.form.parts if isinstance(atom, (Quotient, Remainder)) else 1
            for atom, _ in self.terms
        )

    @cached_property
    def variables(self) -> frozenset[Var]:
        """The loop variables the form depends on."""
        found: set[Var] = set()
        for atom, _ in self.terms:
            found |= _atom_variables(atom)
        return frozenset(found)

    @cached_property
    def picked(self) -> tuple[Picked, ...]:
        """The indices read from data, those inside quotients and remainders too."""
        found: dict[Picked, None] = {}
        for atom, _ in self.terms:
            if isinstance(atom, Picked):
                found[atom] = None
            elif not isinstance(atom, Var):
                found |= dict.fromkeys(atom.form.picked)
        return tuple(found)

    def coefficient(self, var: Var) -> int | None:
        """The factor of ``var``; None where it stands inside a quotient or remainder."""
        direct = dict(self.terms).get(var, 0)
        nested = any(
            var in _atom_variables(atom) for atom, _ in self.terms if not isinstance(atom, Var)
        )
        return None if nested else direct

    def halves(self, var: Var) -> bool:
        """Whether all that ``var`` does is to count ``var // 2`` elements on."""
        found = [(a, c) for a, c in self.terms if var in _atom_variables(a)]
        return found == [(Quotient(variable(var), 2), 1)]

    def as_variable(self) -> Var | None:
        """The variable this form is, if it is just one."""
        if self.constant == 0 and len(self.terms) == 1 and self.terms[0][1] == 1:
            atom = self.terms[0][0]
            return atom if isinstance(atom, Var) else None
        return None


ZERO = Form()


def variable(var: Var) -> Form:
    """The form that is just ``var``."""
    return Form(((var, 1),))


def _atom_variables(atom: Atom) -> frozenset[Var]:
    if isinstance(atom, Var):
        return frozenset([atom])
    return atom.expr.variables if isinstance(atom, Picked) else atom.form.variables


def _atom_bounds(atom: Atom) -> tuple[int, int]:
    if isinstance(atom, (Var, Picked)):
        return 0, max(atom.size - 1, 0)
    low, high = atom.form.bounds
    if isinstance(atom, Quotient):
        return low // atom.by, high // atom.by
    return (0, min(high, atom.by - 1)) if low >= 0 else (1 - atom.by, atom.by - 1)


def combine(parts: Iterable[tuple[Form, int]], constant: int = 0) -> Form:
    """``sum(form * factor) + constant``, with like terms joined."""
    counted: dict[Atom, int] = {}
    for form, factor in parts:
        constant += form.constant * factor
        for atom, coefficient in form.terms:
            counted[atom] = counted.get(atom, 0) + coefficient * factor
    merged = _rejoin({a: c for a, c in counted.items() if c})
    if merged is not None:
        return combine([(Form(tuple(merged[0].items())), 1), merged[1]], constant)
    return Form(tuple(sorted(((a, c) for a, c in counted.items() if c), key=_order)), constant)


def _order(term: tuple[Atom, int]) -> tuple[int, str]:
    return -abs(term[1]), term[0].spelled


def _rejoin(terms: dict[Atom, int]) -> tuple[dict[Atom, int], tuple[Form, int]] | None:
    # n * (f // n) + f % n is f again: what flattening after a split leaves behind.
    for atom, coefficient in terms.items():
        if isinstance(atom, Remainder):
            whole = Quotient(atom.form, atom.by)
            if terms.get(whole) == coefficient * atom.by:
                rest = {a: c for a, c in terms.items() if a not in (atom, whole)}
                return rest, (atom.form, coefficient)
    return None


def shift(form: Form, by: int) -> Form:
    """``form + by``."""
    return Form(form.terms, form.constant + by)


def scale(form: Form, by: int, plus: int = 0) -> Form:
    """``form * by + plus``."""
    return combine([(form, by)], plus)


def divide(form: Form, by: int) -> tuple[Form, Form]:
    """Quotient and remainder of a form by a positive size."""
    if by == 1:
        return form, ZERO
    whole = {a: c // by for a, c in form.terms if c % by == 0}
    rest = {a: c for a, c in form.terms if c % by}
    carry, constant = divmod(form.constant, by)
    left = Form(tuple(rest.items()), constant)
    low, high = left.bounds
    if low < 0:
        # Flips leave falling terms: C rounds towards zero, so whole multiples lift them above it.
        lift = -(low // by)
        carry, constant = carry - lift, constant + lift * by
        left = Form(left.terms, constant)
        low, high = low + lift * by, high + lift * by
    quotient = Form(tuple(whole.items()), carry)
    if low >= 0 and high < by:
        return combine([(quotient, 1)]), combine([(left, 1)])
    common = gcd(by, *rest.values())
    offset = constant % common
    inner = Form(tuple((a, c // common) for a, c in rest.items()), constant // common)
    size = by // common
    inner = combine([(inner, 1)])
    if size == 1:
        return combine([(quotient, 1), (inner, 1)]), Form((), offset)
    q, r = Form(((Quotient(inner, size), 1),)), Form(((Remainder(inner, size), 1),))
    return combine([(quotient, 1), (q, 1)]), combine([(r, common)], offset)


def flatten(forms: Iterable[Form], shape: tuple[int, ...]) -> Form:
    """The row-major position of an index within ``shape``."""
    return _flattened(tuple(forms), shape)


@lru_cache(KEPT)
def _flattened(forms: tuple[Form, ...], shape: tuple[int, ...]) -> Form:
    parts, stride = [], 1
    for form, n in zip(reversed(forms), reversed(shape), strict=True):
        parts.append((form, stride))
        stride *= n
    return combine(parts)


@lru_cache(KEPT)
def unflatten(form: Form, shape: tuple[int, ...]) -> tuple[Form, ...]:
    """The index within ``shape`` of a row-major position."""
    out: list[Form] = []
    for at, n in enumerate(reversed(shape)):
        if n == 1:
            out.append(ZERO)
        elif all(m == 1 for m in shape[: len(shape) - at - 1]):
            out.append(form)
            form = ZERO
        else:
            form, remainder = divide(form, n) if n else (ZERO, ZERO)
            out.append(remainder)
    return tuple(reversed(out))


@lru_cache(KEPT)
def reshaped(
    forms: tuple[Form, ...], shape: tuple[int, ...], inner: tuple[int, ...]
) -> tuple[Form, ...]:
    """The index within ``inner`` of an index within ``shape``, which has as many elements.

    Axes that stay as they are keep their forms: an index that only a guard keeps inside its axis
    must not run over into the next one.
    """
    if 0 in shape:
        return unflatten(flatten(forms, shape), inner)
    out: list[Form] = []
    i, j = len(shape), len(inner)
    while j:
        # The fewest axes from the right that hold as many elements on both sides.
        high, low = i, j
        j -= 1
        left, right = 1, inner[j]
        while left != right:
            if left < right:
                i -= 1
                left *= shape[i]
            else:
                j -= 1
                right *= inner[j]
        out[:0] = _regrouped(forms[i:high], shape[i:high], inner[j:low])
    return tuple(out)


def _regrouped(
    forms: tuple[Form, ...], shape: tuple[int, ...], inner: tuple[int, ...]
) -> tuple[Form, ...]:
    kept = [form for form, n in zip(forms, shape, strict=True) if n != 1]
    if len(kept) == 1 and sum(n != 1 for n in inner) == 1:
        return tuple(kept[0] if n != 1 else ZERO for n in inner)
    return unflatten(flatten(forms, shape), inner)
