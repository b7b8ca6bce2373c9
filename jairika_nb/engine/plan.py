"""The planner: which values are stored, which kernels compute them, in which order."""

from __future__ import annotations

from dataclasses import dataclass

from jairika_nb.engine import bundle, index, product, routines, schedule_cpu, schedule_gpu
from jairika_nb.engine.code import Argument, Source, name_of
from jairika_nb.engine.device import Device
from jairika_nb.engine.fuse import Kernel, Misfit, Output, Tracer, is_side, operand
from jairika_nb.engine.graph import TABLE, Shape
from jairika_nb.engine.lower import Lowered
from jairika_nb.engine.program import Entry, Program

# A value that several kernels need is computed in each of them up to this cost (an addition is 1,
# an exponential 8); above it, it is stored.
RECOMPUTE = 24
# No kernel computes longer chains of operations than this, or reads many more tensors: compilers
# take long over large kernels, and drivers limit their arguments.
DEEPEST, MOST_READ = 64, 48
# Kinds of operations whose kernel is given rather than traced.
FIXED = ("routine", "host")


@dataclass
class Plan:
    """Kernels in order, with what each step frees, and where the wanted values end up."""

    entries: list[Entry]
    sources: list[Source]
    results: list[int]  # for each wanted value, the entry whose buffer holds it
    frees: list[list[int]]  # after each kernel, the entries whose buffers nobody needs any more
    place: list[int]  # for each entry of the program, the entry here that computes it
    inside: list[list[int]]  # for each kernel, the entries it computes

    @property
    def launches(self) -> int:
        """How many kernels the plan runs."""
        return len(self.sources)


def plan(program: Program, device: Device) -> Plan:
    """Fuse a program into kernels for a device."""
    lowered = Lowered(program, device)
    planner = _Planner(lowered)
    kernels = planner.run()
    single = [_write(k, lowered, device) for k in kernels]
    groups = bundle.group(single, [_is_small(k) for k in kernels])
    sources = [bundle.merge(single, g) for g in groups]
    inside = [[p for m in g.members for p in _computed(kernels[m])] for g in groups]
    frees = _frees(sources, lowered.entries, set(planner.results))
    return Plan(lowered.entries, sources, planner.results, frees, lowered.place, inside)


def _is_small(kernel: Kernel) -> bool:
    """Whether one work-item may do it alone."""
    return not kernel.is_fixed and kernel.rows * max(kernel.row_size, 1) <= bundle.TAIL


def _frees(sources: list[Source], entries: list[Entry], keep: set[int]) -> list[list[int]]:
    """After each launch, the entries whose buffers nobody needs any more."""
    frees: list[list[int]] = [[] for _ in sources]
    last: dict[int, int] = {}
    for step, source in enumerate(sources):
        buffers = (a.value for a in source.arguments if a.kind == "buffer")
        last |= dict.fromkeys([*buffers, *source.outputs], step)
    for entry, step in last.items():
        if entry not in keep and entries[entry].op != "leaf":
            frees[step].append(entry)
    return frees


def _computed(kernel: Kernel) -> list[int]:
    product = [] if kernel.product is None else [kernel.product]
    return [*kernel.computes, *(o.entry for o in kernel.outputs), *product]


def _write(kernel: Kernel, lowered: Lowered, device: Device) -> Source:
    entries = lowered.entries
    if kernel.product is not None:
        return product.write(kernel, entries, device.compute_units)
    if kernel.routine is not None:
        return _write_fixed(kernel.routine, lowered, device)
    name = name_of(kernel, entries)
    if device.kind == "gpu":
        return schedule_gpu.write(kernel, entries, name)
    return schedule_cpu.write(kernel, entries, device.compute_units, name)


def _write_fixed(position: int, lowered: Lowered, device: Device) -> Source:
    entry, shapes = lowered.entries[position], lowered.shapes[position]
    entries = [*lowered.entries]
    entries[position] = entry._replace(attrs=entry.attrs[:-1])
    if TABLE[entry.op].kind == "routine":
        return routines.write(position, entries, shapes, device)
    moved = sum(entries[i].size * entries[i].dtype.itemsize for i in (*entry.inputs, position))
    arguments = [Argument("buffer", i) for i in entry.inputs]
    return Source(
        f"host_{entry.op}", "", frozenset(), arguments, (), None, [position], moved, 0,
        host=entries[position], shapes=tuple(shapes),
    )  # fmt: skip


def _reads(kernel: Kernel, entries: list[Entry]) -> list[int]:
    fixed = kernel.routine if kernel.product is None else kernel.product
    whole = fixed is not None and not kernel.operands
    # A constant that a routine takes is an argument, not a buffer.
    inputs = [i for i in entries[fixed].inputs if entries[i].op != "const"] if whole else ()
    return [*kernel.reads, *inputs]


class _Planner:
    def __init__(self, lowered: Lowered) -> None:
        self.entries = lowered.entries
        # A GPU has too many work-items for each to repeat a sum.
        self.on_cpu = lowered.device.kind != "gpu"
        self.results = [self._base(w) for w in lowered.wanted]
        wanted = [*self.results, *map(self._base, lowered.forced)]
        self.cuts = _cuts(self.entries)
        wanted += self.cuts
        # A forced view of a stored value would be stored twice were its base not asked for.
        self.stored = {w for w in (*wanted, *lowered.forced) if self._needs_kernel(w)}
        self.kernels: dict[int, Kernel] = {}

    def _base(self, position: int) -> int:
        # A reshape or detach has the bytes of its input.
        while self.entries[position].op in ("reshape", "detach"):
            position = self.entries[position].inputs[0]
        return position

    def _needs_kernel(self, position: int) -> bool:
        return self.entries[position].op != "leaf"

    def run(self) -> list[Kernel]:
        """All kernels, in an order that respects what each one reads."""
        self._trace_all()
        while self._store_shared():
            self._trace_all()
        self._merge_outputs()
        self._fuse_epilogues()
        return self._ordered()

    # Tracing

    def _trace_all(self) -> None:
        made = {o.entry for k in self.kernels.values() for o in k.outputs}
        todo = [p for p in sorted(self.stored) if p not in made]
        while todo:
            position = todo.pop()
            if position in made:
                continue
            made.add(position)
            kernel = self._trace([position])
            while not self.stored.issuperset(kernel.crowded):
                self.stored.update(kernel.crowded)
                todo += [p for p in kernel.crowded if p not in made]
                kernel = self._trace([position])
            self.kernels[position] = kernel
            found = [p for p in _reads(kernel, self.entries) if self._needs_kernel(p)]
            self.stored.update(found)
            todo += [p for p in found if p not in made]

    def _trace(self, roots: list[int]) -> Kernel:
        root = roots[-1]
        entry = self.entries[root]
        if entry.op == "gemm":
            return self._product(roots, root)
        if TABLE[entry.op].kind in FIXED:
            return Kernel([], [], [], [Output(root, None, index.ZERO)], [], [], False, [], [],
                          routine=root)  # fmt: skip
        plain = self._tracer(roots)
        kernel = plain.trace()
        if not kernel.row and len(kernel.kept) > 1:
            flat = self._tracer(roots, (entry.size,)).trace()
            if not flat.row and flat.loads == kernel.loads and _is_flat(flat):
                return flat
        return kernel

    def _tracer(self, roots: list[int], domain: Shape | None = None) -> Tracer:
        return Tracer(self.entries, self.stored, roots, domain, sides=self.on_cpu)

    def _product(self, roots: list[int], gemm: int) -> Kernel:
        """A product, what follows it, and how its operands come about where it is the CPU's."""
        entry = self.entries[gemm]
        tracer = Tracer(self.entries, self.stored, roots, domain=entry.shape, product=gemm)
        kernel = tracer.trace()
        if entry.attrs[2]:
            batch = [v for v in kernel.kept if int(v.name[1:]) < len(entry.shape) - 2]
            sides = (operand(self.entries, self.stored, i, batch) for i in entry.inputs)
            kernel.operands = tuple(sides)
            kernel.crowded += [p for o in kernel.operands for p in o.crowded]
        return kernel

    # What several kernels compute

    def _store_shared(self) -> bool:
        users: dict[int, set[int]] = {}
        for root, kernel in self.kernels.items():
            for position in kernel.computes:
                if position not in self.stored:
                    users.setdefault(position, set()).add(root)
        shared = {p for p, roots in users.items() if len(roots) > 1 and self._dear(p, roots)}
        # Those below another one are mostly no longer shared once that one is stored.
        below: set[int] = set()
        for p in range(len(self.entries) - 1, -1, -1):
            if p in shared or p in below:
                below.update(i for i in self.entries[p].inputs if i not in self.stored)
        top = shared - below
        if not top:
            return False
        if any(self._merge_rows(users[p]) for p in sorted(top)):
            return True
        self.stored |= top
        for root in {r for p in top for r in users[p]}:
            del self.kernels[root]
        return True

    def _merge_rows(self, roots: set[int]) -> bool:
        """Let one kernel do what two kernels that share a reduction need of the same rows."""
        mapped = [r for r in sorted(roots) if self.kernels[r].mapped]
        for main in mapped:
            for other in sorted(roots - {main}):
                first, second = self.kernels[other], self.kernels[main]
                same = (first.rows, first.row_size) == (second.rows, second.row_size)
                if not same or self._connected(other, main):
                    continue
                merged = self._together([o.entry for k in (first, second) for o in k.outputs])
                known = {*first.loads, *second.loads}
                if merged and merged.row and not set(merged.loads) - known:
                    del self.kernels[other]
                    self.kernels[main] = merged
                    return True
        return False

    def _connected(self, a: int, b: int) -> bool:
        return self._reaches(a, b, skip_direct=False) or self._reaches(b, a, skip_direct=False)

    def _together(self, roots: list[int]) -> Kernel | None:
        """The kernel that stores all of ``roots``, or None where they do not fit together."""
        try:
            merged = self._trace(roots)
        except (Misfit, ValueError):
            return None
        return None if merged.crowded or set(roots) & set(merged.loads) else merged

    def _below(self, position: int) -> set[int]:
        seen: set[int] = set()
        stack = list(self.entries[position].inputs)
        while stack:
            p = stack.pop()
            if p not in seen and p not in self.stored:
                seen.add(p)
                stack += self.entries[p].inputs
        return seen

    def _dear(self, position: int, roots: set[int]) -> bool:
        below = self._below(position) | {position}
        for p in below:
            reduces = TABLE[self.entries[p].op].kind in ("reduce", "contract")
            if reduces and self.on_cpu and is_side(self.entries, p):
                continue
            if reduces and not all(self.kernels[r].mapped for r in roots):
                return True
        return sum(TABLE[self.entries[p].op].cost for p in below) >= RECOMPUTE

    # Several outputs of one domain in one kernel

    def _merge_outputs(self) -> None:
        for root in sorted(self.kernels, reverse=True):
            kernel = self.kernels.get(root)
            if kernel is None or kernel.is_fixed:
                continue
            for other in [p for p in kernel.loads if p in self.kernels]:
                self._merge(other, root)

    def _merge(self, other: int, root: int) -> None:
        """Let the kernel of ``root`` also store ``other``, which it reads."""
        first, second = self.kernels[other], self.kernels[root]
        if first.is_fixed or other in self.cuts:
            return
        if self._reaches(other, root, skip_direct=True):
            return
        roots = [o.entry for o in first.outputs] + [o.entry for o in second.outputs]
        if not self._same_domain(roots):
            return
        try:
            merged = self._trace(roots)
        except (Misfit, ValueError):
            return
        stored = set(roots)
        if stored & set(merged.loads) or bool(merged.row) != bool(second.row):
            return
        if set(merged.loads) - set(first.loads) - set(second.loads):
            return
        if (merged.rows, merged.row_size) != (second.rows, second.row_size):
            return
        for r in roots:
            self.kernels.pop(r, None)
        self.kernels[root] = merged

    def _same_domain(self, roots: list[int]) -> bool:
        main = self.entries[roots[-1]].shape
        return all(
            len(s) == len(main) and all(a in (1, b) for a, b in zip(s, main, strict=True))
            for s in (self.entries[r].shape for r in roots)
        )

    def _reaches(self, start: int, goal: int, skip_direct: bool) -> bool:
        """Whether ``goal`` needs ``start`` through yet another kernel."""
        owner = {o.entry: r for r, k in self.kernels.items() for o in k.outputs}
        source, target = owner[start], owner[goal]
        stack = [owner[p] for p in _reads(self.kernels[target], self.entries) if p in owner]
        stack = [r for r in stack if not (skip_direct and r == source)]
        seen: set[int] = set()
        while stack:
            r = stack.pop()
            if r == source:
                return True
            if r not in seen:
                seen.add(r)
                reads = _reads(self.kernels[r], self.entries)
                stack += [owner[p] for p in reads if p in owner]
        return False

    # Work that follows a product

    def _fuse_epilogues(self) -> None:
        for gemm in [r for r, k in self.kernels.items() if k.product is not None]:
            users = [r for r, k in self.kernels.items() if gemm in _reads(k, self.entries)]
            if len(users) == 1 and gemm not in self.results:
                self._fuse_epilogue(gemm, users[0])

    def _fuse_epilogue(self, gemm: int, user: int) -> None:
        kernel, shape = self.kernels[user], self.entries[gemm].shape
        if kernel.is_fixed or kernel.row or kernel.mapped or kernel.sides:
            return
        roots = [o.entry for o in kernel.outputs]
        if any(self.entries[r].size != self.entries[gemm].size for r in roots):
            return
        if self._reaches(gemm, user, skip_direct=True):
            return
        wide = bool(self.entries[gemm].attrs[2])
        known = {*kernel.loads, *self.kernels[gemm].reads}
        try:
            fused = self._product(roots, gemm)
        except (Misfit, ValueError):
            return
        if gemm in fused.loads or set(fused.reads) - known:
            return
        if product.can_follow(fused, shape, wide):
            del self.kernels[gemm]
            self.kernels[user] = fused

    def _ordered(self) -> list[Kernel]:
        owner = {o.entry: r for r, k in self.kernels.items() for o in k.outputs}
        done: dict[int, None] = {}
        stack = [(r, False) for r in sorted(self.kernels, reverse=True)]
        while stack:
            root, ready = stack.pop()
            if root in done:
                continue
            if ready:
                done[root] = None
                continue
            stack.append((root, True))
            reads = _reads(self.kernels[root], self.entries)
            stack += [(owner[p], False) for p in reads if p in owner and owner[p] not in done]
        return [self.kernels[r] for r in done]


def _cuts(entries: list[Entry]) -> set[int]:
    """The entries at which long chains and wide sums are cut into several kernels."""
    cuts: set[int] = set()
    heights: list[int] = []
    reads: list[frozenset[int]] = []
    for position, entry in enumerate(entries):
        height = 1 + max((heights[i] for i in entry.inputs), default=-1)
        read = frozenset().union(*(reads[i] for i in entry.inputs))
        kind = TABLE[entry.op].kind
        # A view that is stored costs a copy, so the cut waits for an operation where it can.
        deepest = DEEPEST * (2 if kind == "view" else 1)
        if kind not in ("source", "barrier") and (height > deepest or len(read) > MOST_READ):
            cuts.add(position)
        if entry.op in ("gemm", "leaf") or kind in FIXED or position in cuts:
            height, read = 0, frozenset([position])
        heights.append(height)
        reads.append(read)
    return cuts


def _is_flat(kernel: Kernel) -> bool:
    """Whether every access of a collapsed domain is still a plain stride."""
    (var,) = kernel.kept or (None,)
    for expr in kernel.exprs:
        forms = {"load": 1, "random": 1, "index": 0}.get(expr.kind)
        if forms is not None and var and expr.data[forms].coefficient(var) is None:
            return False
        bounds = expr.data[-1] if expr.kind in ("load", "guard") else ()
        if any(var in form.variables for form, *_ in bounds):
            return False
    return True
