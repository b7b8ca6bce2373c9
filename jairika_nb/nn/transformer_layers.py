"""One layer of a transformer's encoder and one of its decoder (Vaswani et al. 2017)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jairika_nb.errors import ArchitectureError
from jairika_nb.nn import functional
from jairika_nb.nn.architecture import register
from jairika_nb.nn.attention import MultiheadAttention
from jairika_nb.nn.dropout import Dropout
from jairika_nb.nn.layers import Linear
from jairika_nb.nn.module import Module
from jairika_nb.nn.normalization import LayerNorm
from jairika_nb.tensors.tensor import Tensor

Activation = str | Callable[[Tensor], Tensor]
# Functions between the two products, by the names under which architectures store them.
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu, "gelu": functional.gelu, "silu": functional.silu,
    "elu": functional.elu, "tanh": functional.tanh, "mish": functional.mish,
    "selu": functional.selu, "leaky_relu": functional.leaky_relu,
}  # fmt: skip


class TransformerLayer(Module):
    """What encoder and decoder layers share: attentions, a pair of products, and norms."""

    def _build(
        self,
        norms: int,
        d_model: int,
        nhead: int,
        dim_feedforward: int,
        dropout: float,
        activation: Activation,
        layer_norm_eps: float,
        batch_first: bool,
        norm_first: bool,
        bias: bool,
        place: dict[str, Any],
    ) -> None:
        self.norm_first, self.activation = bool(norm_first), self._function(activation)
        for name in ("self_attn", "multihead_attn")[: norms - 1]:
            own = MultiheadAttention(
                d_model, nhead, dropout, bias, batch_first=batch_first, **place
            )
            self.add_module(name, own)
        self.linear1 = Linear(d_model, dim_feedforward, bias, **place)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, **place)
        for i in range(1, norms + 1):
            self.add_module(f"norm{i}", LayerNorm(d_model, layer_norm_eps, bias=bias, **place))
        for i in range(1, norms + 1):
            self.add_module(f"dropout{i}", Dropout(dropout))

    def _function(self, activation: Activation) -> Any:
        """The function itself; its name takes its place among the arguments that are stored."""
        if isinstance(activation, Module):
            return activation
        names = {id(function): name for name, function in ACTIVATIONS.items()}
        name = activation if isinstance(activation, str) else names.get(id(activation))
        if name not in ACTIVATIONS and not callable(activation):
            raise ArchitectureError(
                f"{type(self).__name__}: activation={activation!r} is unknown; use a function, a "
                f"module or one of {', '.join(ACTIVATIONS)}"
            )
        if name in ACTIVATIONS and activation is not name:
            args, kwargs = self._arguments
            kept = tuple(name if a is activation else a for a in args)
            named = {k: name if v is activation else v for k, v in kwargs.items()}
            self.__dict__["_arguments"] = (kept, named)
        return ACTIVATIONS.get(str(name), activation)

    def _attended(
        self, attention: str, dropout: str, x: Tensor, other: Tensor, *masks: Any
    ) -> Tensor:
        mask, padding, causal = masks
        y, _ = self._modules[attention](
            x, other, other, attn_mask=mask, key_padding_mask=padding, is_causal=causal,
            need_weights=False,
        )  # fmt: skip
        return self._modules[dropout](y)

    def _fed_forward(self, dropout: str, x: Tensor) -> Tensor:
        return self._modules[dropout](self.linear2(self.dropout(self.activation(self.linear1(x)))))

    def _around(self, norm: str, x: Tensor, block: Callable[[Tensor], Tensor]) -> Tensor:
        """``x`` with a block beside it, normalised before the block or after the sum."""
        normalise = self._modules[norm]
        return x + block(normalise(x)) if self.norm_first else normalise(x + block(x))


@register
class TransformerEncoderLayer(TransformerLayer):
    """Self-attention, then two products with an activation between, each beside its input.

    src (T, N, d_model), (N, T, d_model) with ``batch_first``, or (T, d_model) -> the same shape.
    ``src_mask`` and ``src_key_padding_mask`` are those of :class:`MultiheadAttention`;
    ``is_causal`` hides later tokens where no mask is given. ``norm_first`` normalises before each
    block instead of after. ``activation`` is a name, a function or a module; only names of common
    functions and modules can be stored with the network.

    >>> import jairika_nb as jrk
    >>> TransformerEncoderLayer(8, 2, 16)(jrk.zeros((5, 3, 8))).shape
    (5, 3, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = functional.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self._build(
            2, d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first,
            norm_first, bias, {"device": device, "dtype": dtype},
        )  # fmt: skip

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        masks = (src_mask, src_key_padding_mask, is_causal)
        x = self._around(
            "norm1", src, lambda x: self._attended("self_attn", "dropout1", x, x, *masks)
        )
        return self._around("norm2", x, lambda x: self._fed_forward("dropout2", x))


@register
class TransformerDecoderLayer(TransformerLayer):
    """Self-attention, attention to an encoder's output, then two products, each beside its input.

    tgt (T, N, d_model) and memory (S, N, d_model), with ``batch_first`` (N, T, ...), or without N
    -> shaped as tgt. Masks and options as in :class:`TransformerEncoderLayer`.

    >>> import jairika_nb as jrk
    >>> TransformerDecoderLayer(8, 2, 16)(jrk.zeros((5, 3, 8)), jrk.zeros((7, 3, 8))).shape
    (5, 3, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = functional.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self._build(
            3, d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first,
            norm_first, bias, {"device": device, "dtype": dtype},
        )  # fmt: skip

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        own = (tgt_mask, tgt_key_padding_mask, tgt_is_causal)
        others = (memory_mask, memory_key_padding_mask, memory_is_causal)
        x = self._around(
            "norm1", tgt, lambda x: self._attended("self_attn", "dropout1", x, x, *own)
        )
        x = self._around(
            "norm2", x,
            lambda x: self._attended("multihead_attn", "dropout2", x, memory, *others),
        )  # fmt: skip
        return self._around("norm3", x, lambda x: self._fed_forward("dropout3", x))
