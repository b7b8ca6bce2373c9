"""Deep learning for notebooks on any machine with OpenCL.

Tensors are lazy and compiled to fused OpenCL kernels, derivatives have any order, and models are
kept like Git repositories in one HDF5 file. The names here load on first use, so that importing
the package costs little.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"
__array_api_version__ = "2025.12"

_ROOMS = {
    "tensors.tensor": "Tensor",
    "tensors.creation": """
        tensor asarray full zeros ones empty full_like zeros_like ones_like empty_like eye""",
    "tensors.ramps": "arange linspace",
    "tensors.info": "__array_namespace_info__",
    "tensors.dlpack": "from_dlpack",
    "tensors.elementwise": """
        exp exp2 expm1 log log2 log10 log1p sqrt rsqrt reciprocal sin cos tan asin acos atan sinh
        cosh tanh asinh acosh atanh erf sigmoid abs negative sign maximum minimum add subtract
        multiply divide pow remainder floor_divide atan2 equal not_equal less less_equal greater
        greater_equal bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift
        bitwise_invert floor ceil trunc round square positive logical_not logical_and logical_or
        logical_xor isnan isinf isfinite where clip astype detach hypot
        logaddexp conj copysign imag nextafter real signbit""",
    "tensors.shaping": """
        reshape permute_dims matrix_transpose broadcast_to expand_dims squeeze flatten flip
        moveaxis broadcast_shapes tril triu""",
    "tensors.joining": "concat stack unstack roll tile repeat broadcast_arrays meshgrid",
    "tensors.splitting": """
        split chunk tensor_split narrow select unflatten atleast_1d atleast_2d atleast_3d hstack
        vstack dstack column_stack hsplit vsplit dsplit fliplr flipud rot90 expand_as unsqueeze""",
    "tensors.special": """
        lgamma digamma erfinv sinc logit lerp xlogy logaddexp2 frac fmod heaviside deg2rad rad2deg
        isclose allclose""",
    "tensors.missing": "nan_to_num isposinf isneginf fmax fmin nansum nanmean",
    "tensors.diagonals": "diag diag_embed diagflat block_diag",
    "tensors.reductions": """
        sum prod max min mean var std argmax argmin any all softmax log_softmax logsumexp
        count_nonzero diff""",
    "tensors.einsum": "einsum",
    "tensors.linear": "matmul vecdot tensordot outer relu silu gelu",
    "tensors.scattering": """
        take take_along_axis put_along_axis gather scatter scatter_add scatter_reduce index_select
        index_add index_copy index_fill index_reduce index_put put""",
    "tensors.masking": "masked_fill masked_select masked_scatter",
    "tensors.scans": """
        cumulative_sum cumulative_prod cumsum cumprod cummax cummin logcumsumexp trapezoid
        cumulative_trapezoid""",
    "tensors.sorting": "sort argsort msort topk kthvalue median nanmedian quantile nanquantile",
    "tensors.searching": """
        nonzero argwhere searchsorted bucketize bincount histogram histc""",
    "tensors.sets": """
        unique unique_all unique_counts unique_inverse unique_values unique_consecutive isin""",
    "tensors.dtypes": "finfo iinfo isdtype result_type can_cast",
    "tensors.autograd": "grad jvp eval",
    "tensors.compiling": "compile",
    "engine.memory": "memory_limit",
    "engine.matrix_units": "set_float32_matmul_precision get_float32_matmul_precision",
    "engine.waiting": "synchronize",
    "tensors.inspect": "profile",
    "tensors.kernel": "kernel",
    "engine.device": "devices Device",
    "nn": "register",
    "train": "fit evaluate",
    "store": "clone init open",
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names.split()}
_DTYPES = """
    int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 bfloat16 float32 float64
    complex64 complex128"""
_ALIASES = {
    "device": ("engine.device", "using"),
    "bool": ("engine.dtypes", "bool_"),
    **{name: ("engine.dtypes", name) for name in _DTYPES.split()},
}
_MODULES = {
    "random": "tensors.random", "nn": "nn", "optim": "optim", "data": "data", "metrics": "metrics",
    "linalg": "tensors.linalg", "fft": "tensors.fft",
    "zoo": "zoo", "train": "train", "store": "store", "errors": "errors",
}  # fmt: skip
_CONSTANTS = {"pi": 3.141592653589793, "e": 2.718281828459045, "inf": float("inf"),
              "nan": float("nan"), "newaxis": None}  # fmt: skip

__all__ = sorted([*_HOME, *_ALIASES, *_MODULES, *_CONSTANTS])


def __getattr__(name: str) -> Any:
    if name in _CONSTANTS:
        return _CONSTANTS[name]
    if name in _MODULES:
        _complete_tensors()
        return importlib.import_module(f"{__name__}.{_MODULES[name]}")
    room, attribute = _ALIASES.get(name) or (_HOME.get(name), name)
    if room is None:
        import difflib

        from jairika_nb.tensors.habits import OF_PACKAGE

        if name in OF_PACKAGE:
            raise AttributeError(f"{__name__} has no {name!r}; use {OF_PACKAGE[name]}")
        near = difflib.get_close_matches(name, __all__, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")
    _complete_tensors()
    found = getattr(importlib.import_module(f"{__name__}.{room}"), attribute)
    # `tensor` and others name both a room and a function: what users mean is the function.
    globals()[name] = found
    return found


def _complete_tensors() -> None:
    # Methods of tensors live in these rooms; any first use brings all of them.
    for room in (
        "creation", "elementwise", "shaping", "reductions", "linear", "dlpack", "scans",
        "scattering", "masking", "sorting", "searching",
    ):  # fmt: skip
        importlib.import_module(f"{__name__}.tensors.{room}")


def __dir__() -> list[str]:
    return [*__all__, *(name for name in globals() if name.startswith("__"))]


def load_ipython_extension(ipython: Any) -> None:
    """``%load_ext jairika_nb``: adds the ``%jrk`` magics."""
    from jairika_nb import notebook

    notebook.load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """``%unload_ext jairika_nb``: removes the magics again."""
    from jairika_nb import notebook

    notebook.unload(ipython)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "jairika-nb"}]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "jairika_nb.server"}]
