"""PyTorch's own module samples (its ``module_db``), translated into layers of ours.

A new layer of PyTorch's name is compared as soon as it stands in ``COMPARED``; what cannot be
compared stands in ``LEFT_OUT`` under its reason. A sample becomes two layers with equal weights
and two calls on equal data, in training and in evaluation.
"""

from __future__ import annotations

import functools
import re
import warnings
from dataclasses import dataclass
from typing import Any

import torch_ops as t

import jairika_nb as jrk
from jairika_nb import nn

COMPARED = """
    AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d
    AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d
    FractionalMaxPool2d FractionalMaxPool3d
    AvgPool1d AvgPool2d AvgPool3d LPPool1d LPPool2d LPPool3d MaxPool1d MaxPool2d MaxPool3d
    BatchNorm1d BatchNorm2d BatchNorm3d InstanceNorm1d InstanceNorm2d InstanceNorm3d
    GroupNorm LayerNorm LocalResponseNorm RMSNorm
    Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d
    LazyConv1d LazyConv2d LazyConv3d LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d
    Linear Bilinear Embedding
    CELU ELU GELU GLU Hardshrink Hardswish Hardtanh LeakyReLU LogSigmoid LogSoftmax Mish PReLU ReLU
    ReLU6 SELU SiLU Sigmoid Softmax Softmax2d Softmin Softplus Softshrink Softsign Tanh Tanhshrink
    Threshold
    CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d ConstantPad3d
    ReflectionPad1d ReflectionPad2d ReflectionPad3d
    ReplicationPad1d ReplicationPad2d ReplicationPad3d ZeroPad1d ZeroPad2d ZeroPad3d
    BCELoss BCEWithLogitsLoss CTCLoss CosineEmbeddingLoss CrossEntropyLoss GaussianNLLLoss
    HingeEmbeddingLoss HuberLoss KLDivLoss L1Loss MSELoss MarginRankingLoss MultiLabelMarginLoss
    MultiLabelSoftMarginLoss MultiMarginLoss NLLLoss PoissonNLLLoss SmoothL1Loss SoftMarginLoss
    GRU GRUCell LSTM LSTMCell RNN RNNCell MultiheadAttention
    Transformer TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer
"""

LEFT_OUT = {
    "not offered here": "LinearCrossEntropyLoss",
}

# modules, PyTorch's message (as a text within it), why ours may accept what it is about
ACCEPTED = [
    ("GRU|LSTM|RNN", "should be of type bool", "what counts as true in Python does here"),
    ("NLLLoss", "expected scalar type", "operands are promoted"),
    ("CrossEntropyLoss", "ignore_index is not supported", "with probabilities it has no effect"),
]

# modules, why PyTorch's NaN is not asked of ours
FINITE_ONLY = [
    ("LPPool[123]d", "a negative number outside all windows has no root to be NaN of"),
]

# modules, why their derivatives are others
SLOPES_OTHERWISE = [
    ("CTCLoss", "PyTorch's are those of scores whose log-softmax the loss is given"),
]

# modules, why their text is another
SHOWN_OTHERWISE = [
    (".*Loss", "PyTorch's tells no options"),
    ("MultiheadAttention|Transformer.*", "PyTorch's tells no sizes, and a layer of its insides"),
]

# Arguments of constructors that say nothing about values.
IGNORED = ("device", "inplace", "sparse")


def compared() -> list[str]:
    """The modules that are compared."""
    return COMPARED.split()


@functools.cache
def left_out() -> dict[str, str]:
    """The modules that are not compared, with the reason."""
    return {name: reason for reason, names in LEFT_OUT.items() for name in names.split()}


@functools.cache
def modules() -> dict[str, Any]:
    """PyTorch's own descriptions of its modules by class name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_modules import module_db
    return {info.module_cls.__name__: info for info in module_db}


def accepted(name: str, message: str) -> bool:
    """Whether ours may accept what PyTorch refuses with ``message``."""
    return any(re.fullmatch(names, name) and words in message for names, words, _ in ACCEPTED)


def finite_only(name: str) -> bool:
    """Whether derivatives that are NaN in PyTorch may be numbers here."""
    return any(re.fullmatch(names, name) for names, _ in FINITE_ONLY)


def slopes_alike(name: str) -> bool:
    """Whether the derivatives of a layer should be PyTorch's."""
    return not any(re.fullmatch(names, name) for names, _ in SLOPES_OTHERWISE)


def shown_alike(name: str) -> bool:
    """Whether the text of a layer should be PyTorch's."""
    return not any(re.fullmatch(names, name) for names, _ in SHOWN_OTHERWISE)


@dataclass
class Pair:
    """One sample: a layer of each library with equal weights, and equal inputs for both."""

    theirs: Any
    ours: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    our_args: tuple[Any, ...]
    our_kwargs: dict[str, Any]
    sources: list[tuple[Any, Any]]
    describable: bool  # arguments that are tensors have no form as data

    def their_result(self) -> Any:
        return self.theirs(*self.args, **self.kwargs)

    def our_result(self) -> Any:
        return self.ours(*self.our_args, **self.our_kwargs)


def pair(info: Any, sample: Any, dtype: Any, training: bool) -> Pair:
    """The sample's layers and inputs in both libraries."""
    import torch

    made, given = sample.constructor_input, sample.forward_input
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = info.module_cls(*made.args, **made.kwargs).to(dtype).train(training)
    values = t.Values()
    ours = construct(info.module_cls.__name__, made, values)
    args, kwargs = called(given, values)
    if info.is_lazy:
        theirs(*given.args, **given.kwargs)
        ours(*args, **kwargs)
    _cast(ours, str(dtype).removeprefix("torch."))
    for value in theirs.parameters():
        # Ones and zeros would hide what weights and biases do.
        shift = torch.tensor(t.weights(tuple(value.shape), 0.5), dtype=dtype)
        value.data = value.data + shift / 4
    ours.load_state_dict(theirs.state_dict())
    sources = [*values.sources]
    sources += zip(theirs.parameters(), ours.parameters(), strict=True)
    describable = not any(isinstance(v, torch.Tensor) for v in (*made.args, *made.kwargs.values()))
    return Pair(
        theirs, ours.train(training), given.args, given.kwargs, args, kwargs, sources, describable
    )


def argument(value: Any, values: t.Values) -> Any:
    """An argument of a constructor as ours: functions go by name, layers are made again."""
    import torch

    if isinstance(value, torch.nn.TransformerEncoderLayer):
        inside = value.self_attn
        return nn.TransformerEncoderLayer(
            inside.embed_dim, inside.num_heads, value.linear1.out_features, value.dropout.p,
            value.activation.__name__, value.norm1.eps, inside.batch_first, value.norm_first,
            value.linear1.bias is not None,
        )  # fmt: skip
    return value.__name__ if callable(value) else values.value(value)


def called(given: Any, values: t.Values) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What ``forward`` is given, as ours; the first argument has no name."""
    kwargs = dict(given.kwargs)
    args = (*([kwargs.pop("input")] if "input" in kwargs else []), *given.args)
    return tuple(map(values.value, args)), values.value(kwargs)


def construct(name: str, made: Any, values: t.Values) -> nn.Module:
    """Our layer of the constructor's arguments."""
    kwargs = {t.RENAMED.get(k, k): v for k, v in made.kwargs.items() if k not in IGNORED}
    kwargs = {k: argument(v, values) for k, v in kwargs.items() if k != "dtype"}
    return getattr(nn, name)(*(argument(v, values) for v in made.args), **kwargs)


def _cast(layer: nn.Module, dtype: str) -> None:
    state = layer.state_dict().items()
    layer.replace({k: v.astype(dtype) for k, v in state if v.dtype.kind == "float"})


def wrong(info: Any, sample: Any) -> Any:
    """A function that makes one of PyTorch's mistakes with ours, and reads what comes out."""
    made, given = sample.module_error_input.constructor_input, sample.module_error_input
    values = t.Values()

    def call() -> None:
        ours = construct(info.module_cls.__name__, made, values)
        inputs = given.forward_input
        if inputs is None:
            return
        args, kwargs = called(inputs, values)
        jrk.eval(*(y for y in t.flat(ours(*args, **kwargs)) if isinstance(y, jrk.Tensor)))

    return call
