"""Attention of several heads as a layer."""

from __future__ import annotations

import math
from typing import Any

from jairika_nb.errors import ArchitectureError, ShapeError
from jairika_nb.nn import functional, init
from jairika_nb.nn.architecture import register
from jairika_nb.nn.layers import Linear
from jairika_nb.nn.module import Module
from jairika_nb.nn.parts import Parameter
from jairika_nb.nn.sizes import check_size
from jairika_nb.tensors.creation import zeros
from jairika_nb.tensors.tensor import Tensor


@register
class MultiheadAttention(Module):
    """Attention of ``num_heads`` heads between learned projections (Vaswani et al. 2017).

    query (L, N, embed_dim), key (S, N, kdim), value (S, N, vdim), with ``batch_first`` (N, L, ...),
    or all without N. Gives the output, shaped as the query, and the weights (N, L, S), averaged
    over heads or (N, num_heads, L, S), or None without ``need_weights``, which is faster. Masks
    are as in PyTorch: bool ones true where a key does *not* count, float ones added;
    ``key_padding_mask`` (N, S), ``attn_mask`` (L, S) or (N * num_heads, L, S). ``is_causal`` hides
    later keys where no attn_mask is given. ``dropout`` acts on the weights in training.

    >>> import jairika_nb as jrk
    >>> x = jrk.ones((5, 2, 8))
    >>> y, weights = MultiheadAttention(8, 4)(x, x, x)
    >>> y.shape, weights.shape
    ((5, 2, 8), (2, 5, 5))
    """

    adjustable = ("dropout",)
    in_proj_weight: Tensor | None
    in_proj_bias: Tensor | None
    bias_k: Tensor | None
    bias_v: Tensor | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self._set_sizes(embed_dim, num_heads, dropout, kdim, vdim)
        self.add_zero_attn, self.batch_first = bool(add_zero_attn), bool(batch_first)
        place = {"device": device, "dtype": dtype}
        shapes = {"in_proj_weight": (3 * embed_dim, embed_dim)}
        if not self._packed:
            sizes = {"q": embed_dim, "k": self.kdim, "v": self.vdim}
            shapes = {f"{key}_proj_weight": (embed_dim, size) for key, size in sizes.items()}
        for key, shape in shapes.items():
            self.register_parameter(key, Parameter(init.xavier_uniform(shape, **place)))
        own = Parameter(zeros((3 * embed_dim,), **place)) if bias else None
        self.register_parameter("in_proj_bias", own)
        for key in ("bias_k", "bias_v"):
            drawn = init.normal((1, 1, embed_dim), 0.0, 1 / math.sqrt(embed_dim), **place)
            self.register_parameter(key, Parameter(drawn) if add_bias_kv else None)
        self.out_proj = Linear(embed_dim, embed_dim, bias, **place)
        if bias:
            self.out_proj.bias = zeros((embed_dim,), **place)

    def _set_sizes(
        self, embed_dim: int, num_heads: int, dropout: float, kdim: Any, vdim: Any
    ) -> None:
        self.embed_dim, self.num_heads, self.dropout = embed_dim, num_heads, dropout
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        for name in ("embed_dim", "num_heads", "kdim", "vdim"):
            check_size("MultiheadAttention", name, getattr(self, name))
        if embed_dim % num_heads:
            raise ArchitectureError(
                f"MultiheadAttention: {embed_dim=} must be a multiple of {num_heads=}"
            )
        if isinstance(dropout, bool) or not 0 <= dropout <= 1:
            raise ArchitectureError(
                f"MultiheadAttention: dropout={dropout} is no probability; use 0 to 1"
            )

    @property
    def _packed(self) -> bool:
        return self.kdim == self.vdim == self.embed_dim

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        sizes = [self.embed_dim, self.kdim, self.vdim]
        if [x.shape[-1] for x in (query, key, value)] != sizes:
            raise ShapeError(
                f"MultiheadAttention: query {query.shape}, key {key.shape} and value "
                f"{value.shape} must have {', '.join(map(str, sizes))} features"
            )
        return functional.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads,
            self.in_proj_weight if self._packed else None,
            self.in_proj_bias, self.bias_k, self.bias_v, self.add_zero_attn, self.dropout,
            self.out_proj.weight, self.out_proj.bias, self.training, key_padding_mask,
            need_weights, attn_mask, average_attn_weights=average_attn_weights,
            is_causal=is_causal, batch_first=self.batch_first, **self._separate(),
        )  # fmt: skip

    def _separate(self) -> dict[str, Any]:
        if self._packed:
            return {}
        names = ("q_proj_weight", "k_proj_weight", "v_proj_weight")
        return {"use_separate_proj_weight": True, **{n: getattr(self, n) for n in names}}

    def extra_repr(self) -> str:
        return f"{self.embed_dim}, {self.num_heads}, batch_first={self.batch_first}"
