"""Kernels as PoCL compiles them quickly: the same work in a third of what its compiler is given.

PoCL puts a kernel's text into two launchers of its own and compiles all three copies; a function
that is kept out of line it compiles once. One call for each work-item costs nothing where
work-items are long, as those of the CPU schedule are. Its `vload16` and `vstore16` are forty
instructions each before they are optimised, and a store stays four; a vector that may lie anywhere
is read and written as one.
"""

from __future__ import annotations

import re

from jairika_nb.engine.source import Source

PLATFORM = "Portable Computing Language"
# What only a kernel itself may have or ask.
OWN = re.compile(r"\b(get_local_id|get_group_id|barrier|local|sub_group_\w+)\b")
LANES = ("char", "uchar", "short", "ushort", "int", "uint", "long", "ulong", "float", "double")
KIND = "__attribute__((overloadable, always_inline))"


def is_single(source: Source) -> bool:
    """Whether a kernel is ours and each of its work-items is a group of its own."""
    return source.local_size == (1,) and not source.alone and not OWN.search(source.body)


def apart(source: Source) -> str:
    """The text of such a kernel, its work in a function that the kernel calls."""
    head = f"kernel void {source.name}("
    before, found, rest = source.body.partition(head)
    if not found or not is_single(source):
        return source.body
    declared, _, work = rest.partition(") {")
    parameters = declared.split(",")
    if "(" in declared or head in rest or any(len(p.split()) < 2 for p in parameters):
        # Parameters that macros stand for cannot be named, and one of several heads is chosen late.
        return _wide_accesses(source.body)
    passed = ["get_global_id(0)", "get_global_size(0)"]
    passed += [part.split()[-1].lstrip("*") for part in parameters]
    for asked, name in (("get_global_id(0)", "item_"), ("get_global_size(0)", "items_")):
        work = work.replace(asked, name)
    function = f"{source.name}_work"
    text = (
        f"{before}__attribute__((noinline)) void {function}(\n"
        f"    const size_t item_, const size_t items_, {declared.lstrip()}) {{{work}"
        f"{head}{declared}) {{\n  {function}({', '.join(passed)});\n}}\n"
    )
    return _wide_accesses(text)


def _wide_accesses(text: str) -> str:
    return text.replace("vload16(", "load_wide(").replace("vstore16(", "store_wide(")


def functions(texts: list[str]) -> str:
    """The functions that these texts call for what they read and write sixteen at a time."""
    text = "".join(texts)
    if "_wide(" not in text:
        return ""
    used = [lane for lane in LANES if re.search(rf"\b{lane}(16)?\b", text)]
    return "".join(_wide(lane, space) for lane in used for space in ("global ", ""))


def _wide(lane: str, space: str) -> str:
    loose = f"loose_{lane}16"
    once = f"typedef {lane}16 {loose} __attribute__((aligned(sizeof({lane}))));\n"
    return (
        f"{once if space else ''}"
        f"{KIND} {lane}16 load_wide(const size_t i, const {space}{lane} *p) {{\n"
        f"  return *(const {space}{loose} *)(p + 16 * i);\n}}\n"
        f"{KIND} void store_wide(const {lane}16 v, const size_t i, {space}{lane} *p) {{\n"
        f"  *({space}{loose} *)(p + 16 * i) = v;\n}}\n"
    )
