"""Fewer launches: independent neighbours become one kernel, small followers its last work-item's.

Every kernel of the CPU schedule is a function of the number of its work-item, so several of them
run side by side as one launch, each with a range of work-items. A small kernel that reads what
others of the launch write is run whole by the work-item that finishes last: each one counts itself
off on an atomic counter after its writes, and whoever meets the final count goes on (the
"last block" pattern of NVIDIA's threadFenceReduction sample). The order of summation stays fixed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from jairika_nb.engine.source import Argument, Source

# Drivers were seen to take 600 arguments; compilers slow down before that.
MOST_ARGUMENTS = 320
# How many launches before the last one a small kernel is tried in.
LOOK_BACK = 8
# Operations that one work-item may do alone at the end of a launch.
TAIL = 8192


@dataclass
class Group:
    """One launch: functions side by side, then those that the last work-item runs in turn."""

    side_by_side: list[int] = field(default_factory=list)
    tail: list[int] = field(default_factory=list)

    @property
    def members(self) -> list[int]:
        """All kernels of the launch, in an order in which they could run one by one."""
        return [*self.side_by_side, *self.tail]


def group(sources: list[Source], small: list[bool]) -> list[Group]:
    """Launches for kernels given in order; ``small`` tells which may become a tail."""
    groups: list[Group] = []
    made: dict[int, int] = {}  # entry -> the group that writes it
    for number, source in enumerate(sources):
        needed = max((made[e] for e in _read(source) if e in made), default=-1)
        last = len(groups) - 1
        # What is small may run earlier than it has to: its memory matters little.
        first = max(needed, last - LOOK_BACK if small[number] else last, 0)
        fits = [g for g in range(last, first - 1, -1) if _fits(groups[g], number, sources)]
        place = next((g for g in fits if needed < g or small[number]), None)
        if place is None:
            place = len(groups)
            groups.append(Group([number]))
        else:
            joined = groups[place]
            (joined.side_by_side if needed < place else joined.tail).append(number)
        made |= dict.fromkeys(source.outputs, place)
    return groups


def _read(source: Source) -> list[int]:
    return [a.value for a in source.arguments if a.kind == "buffer"]


def _fits(group: Group, number: int, sources: list[Source]) -> bool:
    members = [*group.members, number]
    if not all(_is_function(sources[m]) for m in members):
        return False
    return len(_arguments([sources[m] for m in members])) <= MOST_ARGUMENTS


def _is_function(source: Source) -> bool:
    """Whether a kernel is a function of its work-item's number alone."""
    plain = source.body.startswith("kernel void") and "get_local_id" not in source.body
    return (
        plain
        and not source.alone
        and source.local_size == (1,)
        and len(source.global_size) == 1
        and all(source.global_size)
    )


def _arguments(sources: list[Source]) -> dict[Argument, None]:
    return {a: None for s in sources for a in s.arguments}


def merge(sources: list[Source], group: Group) -> Source:
    """The kernel of a group."""
    members = [sources[m] for m in group.members]
    if len(members) == 1:
        return members[0]
    names, declared = _parameters(members)
    functions = _Functions(members)
    beside = [sources[m] for m in group.side_by_side]
    after = [sources[m] for m in group.tail]
    bounds = _running_total([s.global_size[0] for s in beside])
    sizes = [
        Argument("int", b) for b in dict.fromkeys([*bounds, *(s.global_size[0] for s in after)])
    ]
    size_names = {a.value: f"s{i}" for i, a in enumerate(sizes)}
    declared += [f"const int {name}" for name in size_names.values()]
    lines = [
        "const int item = get_global_id(0);",
        *_dispatch(beside, bounds, functions, names, size_names),
    ]
    arguments = [*names, *sizes]
    if after:
        arguments.append(Argument("counter", 0))
        declared.append("volatile global int *counter")
        lines += _last_one(after, bounds[-1], functions, names, size_names)
    name = _name(members)
    inside = "\n".join(f"  {line}" for line in lines)
    kernel = f"kernel void {name}(\n    {', '.join(declared)}) {{\n{inside}\n}}\n"
    return Source(
        name, functions.text + kernel, frozenset().union(*(s.preambles for s in members)),
        arguments, (bounds[-1],), (1,), [o for s in members for o in s.outputs],
        sum(s.bytes for s in members), sum(s.flops for s in members),
    )  # fmt: skip


def _running_total(sizes: list[int]) -> list[int]:
    total, out = 0, []
    for size in sizes:
        total += size
        out.append(total)
    return out


def _dispatch(
    beside: list[Source], bounds: list[int], functions: _Functions, names: dict, sizes: dict
) -> list[str]:
    """Which function a work-item runs: each has a range of numbers."""
    lines, before = [], 0
    for number, (source, bound) in enumerate(zip(beside, bounds, strict=True)):
        item = f"item - {sizes[before]}" if number else "item"
        other = "else " if number else ""
        test = f"if (item < {sizes[bound]}) " if number < len(beside) - 1 else ""
        lines.append(f"{other}{test}{functions.call(source, item, names)}")
        before = bound
    return lines


def _last_one(
    after: list[Source], items: int, functions: _Functions, names: dict, sizes: dict
) -> list[str]:
    lines = [
        "mem_fence(CLK_GLOBAL_MEM_FENCE);",
        f"if (atomic_inc(counter) == {sizes[items]} - 1) {{",
        "  mem_fence(CLK_GLOBAL_MEM_FENCE);",
        "  *counter = 0;",
    ]
    for source in after:
        many = sizes[source.global_size[0]]
        lines.append(f"  for (int i = 0; i < {many}; i++) {functions.call(source, 'i', names)}")
    return [*lines, "}"]


class _Functions:
    """The kernels of a group as functions of the work-item's number, one for equal texts."""

    def __init__(self, members: list[Source]) -> None:
        self.names: dict[str, str] = {}
        taken: set[str] = set()
        texts = []
        many = len({s.body for s in members}) < len(members)
        for source in members:
            if source.body in self.names:
                continue
            name = source.name if source.name not in taken else f"{source.name}_{len(taken)}"
            taken.add(name)
            self.names[source.body] = name
            texts.append(_function(source, name, shared=many))
        self.text = "".join(texts)

    def call(self, source: Source, item: str, names: dict[Argument, str]) -> str:
        """The call of a kernel's function for one work-item."""
        passed = ", ".join([item, *(names[a] for a in source.arguments)])
        return f"{self.names[source.body]}({passed});"


def _function(source: Source, name: str, shared: bool) -> str:
    # One function for many calls stays one: inlined forty times it would compile for seconds.
    kind = "__attribute__((noinline)) void" if shared else "inline void"
    body = source.body.replace("get_global_id(0)", "item")
    return body.replace(f"kernel void {source.name}(", f"{kind} {name}(\n    const int item,", 1)


def _parameters(members: list[Source]) -> tuple[dict[Argument, str], list[str]]:
    """A name for every argument of the launch, and the declarations."""
    names: dict[Argument, str] = {}
    declared: list[str] = []
    for source in members:
        for argument, text in zip(source.arguments, _declarations(source), strict=True):
            if argument not in names:
                names[argument] = name = f"{_LETTERS.get(argument.kind, 'p')}{len(names)}"
                declared.append(_declared(text, name))
    return names, declared


_LETTERS = {"buffer": "b", "scalar": "c", "stream": "k", "int": "n", "long": "n"}


def _declarations(source: Source) -> list[str]:
    inside = source.body[source.body.index("(") + 1 : source.body.index(") {")]
    return [part.strip() for part in inside.split(",")]


def _declared(text: str, name: str) -> str:
    """A parameter's declaration under another name; others of the launch may write the buffer."""
    kind = re.sub(r"\w+$", "", text).rstrip().removesuffix("restrict").rstrip()
    if "*" in kind:
        kind = kind.replace("const ", "")
    return f"{kind}{name}" if kind.endswith("*") else f"{kind} {name}"


def _name(members: list[Source]) -> str:
    names = list(dict.fromkeys(s.name for s in members))
    if len(names) == 1:
        return f"{names[0]}_x{len(members)}"
    rest = [] if len(names) <= 3 else [f"{len(names) - 3}_more"]
    return "_and_".join([*names[:3], *rest])
