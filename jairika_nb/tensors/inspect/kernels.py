"""``x.kernels()``: the fused kernels that computing tensors would launch, with their OpenCL C."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from jairika_nb.engine import spelling
from jairika_nb.engine.outline import Outline, Parameter, columns, operation, outline
from jairika_nb.engine.source import Source
from jairika_nb.errors import DeviceError
from jairika_nb.tensors.inspect import page
from jairika_nb.tensors.inspect.highlight import highlighted
from jairika_nb.tensors.inspect.units import amount, number, ratio, shortened
from jairika_nb.tensors.tensor import Tensor

NOTHING = "nothing to run: the values are there already"
# A page of more kernels than this shows these, most expensive first, and names the rest.
MOST_SHOWN = 40
PRE = f"{page.CODE};margin:4px 0 8px;line-height:1.4;overflow:auto;max-height:480px"


class Kernels:
    """The kernels of a computation, in the order in which they would run.

    A sequence of ``Source``: ``name``, ``text`` (the OpenCL C), ``bytes`` and ``flops`` counted
    once a launch, ``global_size`` and ``local_size``.
    """

    ok = True

    def __init__(self, *tensors: Tensor) -> None:
        for tensor in tensors:
            if tensor.device.is_reference:
                raise DeviceError(
                    "kernels: the NumPy reference runs no kernels; put the tensor on an OpenCL "
                    "device, for example with x.to('cpu')"
                )
        self.outline: Outline = outline([t.node for t in tensors])
        self.sources: list[Source] = self.outline.sources

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, i: int) -> Source:
        return self.sources[i]

    def __iter__(self) -> Iterator[Source]:
        return iter(self.sources)

    @property
    def summary(self) -> str:
        """How many launches there are, and what they cost together."""
        if not self.sources:
            return NOTHING
        moved, flops = (sum(getattr(s, k) for s in self.sources) for k in ("bytes", "flops"))
        return (
            f"{number(len(self.sources), 'launch')} of {number(len(self.groups()), 'kernel')}, "
            f"{amount(moved, 'B')} moved, {amount(flops, 'flop')}, {ratio(flops, moved)} flop/B"
        )

    def groups(self) -> list[list[int]]:
        """The launches by kernel: those of one source together, in order of their first launch."""
        rows: dict[str, list[int]] = {}
        for i, source in enumerate(self.sources):
            rows.setdefault(source.text or source.name, []).append(i)
        return list(rows.values())

    def to_json(self) -> list[dict[str, Any]]:
        """Every launch with its cost and source."""
        keys = ("name", "bytes", "flops", "global_size", "local_size", "text")
        return [{k: getattr(s, k) for k in keys} for s in self.sources]

    def __str__(self) -> str:
        shown, left_out = self._shown()
        parts = [self._text(group) for group in shown]
        return "\n".join([f"// {self.summary}", *parts, *([f"// {left_out}"] if left_out else [])])

    __repr__ = __str__

    def _shown(self) -> tuple[list[list[int]], str]:
        groups = self.groups()
        if len(groups) <= MOST_SHOWN:
            return groups, ""
        dearest = sorted(groups, key=lambda g: -self.sources[g[0]].bytes * len(g))[:MOST_SHOWN]
        note = f"{len(groups) - MOST_SHOWN} cheaper kernels are left out; index the object for them"
        return sorted(dearest), note

    def _text(self, group: list[int]) -> str:
        source, rows = self.sources[group[0]], self.outline.arguments[group[0]]
        lines = [f"\n// {self._head(group)}", *(f"//   {w}" for w in _launch(source))]
        lines += [f"//   computes {self._computes(group[0])}"]
        lines += [f"//   {line}" for line in columns([(p.name, p.meaning) for p in rows])]
        return "\n".join([*lines, source.text.rstrip()])

    def _head(self, group: list[int]) -> str:
        source = self.sources[group[0]]
        numbers = ", ".join(str(i + 1) for i in group[:8]) + (", ..." if len(group) > 8 else "")
        often = f"; launched {len(group)} times" if len(group) > 1 else ""
        return f"{numbers}  {shortened(source.name, 72)}{often}"

    def _computes(self, kernel: int) -> str:
        nodes = self.outline.nodes
        members = [f"%{i} {operation(nodes[i])}" for i in self.outline.members(kernel)]
        if not members:
            return "what other kernels read: a layout, or a part of an operation"
        shown = [*members[:5], "...", *members[-5:]] if len(members) > 12 else members
        return ", ".join(shown)

    def _repr_html_(self) -> str:
        if not self.sources:
            return page.block(f"<p>{NOTHING}</p>")
        shown, left_out = self._shown()
        parts = [f"<p>{escape(self.summary)}</p>"]
        parts += [self._section(g, opened=len(shown) == 1) for g in shown]
        parts += [f"<p>{escape(left_out)}</p>"] if left_out else []
        return page.block(*parts)

    def _section(self, group: list[int], opened: bool) -> str:
        source, rows = self.sources[group[0]], self.outline.arguments[group[0]]
        cost = f"{amount(source.bytes, 'B')}, {amount(source.flops, 'flop')}"
        facts = "; ".join([f"computes {self._computes(group[0])}", *_launch(source)])
        return (
            f"<details{' open' if opened else ''}><summary><b>{escape(self._head(group))}</b>"
            f" &nbsp; {cost}</summary><div style='padding-left:16px'><p>{escape(facts)}</p>"
            f"{_arguments(rows)}{_source(source)}</div></details>"
        )


def _launch(source: Source) -> list[str]:
    """How a kernel is launched and what one launch costs, in words."""
    cost = f"moves {amount(source.bytes, 'B')}"
    if source.flops:
        cost += f", {amount(source.flops, 'flop')}: {ratio(source.flops, source.bytes)} flop a byte"
    if source.host is not None:
        return ["runs on the host, by NumPy: its inputs come down and its result goes up", cost]
    items = " x ".join(f"{n:,}" for n in source.global_size)
    groups = " x ".join(str(n) for n in source.local_size or ())
    return [f"{items} work-items" + (f" in groups of {groups}" if groups else ""), cost]


def _arguments(rows: list[Parameter]) -> str:
    cells = [(p.name, p.declaration, p.meaning) for p in rows]
    return page.table(("argument", "declared as", "is"), cells, set()) if cells else ""


def _source(source: Source) -> str:
    called = "".join(spelling.PREAMBLES[p] for p in sorted(source.preambles))
    below = (
        f"<details><summary>functions it calls</summary><pre style='{PRE}'>"
        f"{highlighted(called)}</pre></details>"
        if called
        else ""
    )
    return f"<pre style='{PRE}'>{highlighted(source.body)}</pre>{below}" if source.body else ""
