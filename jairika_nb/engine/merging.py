"""Several kernels as one: same rows, outputs of one domain, work that follows a product.

Each rule traces the joined kernel and takes it only if it reads nothing that the separate ones
did not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jairika_nb.engine import following
from jairika_nb.engine.fused import Kernel, Misfit

if TYPE_CHECKING:
    from jairika_nb.engine.planner import Planner

# Rows up to this length stay in the first cache between the passes over them.
LONGEST_ROW = 4096


def same_rows(planner: Planner, roots: set[int]) -> bool:
    """Let one kernel do what two kernels that share a reduction need of the same rows."""
    mapped = [r for r in sorted(roots) if planner.kernels[r].mapped]
    for main in mapped:
        for other in sorted(roots - {main}):
            first, second = planner.kernels[other], planner.kernels[main]
            same = (first.rows, first.row_size) == (second.rows, second.row_size)
            if not same or _connected(planner, other, main):
                continue
            merged = _together(planner, [o.entry for k in (first, second) for o in k.outputs])
            known = {*first.loads, *second.loads}
            if merged and merged.row and not set(merged.loads) - known:
                del planner.kernels[other]
                planner.kernels[main] = merged
                return True
    return False


def _connected(planner: Planner, a: int, b: int) -> bool:
    return _reaches(planner, a, b, skip_direct=False) or _reaches(planner, b, a, skip_direct=False)


def _together(planner: Planner, roots: list[int]) -> Kernel | None:
    """The kernel that stores all of ``roots``, or None where they do not fit together."""
    try:
        merged = planner.trace(roots)
    except (Misfit, ValueError):
        return None
    return None if merged.crowded or set(roots) & set(merged.loads) else merged


def outputs(planner: Planner) -> None:
    """Let kernels store what they read from another one of the same domain."""
    for root in sorted(planner.kernels, reverse=True):
        # What is joined may have stood between another one and this.
        while any(_join(planner, other, root) for other in _read_from(planner, root)):
            pass


def _read_from(planner: Planner, root: int) -> list[int]:
    kernel = planner.kernels.get(root)
    if kernel is None or kernel.is_fixed:
        return []
    return [p for p in kernel.loads if p in planner.kernels]


def _join(planner: Planner, other: int, root: int) -> bool:
    """Let the kernel of ``root`` also store ``other``, which it reads, if they fit together."""
    first, second = planner.kernels[other], planner.kernels[root]
    if first.is_fixed or other in planner.cuts:
        return False
    if _reaches(planner, other, root, skip_direct=True):
        return False
    roots = [o.entry for o in first.outputs] + [o.entry for o in second.outputs]
    if not _same_domain(planner, roots):
        return False
    try:
        merged = planner.trace(roots)
    except (Misfit, ValueError):
        return False
    known = {*first.loads, *second.loads}
    if set(roots) & set(merged.loads) or set(merged.loads) - known:
        return False
    if not (_is_like(merged, second) or _is_row_of(merged, first, second)):
        return False
    gemm = planner.ends.get(other)
    if gemm in planner.kernels and gemm in first.loads:
        known.update(planner.kernels[gemm].reads)
        if following.followed(planner, gemm, roots, known) is None:
            return False
    for r in roots:
        planner.kernels.pop(r, None)
    planner.kernels[root] = merged
    return True


def _is_like(merged: Kernel, second: Kernel) -> bool:
    sizes = [(bool(k.row), k.rows, k.row_size) for k in (merged, second)]
    return sizes[0] == sizes[1]


def _is_row_of(merged: Kernel, first: Kernel, second: Kernel) -> bool:
    """Whether a kernel reduces rows that lie in one piece and then writes along them."""
    if first.mapped or second.row or not merged.mapped or merged.row_size > LONGEST_ROW:
        return False
    axes = [int(v.name[1:]) for v in (*merged.kept, *merged.row)]
    return _is_like(merged, first) and axes == sorted(axes)


def _same_domain(planner: Planner, roots: list[int]) -> bool:
    main = planner.entries[roots[-1]].shape
    return all(
        len(s) == len(main) and all(a in (1, b) for a, b in zip(s, main, strict=True))
        for s in (planner.entries[r].shape for r in roots)
    )


def _reaches(planner: Planner, start: int, goal: int, skip_direct: bool) -> bool:
    """Whether ``goal`` needs ``start`` through yet another kernel."""
    owner = {o.entry: r for r, k in planner.kernels.items() for o in k.outputs}
    source, target = owner[start], owner[goal]
    stack = [owner[p] for p in planner.reads(target) if p in owner]
    stack = [r for r in stack if not (skip_direct and r == source)]
    seen: set[int] = set()
    while stack:
        r = stack.pop()
        if r == source:
            return True
        if r not in seen:
            seen.add(r)
            stack += [owner[p] for p in planner.reads(r) if p in owner]
    return False


def epilogues(planner: Planner) -> None:
    """Let elementwise work be done on a product's tiles as they are finished."""
    for gemm in [r for r, k in planner.kernels.items() if k.product is not None]:
        users = [r for r in planner.kernels if gemm in planner.reads(r)]
        if len(users) == 1 and gemm not in planner.results:
            _follow(planner, gemm, users[0])


def _follow(planner: Planner, gemm: int, user: int) -> None:
    kernel = planner.kernels[user]
    if kernel.is_fixed or kernel.row or kernel.mapped or kernel.sides:
        return
    if _reaches(planner, gemm, user, skip_direct=True):
        return
    roots = [o.entry for o in kernel.outputs]
    known = {*kernel.loads, *planner.kernels[gemm].reads}
    fused = following.followed(planner, gemm, roots, known)
    if fused is not None:
        del planner.kernels[gemm]
        planner.kernels[user] = fused
