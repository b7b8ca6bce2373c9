"""Which values of a program are stored, and the kernel that computes each.

What is asked for is stored, and what kernels cannot compute on the way; a value that several
kernels need is stored where computing it again would cost more.
"""

from __future__ import annotations

from jairika_nb.engine import following, index, inplace, merging
from jairika_nb.engine.fuse import Tracer, is_side, operand
from jairika_nb.engine.fused import Expr, Kernel, Operand, Output
from jairika_nb.engine.graph import TABLE, Shape
from jairika_nb.engine.index import Form, Quotient, Remainder, Var
from jairika_nb.engine.lower import Lowered
from jairika_nb.engine.ordering import Work, depth_first, ordered
from jairika_nb.engine.product import is_strided
from jairika_nb.engine.program import Entry

# A value that several kernels need is computed in each of them up to this cost (an addition is 1,
# an exponential 8); above it, it is stored.
RECOMPUTE = 24
# No kernel computes longer chains of operations than this, or reads many more tensors: compilers
# take long over large kernels, and drivers limit their arguments.
DEEPEST, MOST_READ = 64, 48
# Lines that are worth being told apart, in elements.
SHORTEST_LINE = 16
# Kinds of operations whose kernel is given rather than traced.
FIXED = ("routine", "host")
# Operations that only turn a value into the form that one other kernel reads.
PACKED = ("winograd_image", "direct_image")


class Planner:
    """Decides which entries are stored and traces a kernel for each; see the module."""

    def __init__(self, lowered: Lowered) -> None:
        self.entries = lowered.entries
        self.companions = lowered.companions
        # A GPU has too many work-items for each to repeat a sum.
        self.on_cpu = lowered.device.kind != "gpu"
        self.results = [self._base(w) for w in lowered.wanted]
        wanted = [*self.results, *map(self._base, lowered.forced)]
        self.cuts = _cuts(self.entries)
        wanted += self.cuts
        # A forced view of a stored value would be stored twice were its base not asked for.
        self.stored = {w for w in (*wanted, *lowered.forced) if self._needs_kernel(w)}
        self.ends = following.ends(self.entries, self.stored, self.results)
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
        merging.outputs(self)
        merging.epilogues(self)
        return self._ordered()

    def reads(self, root: int) -> list[int]:
        """The stored entries that the kernel of ``root`` reads."""
        return self._read_by(self.kernels[root])

    def _read_by(self, kernel: Kernel) -> list[int]:
        fixed = kernel.routine if kernel.product is None else kernel.product
        if fixed is None or kernel.operands:
            return kernel.reads
        # A source that is not stored is numbers among the arguments of a routine.
        given = self.entries[fixed].inputs
        return [*kernel.reads, *(i for i in given if self._is_stored(i))]

    def _is_stored(self, position: int) -> bool:
        return self.entries[position].op not in ("const", "random") or position in self.stored

    # Tracing

    def _trace_all(self) -> None:
        made = {o.entry for k in self.kernels.values() for o in k.outputs}
        todo = [p for p in sorted(self.stored) if p not in made]
        while todo:
            position = self._maker(todo.pop())
            if position in made:
                continue
            made.add(position)
            kernel = self.trace([position])
            while not self.stored.issuperset(kernel.crowded):
                self.stored.update(kernel.crowded)
                todo += [p for p in kernel.crowded if p not in made]
                kernel = self.trace([position])
            self.kernels[position] = kernel
            made.update(o.entry for o in kernel.outputs)
            found = [p for p in self._read_by(kernel) if self._needs_kernel(p)]
            self.stored.update(found)
            todo += [p for p in found if p not in made]

    def _maker(self, position: int) -> int:
        # A companion is stored by the routine that it belongs to.
        entry = self.entries[position]
        return entry.inputs[0] if entry.op == "companion" else position

    def trace(self, roots: list[int]) -> Kernel:
        """The kernel that stores ``roots``."""
        root = roots[-1]
        entry = self.entries[root]
        if entry.op == "gemm":
            return self.product(roots, root)
        if TABLE[entry.op].kind in FIXED:
            stored = (root, *self.companions.get(root, {}).values())
            outputs = [Output(p, None, index.ZERO) for p in stored]
            return Kernel([], [], [], outputs, [], [], False, [], [], routine=root)
        plain = self._tracer(roots)
        kernel = plain.trace()
        if not kernel.row and len(kernel.kept) > 1:
            flat = self._tracer(roots, (entry.size,)).trace()
            if not flat.row and flat.loads == kernel.loads and _is_flat(flat):
                return flat
            kernel = self._with_long_lines(roots, kernel)
        return self._with_cut_lines(roots, kernel) if self.on_cpu else kernel

    def _with_cut_lines(self, roots: list[int], kernel: Kernel) -> Kernel:
        """The kernel with its last axis cut at the length that its indices divide it by.

        What is padded and then seen as one line, say: no index is a quotient any more.
        """
        last = kernel.kept[-1] if kernel.kept and not kernel.row else None
        lengths = {n for e in kernel.exprs for n in _divisors(e, last)} if last else set()
        shape = self.entries[roots[-1]].shape
        if last is None or len(lengths) != 1 or shape[-1] != last.size:
            return kernel
        (length,) = lengths
        if length < SHORTEST_LINE or length == last.size or last.size % length:
            return kernel
        found = self._tracer(roots, (*shape[:-1], last.size // length, length)).trace()
        # What a sum of one product gives has no other shape than its own.
        if found.loads != kernel.loads or any(_divisors(e, found.kept[-1]) for e in found.exprs):
            return kernel
        return found

    def _with_long_lines(self, roots: list[int], kernel: Kernel) -> Kernel:
        """The kernel with its last axes seen as one, as far as every access stays a plain stride.

        Lines of an image are short; its planes are not.
        """
        shape = self.entries[roots[-1]].shape
        while len(shape) > 2:
            shape = (*shape[:-2], shape[-2] * shape[-1])
            found = self._tracer(roots, shape).trace()
            if found.row or found.loads != kernel.loads or not _is_flat(found):
                break
            kernel = found
        return kernel

    def _tracer(self, roots: list[int], domain: Shape | None = None) -> Tracer:
        return Tracer(self.entries, self.stored, roots, domain, sides=self.on_cpu)

    def product(self, roots: list[int], gemm: int) -> Kernel:
        """The kernel of a product, with what follows it and, on a CPU, how its operands come."""
        entry = self.entries[gemm]
        tracer = Tracer(self.entries, self.stored, roots, domain=entry.shape, product=gemm)
        kernel = tracer.trace()
        if not self.on_cpu:
            kernel.operands = tuple(self._for_tiles(i) for i in entry.inputs)
        else:
            batch = [v for v in kernel.kept if int(v.name[1:]) < len(entry.shape) - 2]
            left, right = entry.inputs
            seen = operand(self.entries, self.stored, right, batch)
            kernel.operands = self._in_place(left, batch), seen
        kernel.crowded += [p for o in kernel.operands for p in o.crowded]
        return kernel

    def _for_tiles(self, position: int) -> Operand:
        """An operand of a GPU's product; parts of the inner axis are not among its batch axes."""
        sizes = self.entries[position].shape[:-2]
        batch = [Var(f"i{d}", n) for d, n in enumerate(sizes) if n != 1]
        return operand(self.entries, self.stored, position, batch)

    def _in_place(self, position: int, batch: list[Var]) -> Operand:
        """A left operand, from the first stored value on the way down that strides can read.

        Lowering saw that there is one; between it and the operand others may be stored by now.
        """
        seen, base = operand(self.entries, self.stored, position, batch), position
        while not is_strided(seen):
            base = self.entries[base].inputs[0]
            if base in self.stored or self.entries[base].op == "leaf":
                seen = operand(self.entries, {base}, position, batch)
        return seen

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
        ends = {p for p, roots in users.items() if len(roots) > 1 and self._follows(p)}
        if not top | ends:
            return False
        if any(merging.same_rows(self, users[p]) for p in sorted(top - ends)):
            return True
        top |= ends
        self.stored |= top
        for root in {r for p in top for r in users[p]}:
            del self.kernels[root]
        return True

    def _follows(self, position: int) -> bool:
        """Whether a product's kernel can store a value that is made of the product alone."""
        gemm = self.ends.get(position)
        if gemm not in self.kernels:
            return False
        known = {*self.trace([position]).loads, *self.kernels[gemm].reads}
        return following.followed(self, gemm, [position], known) is not None

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

    def _ordered(self) -> list[Kernel]:
        owner = {o.entry: r for r, k in self.kernels.items() for o in k.outputs}
        kept = set(self.results)
        works = {}
        for root, kernel in self.kernels.items():
            reads = [p for p in self.reads(root) if p in owner]
            makes = {o.entry: self._bytes(o.entry) for o in kernel.outputs if o.entry not in kept}
            needs = [owner[p] for p in reads]
            works[root] = Work(needs, makes, [p for p in reads if p not in kept])
        packing = [r for r in works if self.entries[r].op in PACKED]
        self._let_readers_go_first(works, set(packing))
        return [self.kernels[root] for root in ordered(works, packing)]

    def _let_readers_go_first(self, works: dict[int, Work], packing: set[int]) -> None:
        """A product whose epilogue can write over a leaf comes after all that read the leaf."""
        rank = {root: i for i, root in enumerate(depth_first(works))}
        readers: dict[int, set[int]] = {}
        for root in works.keys() - packing:
            for leaf in self.reads(root):
                readers.setdefault(leaf, set()).add(root)
        for root, kernel in self.kernels.items():
            if kernel.product is not None:
                pairs = inplace.elementwise(kernel, self.entries)
                leaves = {leaf for result, leaf in pairs if result in self.results}
                others = set().union(*(readers[leaf] for leaf in leaves))
                # Along with the order of depth nothing comes to wait for itself.
                works[root].needs += [r for r in sorted(others) if rank[r] < rank[root]]

    def _bytes(self, position: int) -> int:
        return self.entries[position].size * self.entries[position].dtype.itemsize


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


def _divisors(expr: Expr, var: Var) -> set[int]:
    """What the indices of an expression divide by where ``var`` stands in the dividend."""
    bounds = expr.data[-1] if expr.kind in ("load", "guard") else ()
    forms = [*(d for d in expr.data if isinstance(d, Form)), *(b[0] for b in bounds)]
    atoms = [atom for form in forms for atom, _ in form.terms]
    return {
        atom.by
        for atom in atoms
        if isinstance(atom, (Quotient, Remainder)) and var in atom.form.variables
    }


def _is_flat(kernel: Kernel) -> bool:
    """Whether every access is still a plain stride along the last of axes seen as one."""
    var = kernel.kept[-1] if kernel.kept else None
    for expr in kernel.exprs:
        forms = {"load": 1, "random": 1, "index": 0}.get(expr.kind)
        if forms is not None and var and expr.data[forms].coefficient(var) is None:
            return False
        bounds = expr.data[-1] if expr.kind in ("load", "guard") else ()
        if any(var in form.variables for form, *_ in bounds):
            return False
    return True
