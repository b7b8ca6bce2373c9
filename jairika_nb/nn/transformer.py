"""Stacks of transformer layers, and the whole transformer (Vaswani et al. 2017)."""

from __future__ import annotations

import copy
from typing import Any

from jairika_nb.errors import ArchitectureError
from jairika_nb.nn import functional, init
from jairika_nb.nn.architecture import register
from jairika_nb.nn.containers import ModuleList
from jairika_nb.nn.module import Module
from jairika_nb.nn.normalization import LayerNorm
from jairika_nb.nn.parts import Parameter
from jairika_nb.nn.sizes import check_layers
from jairika_nb.nn.transformer_layers import (
    Activation,
    TransformerDecoderLayer,
    TransformerEncoderLayer,
)
from jairika_nb.tensors.tensor import Tensor


class _Stacked(Module):
    """Copies of one layer, then perhaps a normalisation."""

    layers: ModuleList
    norm: Module | None
    stacked = ""  # the argument that is copied

    def _stack(self, layer: Any, num_layers: int, norm: Module | None) -> None:
        check_layers(type(self).__name__, "num_layers", num_layers, 0)
        if not isinstance(layer, Module):
            raise ArchitectureError(
                f"{type(self).__name__}: {self.stacked} must be a layer, not {layer!r}"
            )
        # A description is built with the layers that it lists.
        if not isinstance(layer, ModuleList):
            layer = ModuleList(copy.deepcopy(layer) for _ in range(num_layers))
        self.layers = layer
        self.num_layers = num_layers
        self.norm = norm

    @property
    def _arguments(self) -> Any:  # type: ignore[override]
        # Told from the present state, as layers may have been exchanged since.
        made_of = {self.stacked: self.layers, "num_layers": len(self.layers)}
        return (), {**made_of, "norm": self.norm}


@register
class TransformerEncoder(_Stacked):
    """``num_layers`` copies of an encoder layer, one after the other, then perhaps a ``norm``.

    src as :class:`TransformerEncoderLayer` takes it, masks too. ``enable_nested_tensor`` and
    ``mask_check`` have no effect.

    >>> import jairika_nb as jrk
    >>> net = TransformerEncoder(TransformerEncoderLayer(8, 2, 16), 2)
    >>> net(jrk.zeros((5, 3, 8)), is_causal=True).shape
    (5, 3, 8)
    """

    stacked = "encoder_layer"

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        self._stack(encoder_layer, num_layers, norm)

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, bool(is_causal))
        return src if self.norm is None else self.norm(src)


@register
class TransformerDecoder(_Stacked):
    """``num_layers`` copies of a decoder layer, one after the other, then perhaps a ``norm``.

    tgt, memory and masks as :class:`TransformerDecoderLayer` takes them.

    >>> import jairika_nb as jrk
    >>> net = TransformerDecoder(TransformerDecoderLayer(8, 2, 16), 2)
    >>> net(jrk.zeros((5, 3, 8)), jrk.zeros((7, 3, 8))).shape
    (5, 3, 8)
    """

    stacked = "decoder_layer"

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        self._stack(decoder_layer, num_layers, norm)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        for layer in self.layers:
            tgt = layer(
                tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask,
                bool(tgt_is_causal), memory_is_causal,
            )  # fmt: skip
        return tgt if self.norm is None else self.norm(tgt)


@register
class Transformer(Module):
    """An encoder that reads a sequence and a decoder that writes another (Vaswani et al. 2017).

    src (S, N, d_model) and tgt (T, N, d_model), with ``batch_first`` (N, S, ...), or without N ->
    shaped as tgt. Masks as in the layers. ``custom_encoder`` and ``custom_decoder`` stand in for
    the usual ones.

    >>> import jairika_nb as jrk
    >>> net = Transformer(8, 2, 1, 1, 16)
    >>> mask = net.generate_square_subsequent_mask(5)
    >>> net(jrk.zeros((7, 3, 8)), jrk.zeros((5, 3, 8)), tgt_mask=mask).shape
    (5, 3, 8)
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = functional.relu,
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        given = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first,
                 norm_first, bias, device, dtype)  # fmt: skip

        def norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)

        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        self.encoder = custom_encoder or TransformerEncoder(
            TransformerEncoderLayer(*given), num_encoder_layers, norm()
        )
        self.decoder = custom_decoder or TransformerDecoder(
            TransformerDecoderLayer(*given), num_decoder_layers, norm()
        )
        for module in self.modules():
            for name, value in module._parameters.items():
                if value is not None and value.ndim > 1:
                    drawn = init.xavier_uniform(value.shape, device=device, dtype=dtype)
                    module.register_parameter(name, Parameter(drawn))

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        return self.decoder(
            tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask,
            tgt_is_causal, memory_is_causal,
        )  # fmt: skip

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """(sz, sz) of 0 where a key is not later than its query, minus infinity elsewhere."""
        return functional.generate_square_subsequent_mask(sz, device, dtype)
