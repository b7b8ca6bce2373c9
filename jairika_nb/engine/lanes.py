"""How work-items that run in step hand each other values without local memory.

Drivers list it as cl_khr_subgroup_shuffle; NVIDIA's does not, but has the instruction (PTX ISA,
"shfl.sync").
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from jairika_nb.engine import instructions
from jairika_nb.engine.code import Writer
from jairika_nb.engine.device import Device
from jairika_nb.engine.fused import Reduction
from jairika_nb.engine.preambles import PREAMBLES

NVIDIA = "cl_nv_device_attribute_query"
SHUFFLE = "cl_khr_subgroup_shuffle"

_SHUFFLE = """\
inline uint shuffle_xor_uint(uint v, uint mask) {
  uint other;
  __asm__ volatile("shfl.sync.bfly.b32 %0, %1, %2, 0x1f, 0xffffffff;"
                   : "=r"(other) : "r"(v), "r"(mask));
  return other;
}
"""
_SHORT = """\
inline KIND shuffle_xor_KIND(KIND v, uint mask) {
  return as_KIND(shuffle_xor_uint(as_uint(v), mask));
}
"""
_LONG = """\
inline KIND shuffle_xor_KIND(KIND v, uint mask) {
  const uint2 half_of = as_uint2(v);
  return as_KIND((uint2)(shuffle_xor_uint(half_of.x, mask), shuffle_xor_uint(half_of.y, mask)));
}
"""
PREAMBLES["exchange_uint"] = _SHUFFLE
for _kind in ("int", "float", "long", "ulong", "double"):
    _text = _SHORT if _kind in ("int", "float") else _LONG
    # The functions of other kinds call that for uint, which sorts behind them: so they hold it.
    PREAMBLES[f"exchange_with_{_kind}"] = _text.replace("KIND", _kind)


_PROBE = """\
kernel __attribute__((reqd_work_group_size(64, 1, 1))) void probe(global float *out) {
  local uint a_shared[64];
  uint a = get_local_id(0);
  JOINED
  out[get_local_id(0)] = (float)a;
}
"""


def exchange(device: Device) -> str:
    """``khr`` or ``ptx`` where values can be handed over so; "" where local memory must do."""
    if device.is_reference:
        return ""
    wanted = (float(sum(range(64))),) * 64
    for way, extension, before, option in _WAYS:
        lines = _exchanges("a", "uint", 64, way, "{} + {}".format)
        text = before + _PROBE.replace("JOINED", "\n  ".join(lines))
        if extension in device.extensions and instructions.work(device, text, 64, wanted, option):
            return way
    return ""


_WAYS = (
    ("khr", SHUFFLE, "", "-cl-std=CL3.0"),
    ("ptx", NVIDIA, _SHUFFLE, "-cl-std=CL1.2"),
)


def joined(w: Writer, reduction: Reduction, name: str, items: int, way: str) -> list[str]:
    """Join the values of a work-group: within those that run in step, then one of each of them."""
    kind = reduction.expr.dtype.lane
    if way == "ptx":
        w.preambles |= {"exchange_uint", f"exchange_with_{kind}"} - {"exchange_with_uint"}
    return _exchanges(name, kind, items, way, partial(w.combined, reduction))


def _exchanges(
    name: str, kind: str, items: int, way: str, join: Callable[[str, str], str]
) -> list[str]:
    shared = f"{name}_shared"
    if way == "khr":
        # Of a group smaller than what a device can run in step, all of it.
        widest, place, number = (
            "get_sub_group_size()", "get_sub_group_local_id()", "get_sub_group_id()",
        )  # fmt: skip
        other, count = f"sub_group_shuffle_xor({name}, mask)", "get_num_sub_groups()"
    else:
        widest, place, number = "32", "(get_local_id(0) % 32)", "(get_local_id(0) / 32)"
        other, count = f"shuffle_xor_{kind}({name}, mask)", str(items // 32)
    return [
        f"for (uint mask = {widest} / 2; mask > 0; mask /= 2) {{",
        f"const {kind} {name}_other = {other};",
        f"{name} = {join(name, f'{name}_other')};",
        "}",
        f"if ({place} == 0) {shared}[{number}] = {name};",
        "barrier(CLK_LOCAL_MEM_FENCE);",
        f"{name} = {shared}[0];",
        f"for (uint part = 1; part < {count}; part++) {{",
        f"{name} = {join(name, f'{shared}[part]')};",
        "}",
    ]
