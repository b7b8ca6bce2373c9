"""BERT: a transformer's encoder that reads a text in both directions.

J. Devlin, M.-W. Chang, K. Lee, K. Toutanova: BERT, NAACL 2019 (arXiv 1810.04805). Names and
layouts of parameters are those of Hugging Face's ``BertModel``, so that its checkpoints load.
"""

from __future__ import annotations

from typing import NamedTuple

from jairika_nb import nn
from jairika_nb.errors import ArchitectureError, ShapeError
from jairika_nb.nn import functional
from jairika_nb.nn.sizes import check_layers, check_size
from jairika_nb.nn.transformer_layers import ACTIVATIONS
from jairika_nb.tensors.creation import zeros_like
from jairika_nb.tensors.ramps import arange
from jairika_nb.tensors.tensor import Tensor


class BertOutput(NamedTuple):
    """(N, T, hidden_size) of all tokens, and (N, hidden_size) of the first, or None."""

    last_hidden_state: Tensor
    pooler_output: Tensor | None


@nn.register
class BertEmbeddings(nn.Module):
    """The sum of a token's, its place's and its segment's row, normalised."""

    def __init__(
        self, rows: int, places: int, kinds: int, size: int, dropout: float, eps: float, pad: int
    ) -> None:
        self.word_embeddings = nn.Embedding(rows, size, padding_idx=pad)
        self.position_embeddings = nn.Embedding(places, size)
        self.token_type_embeddings = nn.Embedding(kinds, size)
        self.LayerNorm = nn.LayerNorm(size, eps)
        self.dropout = nn.Dropout(dropout)

    def forward(self, input_ids: Tensor, token_type_ids: Tensor) -> Tensor:
        places = self.position_embeddings(arange(input_ids.shape[1], device=input_ids.device))
        x = self.word_embeddings(input_ids) + self.token_type_embeddings(token_type_ids) + places
        return self.dropout(self.LayerNorm(x))


@nn.register
class BertSelfAttention(nn.Module):
    """Each token's mean of the values of all that the mask shows: (N, T, size) -> the same."""

    adjustable = ("dropout",)

    def __init__(self, size: int, heads: int, dropout: float) -> None:
        if size % heads:
            raise ArchitectureError(
                f"Bert: hidden_size={size} must be a multiple of num_attention_heads={heads}"
            )
        self.heads, self.dropout = heads, dropout
        self.query, self.key, self.value = (nn.Linear(size, size) for _ in range(3))

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        n, t, size = x.shape
        q, k, v = (
            part(x).reshape(n, t, self.heads, size // self.heads).permute(0, 2, 1, 3)
            for part in (self.query, self.key, self.value)
        )
        chance = self.dropout if self.training else 0.0
        y = functional.scaled_dot_product_attention(q, k, v, mask, chance)
        return y.permute(0, 2, 1, 3).reshape(n, t, size)


@nn.register
class BertResidual(nn.Module):
    """A product, dropped out, beside another input, normalised."""

    def __init__(self, inputs: int, size: int, dropout: float, eps: float) -> None:
        self.dense = nn.Linear(inputs, size)
        self.LayerNorm = nn.LayerNorm(size, eps)
        self.dropout = nn.Dropout(dropout)

    def forward(self, y: Tensor, x: Tensor) -> Tensor:
        return self.LayerNorm(self.dropout(self.dense(y)) + x)


@nn.register
class BertLayer(nn.Module):
    """Attention, then two products with an activation between, each beside its input."""

    def __init__(
        self, size: int, heads: int, inner: int, act: str, dropout: float, chance: float, eps: float
    ) -> None:
        self.attention = nn.ModuleDict(
            {
                "self": BertSelfAttention(size, heads, chance),
                "output": BertResidual(size, size, dropout, eps),
            }
        )
        self.intermediate = nn.Sequential({"dense": nn.Linear(size, inner)})
        self.output = BertResidual(inner, size, dropout, eps)
        self.act = act

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        x = self.attention["output"](self.attention["self"](x, mask), x)
        return self.output(ACTIVATIONS[self.act](self.intermediate(x)), x)


@nn.register
class Bert(nn.Module):
    """Features of every token of a text, and of the text: tokens (N, T) -> :class:`BertOutput`.

    ``attention_mask`` (N, T) is 1 where a token counts and 0 at padding, ``token_type_ids`` (N, T)
    tell the first text from the second; all tokens count and are of the first by default. The
    arguments have Hugging Face's names, so ``Bert(**config)`` of a ``config.json``'s rows of these
    names is its network; the defaults are bert-base-uncased.

    >>> import jairika_nb as jrk
    >>> net = Bert(20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
    ...            intermediate_size=16, max_position_embeddings=6)
    >>> net(jrk.tensor([[1, 2, 3]])).last_hidden_state.shape
    (1, 3, 8)
    """

    def __init__(
        self,
        vocab_size: int = 30522,
        hidden_size: int = 768,
        num_hidden_layers: int = 12,
        num_attention_heads: int = 12,
        intermediate_size: int = 3072,
        hidden_act: str = "gelu",
        hidden_dropout_prob: float = 0.1,
        attention_probs_dropout_prob: float = 0.1,
        max_position_embeddings: int = 512,
        type_vocab_size: int = 2,
        layer_norm_eps: float = 1e-12,
        pad_token_id: int = 0,
        add_pooling_layer: bool = True,
    ) -> None:
        check_layers("Bert", "num_hidden_layers", num_hidden_layers)
        check_size("Bert", "num_attention_heads", num_attention_heads)
        if hidden_act not in ACTIVATIONS:
            raise ArchitectureError(
                f"Bert: hidden_act={hidden_act!r} is unknown; use one of {', '.join(ACTIVATIONS)}"
            )
        self.max_position_embeddings = max_position_embeddings
        self.embeddings = BertEmbeddings(
            vocab_size, max_position_embeddings, type_vocab_size, hidden_size,
            hidden_dropout_prob, layer_norm_eps, pad_token_id,
        )  # fmt: skip
        layers = [
            BertLayer(
                hidden_size, num_attention_heads, intermediate_size, hidden_act,
                hidden_dropout_prob, attention_probs_dropout_prob, layer_norm_eps,
            )
            for _ in range(num_hidden_layers)
        ]  # fmt: skip
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(layers)})
        self.pooler = (
            nn.Sequential({"dense": nn.Linear(hidden_size, hidden_size), "act": nn.Tanh()})
            if add_pooling_layer
            else None
        )
        self._draw()

    def _draw(self) -> None:
        words = self.embeddings.word_embeddings
        own = [n for n, p in self.named_parameters() if p.ndim > 1 and p is not words.weight]
        nn.init.apply(self, "normal", own, std=0.02)
        nn.init.apply(self, "constant", "*.bias", val=0.0)
        # The row of the padding stays zero.
        words.weight = words.weight * 0.02

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
    ) -> BertOutput:
        if input_ids.ndim != 2 or input_ids.shape[1] > self.max_position_embeddings:
            raise ShapeError(
                f"Bert: input_ids {input_ids.shape} must be (N, T) with T up to "
                f"{self.max_position_embeddings}"
            )
        kinds = zeros_like(input_ids) if token_type_ids is None else token_type_ids
        mask = attention_mask
        if mask is not None:
            mask = (mask != 0).reshape(mask.shape[0], 1, 1, mask.shape[1])
        x = self.embeddings(input_ids, kinds)
        for layer in self.encoder["layer"].children():
            x = layer(x, mask)
        return BertOutput(x, None if self.pooler is None else self.pooler(x[:, 0]))
