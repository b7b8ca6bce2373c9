"""Fusion: traces one stored value back to stored inputs, into a single kernel.

A kernel has an output domain of *kept* loop variables and, where it reduces, *row* variables over
which every reduction in it runs. Elementwise operations and views dissolve into expressions over
these variables. A reduction joins when it runs over exactly the kernel's row; its result is then a
scalar of the row, so ``softmax`` (two reductions, then a division over the same row) is one kernel.
"""

from __future__ import annotations

import math
from typing import Any

from jairika_nb.engine import index
from jairika_nb.engine.dtypes import DType, int32, int64, uint32
from jairika_nb.engine.fused import (
    REDUCED,
    Bound,
    Check,
    Expr,
    Kernel,
    Misfit,
    Operand,
    Output,
    Reduction,
    Side,
)
from jairika_nb.engine.graph import TABLE, Shape
from jairika_nb.engine.index import Form, Var
from jairika_nb.engine.program import Entry

# A row kernel gives each row to one worker. With fewer rows than this and more elements than that,
# the reduction is better done first, by all workers.
FEW_ROWS, MANY_ELEMENTS = 64, 65536
# A value that one kernel would compute at more different places than this is stored instead, and
# so is one whose index has more parts: views of views of shifted values would grow without end.
MOST_PLACES, MOST_PARTS = 16, 64
# A sum to one number over so few elements is done by every work-item that needs it.
SIDE = 4096


class Tracer:
    """Builds one :class:`Kernel` for the stored entries ``roots``, all of one domain."""

    def __init__(
        self,
        entries: list[Entry],
        stored: set[int],
        roots: list[int],
        domain: Shape | None = None,
        product: int | None = None,
        sides: bool = False,
    ) -> None:
        self.entries = entries
        self.sides: list[Side] | None = [] if sides else None
        self.side_values: dict[int, Expr] = {}
        self.side_known: dict[Any, Expr] = {}
        self.in_side = False
        self.stored = stored
        self.roots = roots
        self.product = product
        self.row: list[Var] | None = None
        self.mapped = False
        self.reductions: list[Reduction] = []
        self.known: dict[Any, Expr] = {}
        self.interned: dict[Any, Expr] = {}
        self.loads: dict[int, set[tuple[Form, ...]]] = {}
        self.inlined: dict[int, None] = {}
        self.needed: dict[int, None] = {}
        self.crowded: dict[int, None] = {}
        self.places: dict[int, int] = {}
        self.picks: dict[Expr, int] = {}
        self.checks: dict[Check, None] = {}
        self.shape = entries[roots[-1]].shape if domain is None else domain
        self.domain = [Var(f"i{d}", n) for d, n in enumerate(self.shape) if n != 1]
        self.kept = list(self.domain)

    def trace(self) -> Kernel:
        """The kernel; ``loads`` tells the stored entries it reads and with which indices."""
        outputs = [self._output(r) for r in reversed(self.roots)]
        return Kernel(
            self.kept, self.row or [], self.reductions, outputs[::-1], list(self.loads),
            list(self.inlined), self.mapped, list(self.interned.values()), list(self.crowded),
            self.product, sides=tuple(self.sides or ()), checks=tuple(self.checks),
        )  # fmt: skip

    def identity(self) -> tuple[Form, ...]:
        """The index that runs with the kernel's domain."""
        rest = iter(self.domain)
        return tuple(index.ZERO if n == 1 else index.variable(next(rest)) for n in self.shape)

    def _root_index(self, entry: Entry) -> tuple[Form, ...]:
        whole = self.identity()
        if entry.shape == self.shape:
            return whole
        if entry.size == math.prod(self.shape):
            return index.unflatten(index.flatten(whole, self.shape), entry.shape)
        if self.mapped and [n for n in entry.shape if n != 1] == [v.size for v in self.kept]:
            kept = iter([index.variable(v) for v in self.kept])
            return tuple(index.ZERO if n == 1 else next(kept) for n in entry.shape)
        rows = zip(whole, entry.shape, strict=True)
        return tuple(index.ZERO if n == 1 else form for form, n in rows)

    def _output(self, position: int) -> Output:
        entry = self.entries[position]
        at = self._root_index(entry)
        return Output(position, self.value(position, at, ()), index.flatten(at, entry.shape))

    def value(self, position: int, at: tuple[Form, ...], bounds: tuple[Bound, ...]) -> Expr:
        """The expression for the element ``at`` of an entry, valid where ``bounds`` hold."""
        key = position, at, bounds
        if key not in self.known:
            entry = self.entries[position]
            if position == self.product:
                self.known[key] = self._accumulated(entry, at)
            elif entry.op == "leaf" or (position in self.stored and position not in self.roots):
                self.known[key] = self._load(position, entry, at, bounds)
            elif self._is_crowded(position, entry, at, bounds):
                self.crowded[position] = None
                self.known[key] = self._load(position, entry, at, bounds)
            else:
                self.known[key] = self._inline(position, entry, at, bounds)
        return self.known[key]

    def _is_crowded(
        self, position: int, entry: Entry, at: tuple[Form, ...], bounds: tuple[Bound, ...]
    ) -> bool:
        kind = TABLE[entry.op].kind
        if kind == "source":
            return False
        if kind != "view":
            self.places[position] = self.places.get(position, 0) + 1
        parts = sum(form.parts for form in at) + len(bounds)
        return parts > MOST_PARTS or self.places.get(position, 0) > MOST_PLACES

    def _accumulated(self, entry: Entry, at: tuple[Form, ...]) -> Expr:
        whole = index.flatten(self.identity(), self.shape)
        if index.flatten(at, entry.shape) != whole:
            raise Misfit("the product is read elsewhere than where it is made")
        return self.intern("product", entry.dtype, (), tuple(self.identity()))

    def _inline(
        self, position: int, entry: Entry, at: tuple[Form, ...], bounds: tuple[Bound, ...]
    ) -> Expr:
        kind = TABLE[entry.op].kind
        if kind in ("reduce", "contract"):
            return self._reduce(position, entry, at, bounds)
        if kind in ("routine", "host"):
            self.needed[position] = None
            return self._load(position, entry, at, bounds)
        if kind == "elementwise":
            self.inlined[position] = None
            args = tuple(self.value(i, at, bounds) for i in entry.inputs)
            return self.intern("op", entry.dtype, args, (entry.op, *entry.attrs))
        return getattr(self, f"_{entry.op}")(entry, at, bounds)

    def intern(self, kind: str, dtype: DType, args: tuple[Expr, ...], data: tuple) -> Expr:
        """One object for equal expressions."""
        key = kind, dtype, args, data
        if key not in self.interned:
            used: set[Var] = set().union(*(a.variables for a in args))
            for item in data:
                if isinstance(item, Form):
                    used |= item.variables
            if kind in ("load", "guard"):
                used |= {v for form, *_ in data[-1] for v in form.variables}
            self.interned[key] = Expr(kind, dtype, args, data, frozenset(used))
        return self.interned[key]

    def _load(
        self, position: int, entry: Entry, at: tuple[Form, ...], bounds: tuple[Bound, ...]
    ) -> Expr:
        self.loads.setdefault(position, set()).add(at)
        place = index.flatten(at, entry.shape)
        return self.intern("load", entry.dtype, (), (position, place, bounds))

    # Sources

    def _const(self, entry: Entry, at: Any, bounds: Any) -> Expr:
        return self.intern("scalar", entry.dtype, (), entry.attrs)

    def _iota(self, entry: Entry, at: tuple[Form, ...], bounds: Any) -> Expr:
        return self.intern("index", entry.dtype, (), (at[0],))

    def _random(self, entry: Entry, at: tuple[Form, ...], bounds: Any) -> Expr:
        return self.intern("random", uint32, (), (entry.attrs[0], index.flatten(at, entry.shape)))

    # Views

    def _detach(self, entry: Entry, at: tuple[Form, ...], bounds: Any) -> Expr:
        return self.value(entry.inputs[0], at, bounds)

    def _reshape(self, entry: Entry, at: tuple[Form, ...], bounds: Any) -> Expr:
        inner = self.entries[entry.inputs[0]]
        return self.value(entry.inputs[0], index.reshaped(at, entry.shape, inner.shape), bounds)

    def _permute(self, entry: Entry, at: tuple[Form, ...], bounds: Any) -> Expr:
        order = sorted(range(len(at)), key=entry.attrs.__getitem__)
        return self.value(entry.inputs[0], tuple(at[i] for i in order), bounds)

    def _expand(self, entry: Entry, at: tuple[Form, ...], bounds: Any) -> Expr:
        inner = self.entries[entry.inputs[0]]
        rows = zip(at[len(at) - len(inner.shape) :], inner.shape, strict=True)
        fixed = tuple(index.ZERO if n == 1 else f for f, n in rows)
        return self.value(entry.inputs[0], fixed, bounds)

    def _slice(self, entry: Entry, at: tuple[Form, ...], bounds: Any) -> Expr:
        rows = zip(at, entry.attrs, strict=True)
        moved = tuple(index.scale(f, step, start) for f, (start, _, step) in rows)
        return self.value(entry.inputs[0], moved, bounds)

    def _window(self, entry: Entry, at: tuple[Form, ...], bounds: Any) -> Expr:
        axis, _, stride, dilation = entry.attrs
        place = index.combine([(at[axis], stride), (at[axis + 1], dilation)])
        return self.value(entry.inputs[0], (*at[:axis], place, *at[axis + 2 :]), bounds)

    def _gather(self, entry: Entry, at: tuple[Form, ...], bounds: tuple[Bound, ...]) -> Expr:
        axis, within = entry.attrs
        chosen = self.value(entry.inputs[1], at, bounds)
        size = self.entries[entry.inputs[0]].shape[axis]
        picked = self.intern("picked", int32 if size < 2**31 else int64, (chosen,), (size, axis))
        number = self.picks.setdefault(picked, len(self.picks))
        if not within:
            self.checks[self._source_of(chosen), size] = None
        place = index.Form(((index.Picked(number, size, picked), 1),))
        value = self.value(entry.inputs[0], (*at[:axis], place, *at[axis + 1 :]), bounds)
        if _depends(value, picked):
            return value
        # Of a constant all elements are alike, but an index outside it is still wrong.
        return self.intern("checked", entry.dtype, (value, picked), ())

    def _source_of(self, chosen: Expr) -> int | None:
        while chosen.kind == "op" and chosen.data[0] == "cast":
            chosen = chosen.args[0]
        known = chosen.kind == "load" and self.entries[chosen.data[0]].op == "leaf"
        return chosen.data[0] if known else None

    def _pad(self, entry: Entry, at: tuple[Form, ...], bounds: tuple[Bound, ...]) -> Expr:
        widths, fill = entry.attrs
        inner = self.entries[entry.inputs[0]]
        moved: list[Form] = []
        new: list[Bound] = []
        for form, (before, after, between), n in zip(at, widths, inner.shape, strict=True):
            place = index.shift(form, -before)
            if before or after or between:
                new.append((place, 0, (n - 1) * (between + 1) + 1 if n else 0, between + 1))
            moved.append(index.divide(place, between + 1)[0])
        within = tuple(b for b in new if not _always(b))
        value = self.value(entry.inputs[0], tuple(moved), bounds + within)
        filled = self.intern("scalar", entry.dtype, (), ("literal", fill))
        return self.intern("guard", entry.dtype, (value, filled), (within,)) if within else value

    # Reductions

    def _reduce(
        self, position: int, entry: Entry, at: tuple[Form, ...], bounds: tuple[Bound, ...]
    ) -> Expr:
        joins = not bounds and self.product is None and not self.in_side
        inner = self._row_index(position, entry, at) if joins else None
        if inner is None:
            if self.sides is not None and is_side(self.entries, position):
                return self._side(position, entry)
            self.needed[position] = None
            return self._load(position, entry, at, bounds)
        self.inlined[position] = None
        if entry.op == "matmul":
            factors = [self.value(i, a, ()) for i, a in zip(entry.inputs, inner, strict=True)]
            expr, op = self.intern("op", entry.dtype, tuple(factors), ("mul",)), "sum"
        else:
            expr, op = self.value(entry.inputs[0], inner[0], ()), entry.op
        known = frozenset([*self.kept, REDUCED])
        result = Expr("reduced", entry.dtype, (expr,), (op,), known)
        self.reductions.append(Reduction(op, expr, result))
        return result

    def _side(self, position: int, entry: Entry) -> Expr:
        if position not in self.side_values:
            assert self.sides is not None
            self.inlined[position] = None
            shape = self.entries[entry.inputs[0]].shape
            row = [Var(f"s{position}_{d}", n) for d, n in enumerate(shape) if n != 1]
            rest = iter([index.variable(v) for v in row])
            at = tuple(index.ZERO if n == 1 else next(rest) for n in shape)
            # It comes before the row's reductions: what it needs of those it does itself.
            kept, self.known = self.known, self.side_known
            outside, self.in_side = self.in_side, True
            expr = self.value(entry.inputs[0], at, ())
            self.known, self.in_side = kept, outside
            result = Expr("reduced", entry.dtype, (expr,), (entry.op,), frozenset())
            self.side_values[position] = result
            self.sides.append(Side(row, Reduction(entry.op, expr, result)))
        return self.side_values[position]

    def _row_index(
        self, position: int, entry: Entry, at: tuple[Form, ...]
    ) -> list[tuple[Form, ...]] | None:
        """Indices of the inputs along the kernel's row, or None where the reduction cannot join."""
        shape = self.entries[entry.inputs[0]].shape
        axes = (len(shape) - 1,) if entry.op == "matmul" else entry.attrs
        outer = at if entry.op == "matmul" else [f for i, f in enumerate(at) if i not in axes]
        kept = [f.as_variable() for f in outer if f != index.ZERO]
        if None in kept or len(set(kept)) != len(kept):
            return None
        sizes = [shape[a] for a in axes if shape[a] != 1]
        if not self._fits_row(set(kept), sizes) or position in self.needed:
            return None
        row = iter([index.variable(v) for v in self.row or []])
        if entry.op == "matmul":
            k = next(row) if sizes else index.ZERO
            return [(*at[:-2], at[-2], k), (*at[:-2], k, at[-1])]
        return [tuple(
            (index.ZERO if n == 1 else next(row)) if i in axes else at[i]
            for i, n in enumerate(shape)
        )]  # fmt: skip

    def _fits_row(self, kept: set[Var | None], sizes: list[int]) -> bool:
        if self.row is not None:
            return kept == set(self.kept) and [v.size for v in self.row] == sizes
        rest = [v for v in self.domain if v not in kept]
        if not rest:
            self.row = [Var(f"r{i}", n) for i, n in enumerate(sizes)]
            return True
        if [v.size for v in rest] != sizes:
            return False
        rows = math.prod(v.size for v in self.domain if v in kept)
        if rows < FEW_ROWS and rows * math.prod(sizes) > MANY_ELEMENTS:
            return False
        self.kept = [v for v in self.domain if v in kept]
        self.row, self.mapped = rest, True
        return True


def is_side(entries: list[Entry], position: int) -> bool:
    """Whether a value is a reduction of few elements to one number."""
    entry = entries[position]
    if TABLE[entry.op].kind != "reduce" or entry.size != 1:
        return False
    return entries[entry.inputs[0]].size <= SIDE


def operand(entries: list[Entry], stored: set[int], position: int, batch: list[Var]) -> Operand:
    """The element of a product's operand at ``batch`` and its own row and column."""
    rows, columns = entries[position].shape[-2:]
    row, column = Var("row", rows), Var("column", columns)
    sizes = entries[position].shape[:-2]
    places = {int(v.name[1:]): index.variable(v) for v in batch}
    at = [places.get(i, index.ZERO) for i in range(len(sizes))]
    at += [index.ZERO if v.size == 1 else index.variable(v) for v in (row, column)]
    # No reduction can join: the loop over k is the product's.
    tracer = Tracer(entries, stored, [], domain=(), product=-1)
    expr = tracer.value(position, tuple(at), ())
    return Operand(
        expr, batch, row if rows != 1 else None, column if columns != 1 else None,
        list(tracer.interned.values()), list(tracer.loads), list(tracer.inlined),
        list(tracer.crowded), list(tracer.checks),
    )  # fmt: skip


def _depends(value: Expr, picked: Expr) -> bool:
    """Whether an index from data decides what a value is."""
    stack, seen = [value], set()
    while stack:
        expr = stack.pop()
        if expr is picked:
            return True
        if expr not in seen:
            seen.add(expr)
            bounds = expr.data[-1] if expr.kind in ("load", "guard") else ()
            forms = (*(d for d in expr.data if isinstance(d, Form)), *(b[0] for b in bounds))
            stack += [*expr.args, *(atom.expr for form in forms for atom in form.picked)]
    return False


def _always(bound: Bound) -> bool:
    form, low, high, by = bound
    least, greatest = form.bounds
    return by == 1 and least >= low and greatest < high
