"""Sums of products over named axes, by Einstein's convention."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from jairika_nb.engine.ops import views
from jairika_nb.errors import ShapeError
from jairika_nb.tensors.arguments import answering
from jairika_nb.tensors.elementwise import multiply, operands
from jairika_nb.tensors.reductions import sum as total
from jairika_nb.tensors.tensor import Tensor


class Term(NamedTuple):
    """A tensor and a label for each of its axes."""

    x: Tensor
    labels: tuple[str, ...]

    @property
    def sizes(self) -> dict[str, int]:
        """The size of each label."""
        return dict(zip(self.labels, self.x.shape, strict=True))


@answering
def einsum(subscripts: str, /, *tensors: Any) -> Tensor:
    """The sum of products that ``subscripts`` name, for example ``"ij,jk->ik"``.

    Each letter names an axis; letters missing after ``->`` are summed over, a letter twice in one
    operand takes its diagonal, ``...`` stands for axes that broadcast. Without ``->`` the result
    has the letters that appear once, in alphabetical order. More than two operands are contracted
    pair by pair, the smallest result first. Raises ShapeError for letters that do not fit.

    >>> import jairika_nb as jrk
    >>> einsum("ii->i", jrk.tensor([[1, 2], [3, 4]])).tolist()
    [1, 4]
    """
    nodes = [Tensor(node) for node in operands(*tensors)] if tensors else []
    given, wanted = _parsed(subscripts, nodes)
    terms = [_diagonal(Term(*row)) for row in zip(nodes, given, strict=True)]
    sizes = _sizes(subscripts, terms)
    _check_output(subscripts, wanted, sizes)
    terms = [_stretched(t, sizes) for t in terms]
    while len(terms) > 1:
        terms = _next_pair(terms, wanted)
    return _arranged(terms[0], wanted).x


def _parsed(
    subscripts: str, tensors: list[Tensor]
) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    parts = left.split(",")
    if len(parts) != len(tensors):
        raise ShapeError(
            f"einsum: {subscripts!r} names {len(parts)} operands, {len(tensors)} given"
        )
    rests = [_hidden_rank(subscripts, p, x) for p, x in zip(parts, tensors, strict=True)]
    most = max(rests)
    given = [_labels(subscripts, p, r) for p, r in zip(parts, rests, strict=True)]
    dots = tuple(f".{i}" for i in range(most - 1, -1, -1))
    if arrow:
        return given, _labels(subscripts, right, most)
    letters = sorted({c for c in left if c.isalpha() and left.count(c) == 1})
    return given, (*dots, *letters)


def _hidden_rank(subscripts: str, part: str, x: Tensor) -> int:
    """How many axes the ellipsis of a part stands for."""
    named = len(part.replace("...", ""))
    rest = x.ndim - named
    if rest < 0 or (rest and "..." not in part):
        raise ShapeError(f"einsum: {part!r} in {subscripts!r} does not fit a tensor of {x.shape}")
    return rest


def _labels(subscripts: str, part: str, hidden: int) -> tuple[str, ...]:
    before, dots, after = part.partition("...")
    if not all(c.isalpha() for c in before + after):
        raise ShapeError(f"einsum: {part!r} in {subscripts!r} holds more than letters and one ...")
    # Axes behind an ellipsis are aligned at the right, so they count down to 0.
    middle = tuple(f".{i}" for i in range(hidden - 1, -1, -1)) if dots else ()
    return (*before, *middle, *after)


def _diagonal(term: Term) -> Term:
    for label in term.labels:
        while term.labels.count(label) > 1:
            term = _one_diagonal(term, label)
    return term


def _one_diagonal(term: Term, label: str) -> Term:
    """The term with two axes of one label made one: every (n + 1)-th element of the square."""
    first = term.labels.index(label)
    second = term.labels.index(label, first + 1)
    n, m = term.x.shape[first], term.x.shape[second]
    if n != m:
        raise ShapeError(f"einsum: {label!r} names sizes {n} and {m} of one operand {term.x.shape}")
    rest = [i for i in range(term.x.ndim) if i not in (first, second)]
    moved = term.x.permute(*rest, first, second)
    flat = views.reshape(moved.node, (*moved.shape[:-2], n * n))
    bounds = (*((0, size, 1) for size in flat.shape[:-1]), (0, n, n + 1))
    return Term(Tensor(views.take_slice(flat, bounds)), (*(term.labels[i] for i in rest), label))


def _sizes(subscripts: str, terms: list[Term]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for term in terms:
        for label, n in term.sizes.items():
            known = sizes.get(label, 1)
            if n != known and 1 not in (n, known):
                raise ShapeError(
                    f"einsum: {subscripts!r}: {_shown(label)} names sizes {known} and {n}; they "
                    "must be equal or 1"
                )
            sizes[label] = n if known == 1 else known
    return sizes


def _shown(label: str) -> str:
    return "an axis of ..." if label.startswith(".") else repr(label)


def _check_output(subscripts: str, wanted: tuple[str, ...], sizes: dict[str, int]) -> None:
    for label in wanted:
        if label not in sizes or wanted.count(label) > 1:
            raise ShapeError(
                f"einsum: {subscripts!r}: the result names {_shown(label)}, which must appear "
                "once there and in an operand"
            )


def _stretched(term: Term, sizes: dict[str, int]) -> Term:
    """Axes of size 1 that others have larger, left out: multiplying repeats them anyway."""
    gone = tuple(i for i, c in enumerate(term.labels) if term.x.shape[i] == 1 != sizes[c])
    kept = tuple(c for i, c in enumerate(term.labels) if i not in gone)
    return Term(term.x.squeeze(gone), kept) if gone else term


def _next_pair(terms: list[Term], wanted: tuple[str, ...]) -> list[Term]:
    """The terms with one pair contracted: the one whose result is smallest beside its operands."""
    pairs = [(i, j) for j in range(len(terms)) for i in range(j)]
    i, j = min(pairs, key=lambda pair: _growth(terms, pair, wanted))
    rest = [t for k, t in enumerate(terms) if k not in (i, j)]
    needed = {*wanted, *(c for t in rest for c in t.labels)}
    return [_contracted(terms[i], terms[j], needed), *rest]


def _growth(terms: list[Term], pair: tuple[int, int], wanted: tuple[str, ...]) -> int:
    one, other = (terms[k] for k in pair)
    rest = {c for k, t in enumerate(terms) if k not in pair for c in t.labels}
    sizes = {**one.sizes, **other.sizes}
    result = math.prod(n for c, n in sizes.items() if c in rest or c in wanted)
    return result - one.x.size - other.x.size


def _contracted(one: Term, other: Term, needed: set[str]) -> Term:
    """The product of two terms summed over what nobody else needs, as a matrix product."""
    one, other = _reduced(one, {*needed, *other.labels}), _reduced(other, {*needed, *one.labels})
    both = [c for c in one.labels if c in other.labels]
    batch, inner = [c for c in both if c in needed], [c for c in both if c not in needed]
    rows = [c for c in one.labels if c not in both]
    columns = [c for c in other.labels if c not in both]
    labels = (*batch, *rows, *columns)
    if not inner:
        left, right = _matrix(one, batch, rows, [], 1), _matrix(other, batch, columns, [], 1)
        found = multiply(left.unsqueeze(-1), right.unsqueeze(-2))
    else:
        found = _matrix(one, batch, rows, inner) @ _matrix(other, batch, inner, columns)
    sizes = {**one.sizes, **other.sizes}
    return Term(found.reshape(tuple(sizes[c] for c in labels)), labels)


def _matrix(
    term: Term, batch: list[str], rows: list[str], columns: list[str], axes: int = 2
) -> Tensor:
    """The term as (*batch, rows) or (*batch, rows, columns), each of the two joined."""
    order = [*batch, *rows, *columns]
    x = term.x.permute(*(term.labels.index(c) for c in order)) if order else term.x
    sizes = term.sizes
    joined = [math.prod(sizes[c] for c in part) for part in (rows, columns)[:axes]]
    return x.reshape((*(sizes[c] for c in batch), *joined))


def _reduced(term: Term, needed: set[str]) -> Term:
    gone = tuple(i for i, c in enumerate(term.labels) if c not in needed)
    if not gone:
        return term
    kept = tuple(c for c in term.labels if c in needed)
    return Term(total(term.x, axis=gone, dtype=term.x.dtype), kept)


def _arranged(term: Term, wanted: tuple[str, ...]) -> Term:
    term = _reduced(term, set(wanted))
    order = [term.labels.index(c) for c in wanted]
    return Term(term.x.permute(*order) if order else term.x, wanted)
