"""Matrix units of GPUs: which there are, and which products they may do.

Products of float16 and of bfloat16 tensors are the same with them: operands exact, sums in
float32. Those of float32 tensors would be rounded first, so the user has to ask for it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from jairika_nb.engine import instructions
from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType, bfloat16, float16, float32
from jairika_nb.engine.routines import filled, template
from jairika_nb.errors import ArgumentError

NVIDIA = "cl_nv_device_attribute_query"
# The first compute capability whose instructions (PTX ISA, mma.m16n8k16 and mma.m16n8k8) are used.
AMPERE = 8
INTEL = "cl_intel_subgroup_matrix_multiply_accumulate"
# Products with fewer rows or columns leave most of a unit idle.
FEWEST = 16
PRECISIONS = {"highest": "", "high": "tf32", "medium": "bf16"}
TYPES = {float16: "f16", bfloat16: "bf16"}
_precision = "highest"
# Numbers of bfloat16 are the upper halves of those of float32.
PROBE = """\
inline uint number_at(const int at, const int by) {
  const float number = at % by - by / 2;
#if UNIT_IS_HALF
  ushort bits;
  vstore_half(number, 0, (half *)&bits);
  return bits;
#else
  return NARROW ? as_uint(number) >> 16 : as_uint(number);
#endif
}
inline uint word_at(const int line, const int word, const int by) {
#if NARROW
  return number_at(line + 2 * word, by) | number_at(line + 2 * word + 1, by) << 16;
#else
  return number_at(line + word, by);
#endif
}
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) SUB_GROUP void probe(global float *out) {
  local uint words[(UNIT_ROWS + UNIT_COLUMNS) * 8];
  const int lane = get_local_id(0);
  uint a[LEFT_WORDS], b[RIGHT_WORDS];
  float c[UNIT_SUMS];
  for (int i = 0; i < LEFT_WORDS; i++)
    a[i] = word_at(left_row(lane, i) * 3, left_word(lane, i), 7);
  for (int i = 0; i < RIGHT_WORDS; i++)
    b[i] = word_at(right_column(lane, i) * 2, right_word(lane, i), 5);
  for (int i = 0; i < UNIT_SUMS; i++) c[i] = 0.0f;
  multiply(a, b, c, words);
  for (int i = 0; i < UNIT_SUMS; i++)
    out[sum_row(lane, i) * UNIT_COLUMNS + sum_column(lane, i)] = c[i];
}
"""


class Unit(NamedTuple):
    """One way of a device to multiply small matrices: in which type, whose, and by hand or not.

    ``lanes`` work-items do an instruction together, which makes ``rows`` x ``columns`` sums.
    """

    type: str  # f16, bf16 or tf32
    maker: str = "nvidia"  # or intel
    lanes: int = 32
    rows: int = 16
    columns: int = 8
    emulated: bool = False

    @property
    def itemsize(self) -> int:
        """Bytes of an operand's number."""
        return 4 if self.type == "tf32" else 2

    @property
    def words(self) -> tuple[int, int]:
        """Words of each operand that a work-item has; of 16 bits' numbers two may share one."""
        left = 8 if self.maker == "intel" and self.itemsize == 2 else self.rows * 8 // self.lanes
        return left, self.columns * 8 // self.lanes

    @property
    def name(self) -> str:
        """The shape of NVIDIA's instruction, the function of Intel's."""
        k = 32 // self.itemsize
        if self.maker == "intel":
            return f"intel_sub_group_{self.type}_{self.type}_matrix_mad_k{k}"
        return f"m{self.rows}n{self.columns}k{k}"

    @property
    def values(self) -> dict[str, object]:
        """The parameters of the templates."""
        required = self.maker == "intel" and not self.emulated
        attribute = f"__attribute__((intel_reqd_sub_group_size({self.lanes})))"
        left, right = self.words
        return {
            "UNIT_TYPE": self.type, "UNIT_NAME": self.name, "LANES": self.lanes,
            "UNIT_ROWS": self.rows, "UNIT_COLUMNS": self.columns,
            "UNIT_SUMS": self.rows * self.columns // self.lanes,
            "LEFT_WORDS": left, "RIGHT_WORDS": right, "SUB_GROUP": attribute if required else "",
            "UNIT_IS_HALF": int(self.type == "f16"), "NARROW": int(self.itemsize == 2),
            "EMULATED": int(self.emulated),
        }  # fmt: skip

    @property
    def text(self) -> str:
        """The templates of its instruction."""
        by_hand = template("matrix_emulated.cl") if self.emulated else ""
        return template(f"matrix_{self.maker}.cl") + by_hand


def intels(type_: str, lanes: int, emulated: bool = False) -> Unit:
    """A unit of Intel's, whose sub-groups have 8 or 16 work-items."""
    return Unit(type_, "intel", lanes, 8, lanes, emulated)


def unit(device: Device, dtype: DType) -> Unit | None:
    """The unit for operands of a type, or None where plain arithmetic has to do."""
    type_ = TYPES.get(dtype, PRECISIONS[_precision] if dtype is float32 else "")
    return next((u for u in units(device) if u.type == type_), None)


def units(device: Device) -> list[Unit]:
    """The units of a device: NVIDIA's of compute capability 8 or later, or Intel's."""
    if NVIDIA in device.extensions:
        recent = int(device.handle.compute_capability_major_nv) >= AMPERE
        found = [Unit(t) for t in ("f16", "bf16", "tf32")] if recent else []
        return [unit for unit in found if works(device, unit)]
    if INTEL not in device.extensions:
        return []
    # Sub-groups of other sizes than the device's least are not for these functions.
    lanes = next((n for n in (16, 8) if works(device, intels("bf16", n))), None)
    types = ("f16", "bf16", "tf32") if f"{INTEL}_tf32" in device.extensions else ("f16", "bf16")
    found = [intels(t, lanes) for t in types if t != "tf32" or lanes == 16] if lanes else []
    return [unit for unit in found if works(device, unit)]


@lru_cache(64)
def works(device: Device, unit: Unit) -> bool:
    """Whether a product of small whole numbers comes out right."""
    depth = np.arange(32 // unit.itemsize)
    a = (np.arange(unit.rows)[:, None] * 3 + depth) % 7 - 3
    b = (depth[:, None] + np.arange(unit.columns) * 2) % 5 - 2
    text = filled(unit.text + PROBE, unit.values)
    wanted = tuple((a @ b).ravel().astype(float).tolist())
    newer = unit.maker == "intel" and not unit.emulated
    option = "-cl-std=CL3.0" if newer else "-cl-std=CL1.2"
    return instructions.work(device, text, unit.lanes, wanted, option)


def get_float32_matmul_precision() -> str:
    """How exactly products of float32 tensors are computed: ``"highest"``, unless set otherwise.

    >>> get_float32_matmul_precision()
    'highest'
    """
    return _precision


def set_float32_matmul_precision(precision: str) -> None:
    """Choose how exactly products of float32 tensors, convolutions too, are computed.

    "highest", the default, computes in float32. "high" lets GPUs with matrix units (NVIDIA's from
    compute capability 8 on, Intel's where the driver has them) round the operands to TF32, which
    has 10 bits of mantissa, and "medium" to bfloat16, which has 7; sums stay in float32. Other
    devices compute in float32 in any case.
    What :func:`jairika_nb.compile` captured keeps what was set at that time. The names are those of
    PyTorch. Raises ArgumentError for other names.

    >>> set_float32_matmul_precision("high")
    >>> get_float32_matmul_precision()
    'high'
    >>> set_float32_matmul_precision("highest")
    """
    global _precision
    if precision not in PRECISIONS:
        raise ArgumentError(
            f"set_float32_matmul_precision({precision!r}): there is no such precision; choose one "
            f"of {', '.join(PRECISIONS)}"
        )
    _precision = precision
