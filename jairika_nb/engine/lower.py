"""Rewrites a program for its device before fusion: products to templates, long sums in two steps.

The left operand of a product is read where it is stored, by strides; the right one is computed
while its panels are filled, so that views of it and cheap work on it are never stored.
"""

from __future__ import annotations

import math

from jairika_nb.engine import gemv, matrix_units, pieces, strided, tiles, tuned, turning
from jairika_nb.engine.bundle import TAIL
from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import NARROW, float32, float64
from jairika_nb.engine.fuse import FEW_ROWS, MANY_ELEMENTS, operand
from jairika_nb.engine.graph import TABLE, Node, Shape, topological
from jairika_nb.engine.index import Var
from jairika_nb.engine.limits import limits
from jairika_nb.engine.matrix_units import Unit
from jairika_nb.engine.ops import views
from jairika_nb.engine.product import is_strided
from jairika_nb.engine.program import Entry, Program, number_of
from jairika_nb.engine.schedule_gpu import COLUMNS
from jairika_nb.engine.strided import STRIDED

# Products with fewer multiplications than this are not worth packing.
SMALL_PRODUCT = 32 * 32 * 32
# What a GPU computes again for each tile of a product rather than store it once: operations of so
# much cost, on so many tensors. Kinds of operations that have a kernel of their own in any case.
CHEAP, MOST_READS = 16, 4
STEPS = ("reduce", "contract", "routine", "host")
# How many partial results a long reduction leaves for its second step.
PARTS = (256, 128, 64, 512, 32)
# The same for columns of so many elements together, whose second step ends the first one's launch.
FEW_PARTS, TALL = (32, 16, 8, 4), 1 << 22


class Lowered:
    """The rewritten entries, where the wanted ones are, and which ones must be stored."""

    def __init__(self, program: Program, device: Device) -> None:
        self.entries: list[Entry] = []
        self.known: dict[Entry, int] = {}
        self.forced: set[int] = set()
        # The shapes that routines and host steps see their inputs with.
        self.shapes: dict[int, list[Shape]] = {}
        # What a routine stores beside its result, by number.
        self.companions: dict[int, dict[int, int]] = {}
        self.device = device
        self.place: list[int] = []
        place = self.place
        turned = turning.turned(program, by_strides=device.kind == "cpu")
        for position, entry in enumerate(program.entries):
            moved = entry._replace(inputs=tuple(place[i] for i in entry.inputs))
            rewrite = self._turned_product if position in turned else self.rewritten
            place.append(rewrite(moved))
        self.wanted = [place[i] for i in program.wanted]

    def add(self, entry: Entry) -> int:
        """The position of an entry, appended if it is new."""
        if entry not in self.known:
            self.known[entry] = len(self.entries)
            self.entries.append(entry)
        return self.known[entry]

    def view(self, op: str, attrs: tuple, of: int, shape: Shape) -> int:
        """A view of an entry."""
        return self.add(Entry(op, attrs, (of,), shape, self.entries[of].dtype))

    def rewritten(self, entry: Entry) -> int:
        """The position of an entry in the form that suits the device."""
        if entry.op == "permute" and entry.attrs == turning.swap(len(entry.shape)):
            return self._turned(entry.inputs[0])
        if entry.size == 0 and entry.op != "leaf":
            return self._nothing(entry)
        if entry.op == "mul":
            for one, other in (entry.inputs, entry.inputs[::-1]):
                if self._is_one(one):
                    return other
        if TABLE[entry.op].expand:
            return self._expand(entry)
        if entry.op == "stored":
            self._stored(self._bytes(entry.inputs[0]))
            return entry.inputs[0]
        if entry.dtype in NARROW and entry.op in ("sum", "prod", "matmul"):
            return self._in_float32(entry)
        if entry.op in strided.RULES:
            return strided.RULES[entry.op](self, entry)
        if TABLE[entry.op].kind in ("routine", "host"):
            return self._fixed(entry)
        if entry.op == "matmul" and self._deserves_template(entry):
            return self._product(entry)
        if TABLE[entry.op].kind == "reduce":
            axis, parts = self._split(entry)
            if parts:
                return self._two_steps(entry, axis, parts)
        return self.add(entry)

    def _in_float32(self, entry: Entry) -> int:
        """A sum of 2-byte floats: accumulated in float32, rounded once."""
        inputs = tuple(
            self.add(Entry("cast", (float32,), (i,), self.entries[i].shape, float32))
            for i in entry.inputs
        )
        wide = self.rewritten(entry._replace(inputs=inputs, dtype=float32))
        return self.add(Entry("cast", (entry.dtype,), (wide,), entry.shape, entry.dtype))

    def _expand(self, entry: Entry) -> int:
        """A composite through its expansion; the pieces are lowered like any others."""
        inputs = [self._seen(p) for p in entry.inputs]
        place = {id(node): p for node, p in zip(inputs, entry.inputs, strict=True)}
        root = TABLE[entry.op].expand(entry.attrs, *inputs)  # type: ignore[misc]
        for node in topological([root]):
            if id(node) not in place:
                attrs = ("literal", repr(node.attrs[0])) if node.op == "const" else node.attrs
                below = tuple(place[id(i)] for i in node.inputs)
                place[id(node)] = self.rewritten(
                    Entry(node.op, attrs, below, node.shape, node.dtype)
                )
        return place[id(root)]

    def _seen(self, position: int) -> Node:
        """An entry as an expansion sees it: a number is known, all else is not."""
        shape, dtype = self.entries[position].shape, self.entries[position].dtype
        below = self.entries[position]
        while below.op in ("expand", "reshape"):
            below = self.entries[below.inputs[0]]
        if below.op == "const" and below.attrs[0] == "literal":
            number = Node("const", (), (number_of(below.attrs[1]),), (), dtype, self.device)
            return views.broadcast_to(number, shape)
        return Node("leaf", (), (position,), shape, dtype, self.device)

    def _fixed(self, entry: Entry) -> int:
        """A routine or host step: it is stored, and so are its inputs, as contiguous bytes."""
        shapes = [self.entries[i].shape for i in entry.inputs]
        inputs = tuple(
            i if self._is_argument(entry, i) else self.contiguous(i) for i in entry.inputs
        )
        # The shapes are part of the entry: the same bytes seen otherwise are another result.
        position = self.add(entry._replace(inputs=inputs, attrs=(*entry.attrs, tuple(shapes))))
        self.shapes[position] = shapes
        self.forced.add(position)
        return position

    def _is_argument(self, entry: Entry, position: int) -> bool:
        # Kernels take constants as numbers; NumPy gets arrays only.
        return self.entries[position].op == "const" and TABLE[entry.op].kind == "routine"

    def contiguous(self, position: int) -> int:
        """The stored entry that has the bytes of an entry."""
        return self._stored(self._bytes(position))

    def _bytes(self, position: int) -> int:
        while self.entries[position].op in ("reshape", "detach"):
            position = self.entries[position].inputs[0]
        return position

    def _nothing(self, entry: Entry) -> int:
        """No elements: a kernel for them would divide by sizes of 0, which crashes compilers."""
        zero = self.add(Entry("const", ("literal", "0"), (), (), entry.dtype))
        one = self.view("reshape", (1,), zero, (1,))
        return self.view("reshape", entry.shape, self.view("expand", (0,), one, (0,)), entry.shape)

    def _is_one(self, position: int) -> bool:
        while self.entries[position].op in ("expand", "reshape"):
            position = self.entries[position].inputs[0]
        entry = self.entries[position]
        return entry.op == "const" and entry.attrs in (("literal", "1"), ("literal", "1.0"))

    # Products

    def _turned(self, position: int) -> int:
        """A view with the last two axes exchanged."""
        entry = self.entries[position]
        order = turning.swap(len(entry.shape))
        if entry.op == "permute" and entry.attrs == order:
            return entry.inputs[0]
        return self.view("permute", order, position, tuple(entry.shape[i] for i in order))

    def _turned_product(self, entry: Entry) -> int:
        left, right = map(self._turned, entry.inputs[::-1])
        shape = (*entry.shape[:-2], *entry.shape[:-3:-1])
        return self._turned(self.rewritten(entry._replace(inputs=(left, right), shape=shape)))

    def _deserves_template(self, entry: Entry) -> bool:
        m, n = entry.shape[-2:]
        k = self.entries[entry.inputs[0]].shape[-1]
        known = (float32, float64) if self.device.kind == "gpu" else (float32,)
        if self.device.kind == "cpu" and entry.dtype is float32 and min(m, n) == 1:
            return gemv.fits(m, n, k) or gemv.fits(n, m, k)
        return entry.dtype in known and min(m, n) > 1 and m * n * k >= SMALL_PRODUCT

    def _product(self, entry: Entry) -> int:
        if self.device.kind == "gpu":
            return self._product_in_tiles(entry)
        a, b = entry.inputs
        k = self.entries[a].shape[-1]
        m, n = entry.shape[-2:]
        if n == 1:
            # The matrix is the right operand of its own transpose.
            left, right, shape = self._turned(b), self._turned(a), (*entry.shape[:-2], 1, m)
            flat = self._product(entry._replace(inputs=(left, right), shape=shape))
            return self.view("reshape", entry.shape, flat, entry.shape)
        by = tuned.in_force(self.device)
        if gemv.fits(m, n, k):
            attrs: tuple = (entry.shape, k, gemv.tile(m), None)
        else:
            attrs = (entry.shape, k, pieces.tile(m, n, by), by)
        operands = (self._in_place(a), b)
        product = self.add(Entry("gemm", attrs, operands, entry.shape, entry.dtype))
        self.forced.add(product)
        return product

    def _product_in_tiles(self, entry: Entry) -> int:
        """A GPU's product; where few tiles exist, of parts of the inner axis that are summed."""
        m, n = entry.shape[-2:]
        k, batch = self.entries[entry.inputs[0]].shape[-1], math.prod(entry.shape[:-2])
        unit = self._matrix_unit(entry)
        room = limits(self.device)
        choice = tiles.choose(m, n, k, batch, entry.dtype.itemsize, room, unit)
        shape = entry.shape if choice.parts == 1 else (choice.parts, *entry.shape)
        operands = tuple(self._in_tiles(i) for i in entry.inputs)
        attrs = (shape, k, (), choice)
        product = self.add(Entry("gemm", attrs, operands, shape, entry.dtype))
        self.forced.add(product)
        if choice.parts == 1:
            return product
        product = self.view("sum", (0,), product, (1, *entry.shape))
        return self.view("reshape", entry.shape, product, entry.shape)

    def _matrix_unit(self, entry: Entry) -> Unit | None:
        """The matrix unit that can do a product as exactly as was asked for."""
        if entry.dtype is not float32 or min(*entry.shape[-2:]) < matrix_units.FEWEST:
            return None
        kinds = [self.entries[self._narrow(i)].dtype for i in entry.inputs]
        same = kinds[0] if kinds[0] is kinds[1] else float32
        return matrix_units.unit(self.device, same)

    def _narrow(self, position: int) -> int:
        """What an operand was before its 2-byte floats became float32."""
        entry = self.entries[position]
        widens = entry.op == "cast" and self.entries[entry.inputs[0]].dtype in NARROW
        return entry.inputs[0] if widens and entry.dtype is float32 else position

    def _in_tiles(self, position: int) -> int:
        """An operand that is computed whenever a tile needs it, or stored where that is dear."""
        if self._narrow(position) != position:
            self._in_tiles(self._narrow(position))
            return position
        seen: set[int] = set()
        stack, cost, reads = [position], 0, 0
        while stack:
            p = stack.pop()
            row = TABLE[self.entries[p].op]
            if p in seen:
                continue
            seen.add(p)
            if p in self.forced or self.entries[p].op == "leaf" or row.kind in STEPS:
                reads += 1
            else:
                cost += row.cost
                stack += self.entries[p].inputs
        if cost > CHEAP or reads > MOST_READS:
            self._stored(self._seen_through(position))
        return position

    def _seen_through(self, position: int) -> int:
        """What an operand is a view of: windows, stored themselves, would repeat its elements."""
        base = position
        while TABLE[self.entries[base].op].kind == "view" and base not in self.forced:
            base = self.entries[base].inputs[0]
        return base if self.entries[base].inputs and base not in self.forced else position

    def _stored(self, position: int) -> int:
        if self.entries[position].op != "leaf":
            self.forced.add(position)
        return position

    def _in_place(self, position: int) -> int:
        """An operand that the template reads by strides: a view of what is stored, or stored."""
        base = position
        while self.entries[base].op in STRIDED and base not in self.forced:
            base = self.entries[base].inputs[0]
        if TABLE[self.entries[base].op].kind != "source" or self.entries[base].op == "leaf":
            sizes = self.entries[position].shape[:-2]
            batch = [Var(f"i{d}", n) for d, n in enumerate(sizes) if n != 1]
            seen = operand(self.entries, {base}, position, batch)
            if is_strided(seen):
                self._stored(base)
                return position
        return self._stored(position)

    # Long reductions

    def _split(self, entry: Entry) -> tuple[int, int]:
        """The axis to split and into how many parts; 0 parts where one step is right."""
        shape = self.entries[entry.inputs[0]].shape
        rows, total = entry.size, math.prod(shape)
        if self.device.kind == "gpu":
            return self._split_among_groups(entry, shape)
        wanted: tuple[int, ...] = PARTS
        if rows >= FEW_ROWS:
            # Cores that share columns would each read a piece of every row.
            is_tall = total >= TALL and len(shape) - 1 not in entry.attrs
            wanted = tuple(p for p in FEW_PARTS if is_tall and p * rows <= TAIL)
        if total <= MANY_ELEMENTS:
            return 0, 0
        for axis in entry.attrs:
            for parts in wanted:
                if shape[axis] % parts == 0 and shape[axis] >= parts:
                    return axis, parts
        return 0, 0

    def _split_among_groups(self, entry: Entry, shape: Shape) -> tuple[int, int]:
        """As :meth:`_split`, for work-groups that have a row or some neighbouring columns each."""
        last = max((i for i, n in enumerate(shape) if n != 1), default=0)
        groups = entry.size if last in entry.attrs else math.ceil(entry.size / COLUMNS)
        wanted = 2 * self.device.compute_units
        if groups >= wanted or math.prod(shape) <= MANY_ELEMENTS:
            return 0, 0
        for parts in sorted(PARTS):
            for axis in entry.attrs:
                if shape[axis] % parts == 0 and groups * parts >= wanted:
                    return axis, parts
        return 0, 0

    def _two_steps(self, entry: Entry, axis: int, parts: int) -> int:
        shape = self.entries[entry.inputs[0]].shape
        split = (*shape[:axis], parts, shape[axis] // parts, *shape[axis + 1 :])
        x = self.view("reshape", split, entry.inputs[0], split)
        axes = tuple(a + (a >= axis) for a in entry.attrs)
        first = tuple(1 if i in axes else n for i, n in enumerate(split))
        x = self.view(entry.op, axes, x, first)
        self.forced.add(x)
        second = tuple(1 if i == axis else n for i, n in enumerate(first))
        x = self.view(entry.op, (axis,), x, second)
        return self.view("reshape", entry.shape, x, entry.shape)
