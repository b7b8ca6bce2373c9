"""What GPU compilers get: OpenCL C without extensions of one compiler, and PTX that assembles."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine import build, lanes, matrix_units
from jairika_nb.engine.matrix_units import Unit, intels

# Comparing a value with itself is how NaN is found.
WARNINGS = ["-Wall", "-Werror", "-Wno-unused-variable", "-Wno-tautological-compare"]
TO_PTX = ["-target", "nvptx64-nvidia-cuda", "-nogpulib", "-O2", "-S", "-Xclang", "-target-feature",
          "-Xclang", "+ptx71", "-Xclang", "-target-cpu", "-Xclang", "sm_80"]  # fmt: skip


def _clang() -> str:
    found = shutil.which("clang")
    if not found:
        pytest.skip("clang, which compiles OpenCL C to PTX, is not installed")
    return found


def _ptxas() -> str:
    inside = ("nvidia/cuda_nvcc/bin/ptxas", "nvidia/cu13/bin/ptxas")
    places = [Path(folder) / name for folder in sys.path for name in inside]
    found = shutil.which("ptxas") or next((str(p) for p in places if p.is_file()), None)
    if not found:
        pytest.skip("ptxas is not installed (pip install nvidia-cuda-nvcc-cu12)")
    return found


def _compile(text: str, folder: Path, *options: str) -> None:
    path = folder / "kernels.cl"
    path.write_text(text)
    command = [_clang(), "-x", "cl", "-Xclang", "-finclude-default-header", "-Xclang",
               "-cl-ext=+all", *WARNINGS, *options, str(path)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:3000]


def data(*shape):
    return jrk.tensor(np.ones(shape, np.float32))


def _both_ways(y, x):
    return y, jrk.grad(y.sum(), [x])[0]


def _programs():
    """Products, rows, columns, elementwise work and routines."""
    x, y, z = data(130, 64), data(64, 132), data(2, 3, 12, 16)
    longs = (x * 2).astype("int64")
    heads, mask = data(2, 70, 80), data(70, 70)
    attention = jrk.nn.functional.scaled_dot_product_attention
    return [
        *_both_ways(attention(heads, heads, heads, mask), heads),
        *_both_ways(attention(heads, heads, heads, mask > 0, dropout_p=0.5), heads),
        *_both_ways(attention(data(2, 70, 64), heads[..., :64], heads, is_causal=True), heads),
        (x @ y + 1).relu(), data(37, 50) @ data(50, 41), (x.mT[:, 1:] @ x[1:]).tanh(),
        x.softmax(axis=-1), x.softmax(axis=0), x.mean(axis=0), x.argmax(axis=-1), longs.sum(axis=1),
        x.astype("float64").sum(axis=1), x.astype("float16") * 2, x.astype("bfloat16").sum(axis=0),
        (x > 0).any(axis=1), x.cumsum(axis=1), x.sort(axis=1)[0], x.erf(), x**3, x // 3,
        jrk.nn.functional.conv2d(z, data(40, 3, 3, 3), padding=1), jrk.random.normal((33,)),
        x[jrk.tensor(np.array([3, 1], np.int32))], jrk.nn.functional.layer_norm(x, (64,)),
    ]  # fmt: skip


@pytest.mark.parametrize("standard", ["CL1.2", "CL3.0"])
def test_kernels_are_plain_opencl_c(one_gpu, monkeypatch, tmp_path, standard):
    monkeypatch.setattr(lanes, "exchange", lambda device: "khr" if standard == "CL3.0" else "")
    sources = {s.text: s for t in _programs() for s in t.kernels() if s.host is None}
    text = build.joined(list(sources.values()))
    _compile(text, tmp_path, f"-cl-std={standard}", "-target", "spir64", "-fsyntax-only")


def test_no_call_needs_a_function_that_is_elsewhere(one_gpu, monkeypatch, tmp_path):
    monkeypatch.setattr(lanes, "exchange", lambda device: "")
    # Without optimisation nothing is inlined, as where a GPU's compiler finds functions too large.
    sources = {s.text: s for t in _programs() for s in t.kernels() if s.host is None}
    text = build.with_definitions(build.joined(list(sources.values())))
    made = tmp_path / "kernels.ptx"
    options = (*TO_PTX, "-O0", "-Wno-unused-function", "-o", str(made))
    _compile(text, tmp_path, "-cl-std=CL1.2", *options)
    outside = set(re.findall(r"\.extern \.func[^;]*?(\w+)\s*\(", made.read_text()))
    # OpenCL's own have names with their types in them.
    assert not {name for name in outside if not name.startswith("_Z")}


def _rounded(tensor):
    """The kernels of a product of float32 tensors whose rounding is asked for."""
    jrk.set_float32_matmul_precision("high")
    try:
        return list(tensor.kernels())
    finally:
        jrk.set_float32_matmul_precision("highest")


# The functions as cl_intel_subgroup_matrix_multiply_accumulate and its _tf32 declare them.
INTELS = """
#define DECLARED __attribute__((overloadable))
float8 DECLARED intel_sub_group_f16_f16_matrix_mad_k16(short8 a, int8 b, float8 acc);
float8 DECLARED intel_sub_group_f16_f16_matrix_mad_k16(int8 a, int8 b, float8 acc);
float8 DECLARED intel_sub_group_bf16_bf16_matrix_mad_k16(short8 a, int8 b, float8 acc);
float8 DECLARED intel_sub_group_bf16_bf16_matrix_mad_k16(int8 a, int8 b, float8 acc);
float8 DECLARED intel_sub_group_tf32_tf32_matrix_mad_k8(float4 a, float8 b, float8 acc);
"""


@pytest.mark.parametrize("items", [16, 8])
def test_the_functions_of_intel_get_what_they_declare(one_gpu, monkeypatch, tmp_path, items):
    types = ("f16", "bf16", "tf32") if items == 16 else ("f16", "bf16")
    monkeypatch.setattr(matrix_units, "units", lambda d: [intels(t, items) for t in types])
    x, y = data(130, 64), data(64, 132)
    sources = [s for t in ("float16", "bfloat16") for s in (x.astype(t) @ y.astype(t)).kernels()]
    sources += _rounded(x @ y)
    text = build.joined(list({s.text: s for s in sources}.values()))
    for unit in (intels(t, items) for t in types):
        assert unit.name in text
    assert f"intel_reqd_sub_group_size({items})" in text
    _compile(INTELS + text, tmp_path, "-cl-std=CL3.0", "-target", "spir64", "-fsyntax-only")


def test_the_instructions_of_nvidia_assemble(one_gpu, monkeypatch, tmp_path):
    ptxas = _ptxas()
    monkeypatch.setattr(lanes, "exchange", lambda device: "ptx")
    nvidias = [Unit(t) for t in ("f16", "bf16", "tf32")]
    monkeypatch.setattr(matrix_units, "units", lambda device: nvidias)
    x, y = data(130, 64), data(64, 132)
    tensors = [(x.astype(t) @ y.astype(t)) for t in ("float16", "bfloat16")]
    tensors += [x.softmax(axis=1), x.argmax(axis=1), x.astype("float64").sum(axis=1)]
    sources = [s for t in tensors for s in t.kernels()] + _rounded(x @ y)
    text = build.joined(list({s.text: s for s in sources}.values()))
    _compile(text, tmp_path, "-cl-std=CL1.2", *TO_PTX, "-o", str(tmp_path / "kernels.ptx"))
    ptx = (tmp_path / "kernels.ptx").read_text()
    for instruction in ("m16n8k16.row.col.f32.f16", "m16n8k16.row.col.f32.bf16",
                        "m16n8k8.row.col.f32.tf32", "shfl.sync.bfly.b32"):  # fmt: skip
        assert instruction in ptx
    command = [ptxas, "-arch=sm_80", "-c", str(tmp_path / "kernels.ptx"), "-o", "/dev/null"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:3000]
