"""Matrix units of GPUs: which there are, and which products they may do.

Products of float16 and of bfloat16 tensors are the same with them: operands exact, sums in
float32. Those of float32 tensors would be rounded first, so the user has to ask for it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jairika_nb.engine import instructions
from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType, bfloat16, float16, float32
from jairika_nb.engine.routines import template
from jairika_nb.errors import ArgumentError

NVIDIA = "cl_nv_device_attribute_query"
# The first compute capability whose instructions (PTX ISA, mma.m16n8k16 and mma.m16n8k8) are used.
AMPERE = 8
# Products with fewer rows or columns leave most of a unit idle.
FEWEST = 16
PRECISIONS = {"highest": "", "high": "tf32", "medium": "bf16"}
TYPES = {float16: "f16", bfloat16: "bf16"}
_precision = "highest"
SWITCHES = ("UNIT_IS_HALF", "NARROW", "EMULATED")
# Two numbers of bfloat16 are the upper halves of two of float32.
PROBE = """\
inline uint pair(const int first, const int second) {
  return (as_uint((float)first) >> 16) | (as_uint((float)second) & 0xFFFF0000u);
}
kernel __attribute__((reqd_work_group_size(32, 1, 1))) void probe(global float *out) {
  local uint words[192];
  const int group = get_local_id(0) / 4, place = get_local_id(0) % 4;
  uint a[4], b[2];
  float c[4] = {0.0f, 0.0f, 0.0f, 0.0f};
  for (int i = 0; i < 4; i++) {
    const int from = (group + i % 2 * 8) * 3 + (place + i / 2 * 4) * 2;
    a[i] = pair(from % 7 - 3, (from + 1) % 7 - 3);
  }
  for (int i = 0; i < 2; i++) {
    const int from = group * 2 + (place + i * 4) * 2;
    b[i] = pair(from % 5 - 2, (from + 1) % 5 - 2);
  }
  multiply(a, b, c, words);
  for (int i = 0; i < 4; i++) out[(group + i / 2 * 8) * 8 + place * 2 + i % 2] = c[i];
}
"""


class Unit(NamedTuple):
    """One way of a device to multiply small matrices: in which type, and by hand or not."""

    type: str  # f16, bf16 or tf32
    emulated: bool = False

    @property
    def itemsize(self) -> int:
        """Bytes of an operand's number."""
        return 4 if self.type == "tf32" else 2

    @property
    def values(self) -> dict[str, object]:
        """The parameters of the template."""
        return {
            "UNIT_TYPE": self.type, "UNIT_SHAPE": "m16n8k8" if self.type == "tf32" else "m16n8k16",
            "UNIT_IS_HALF": int(self.type == "f16"), "NARROW": int(self.itemsize == 2),
            "EMULATED": int(self.emulated),
        }  # fmt: skip


def unit(device: Device, dtype: DType) -> Unit | None:
    """The unit for operands of a type, or None where plain arithmetic has to do."""
    type_ = TYPES.get(dtype, PRECISIONS[_precision] if dtype is float32 else "")
    return Unit(type_) if type_ and has_units(device) else None


def has_units(device: Device) -> bool:
    """Whether a device has NVIDIA's tensor cores of compute capability 8 or later."""
    if NVIDIA not in device.extensions:
        return False
    if int(device.handle.compute_capability_major_nv) < AMPERE:
        return False
    return works(device, Unit("bf16"))


def works(device: Device, unit: Unit) -> bool:
    """Whether a product of small whole numbers comes out right."""
    a = (np.arange(16)[:, None] * 3 + np.arange(16)) % 7 - 3
    b = (np.arange(16)[:, None] + np.arange(8) * 2) % 5 - 2
    text = template("matrix_multiply.cl") + PROBE
    for word, value in unit.values.items():
        text = (
            f"#define {word} {value}\n{text}"
            if word in SWITCHES
            else text.replace(word, str(value))
        )
    wanted = tuple((a @ b).ravel().astype(float).tolist())
    return instructions.work(device, text, 32, wanted, "-cl-std=CL1.2")


def get_float32_matmul_precision() -> str:
    """How exactly products of float32 tensors are computed: ``"highest"``, unless set otherwise.

    >>> get_float32_matmul_precision()
    'highest'
    """
    return _precision


def set_float32_matmul_precision(precision: str) -> None:
    """Choose how exactly products of float32 tensors, convolutions too, are computed.

    "highest", the default, computes in float32. "high" lets GPUs with tensor cores (NVIDIA, compute
    capability 8 or later) round the operands to TF32, which has 10 bits of mantissa, and "medium"
    to bfloat16, which has 7; sums stay in float32. Other devices compute in float32 in any case.
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
