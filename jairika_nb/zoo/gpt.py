"""GPT: a transformer's decoder alone, which says what token comes next.

A. Radford, J. Wu, R. Child, D. Luan, D. Amodei, I. Sutskever: Language models are unsupervised
multitask learners, 2019 (GPT-2): normalisation before each block, learned positions, and a head
that is the table of the tokens again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from jairika_nb import nn
from jairika_nb.errors import ArchitectureError, OutOfRange, ShapeError
from jairika_nb.nn import functional
from jairika_nb.nn.sizes import check_layers, check_size
from jairika_nb.tensors.creation import zeros
from jairika_nb.tensors.elementwise import clip, where
from jairika_nb.tensors.ramps import arange
from jairika_nb.tensors.scattering import take
from jairika_nb.tensors.tensor import Tensor

Pair = tuple[Tensor, Tensor]
# Name: layers, heads, width; parameters 124,439,808 to 1,557,611,200.
SIZES = {
    "small": (12, 12, 768), "medium": (24, 16, 1024), "large": (36, 20, 1280), "xl": (48, 25, 1600),
}  # fmt: skip
# Weights that the original checkpoints keep as (in, out).
TURNED = ("c_attn.weight", "c_proj.weight", "c_fc.weight")


@nn.register
class CausalSelfAttention(nn.Module):
    """Attention of each token to itself and those before it: (N, T, n_embd) -> the same."""

    adjustable = ("dropout",)

    def __init__(self, n_embd: int, n_head: int, dropout: float = 0.0) -> None:
        if n_embd % n_head:
            raise ArchitectureError(f"GPT: {n_embd=} must be a multiple of {n_head=}")
        self.n_head, self.dropout = n_head, dropout
        self.c_attn = nn.Linear(n_embd, 3 * n_embd)
        self.c_proj = nn.Linear(n_embd, n_embd)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self._heads(x)
        chance = self.dropout if self.training else 0.0
        y = functional.scaled_dot_product_attention(q, k, v, dropout_p=chance, is_causal=True)
        return self._joined(y)

    def following(self, x: Tensor, at: Tensor, past: Pair) -> tuple[Tensor, Pair]:
        """As :meth:`forward` for tokens from position ``at``, after those in ``past``.

        ``past`` are keys and values (N, n_head, positions, size) of all positions, of which those
        before ``at`` count; they come back with the new ones in their places.
        """
        q, *new = self._heads(x)
        place, count = arange(past[0].shape[2], dtype="int32", device=x.device), x.shape[1]
        from_new = clip(place - at, 0, count - 1)
        fresh = ((place >= at) & (place < at + count)).reshape(-1, 1)
        k, v = (where(fresh, take(n, from_new, axis=2), p) for n, p in zip(new, past, strict=True))
        own = at + arange(count, dtype="int32", device=x.device).reshape(-1, 1)
        return self._joined(
            functional.scaled_dot_product_attention(q, k, v, attn_mask=place <= own)
        ), (k, v)

    def _heads(self, x: Tensor) -> list[Tensor]:
        n, t, width = x.shape
        parts = self.c_attn(x).reshape(n, t, 3, self.n_head, width // self.n_head)
        return [parts[:, :, i].permute(0, 2, 1, 3) for i in range(3)]

    def _joined(self, y: Tensor) -> Tensor:
        n, heads, t, size = y.shape
        return self.c_proj(y.permute(0, 2, 1, 3).reshape(n, t, heads * size))


@nn.register
class GPTBlock(nn.Module):
    """Attention, then two products with GELU between, each beside its input."""

    def __init__(self, n_embd: int, n_head: int, dropout: float = 0.0) -> None:
        self.ln_1 = nn.LayerNorm(n_embd)
        self.attn = CausalSelfAttention(n_embd, n_head, dropout)
        self.ln_2 = nn.LayerNorm(n_embd)
        self.mlp = nn.Sequential(
            {
                "c_fc": nn.Linear(n_embd, 4 * n_embd),
                "act": nn.GELU("tanh"),
                "c_proj": nn.Linear(4 * n_embd, n_embd),
            }
        )
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop(self.attn(self.ln_1(x)))
        return x + self.drop(self.mlp(self.ln_2(x)))

    def following(self, x: Tensor, at: Tensor, past: Pair) -> tuple[Tensor, Pair]:
        """See :meth:`CausalSelfAttention.following`."""
        y, past = self.attn.following(self.ln_1(x), at, past)
        x = x + y
        return x + self.mlp(self.ln_2(x)), past


@nn.register
class GPT(nn.Module):
    """Scores of the token after each: tokens (N, T) of integers -> (N, T, vocab_size).

    T may be up to ``n_positions``. Keys are those of Hugging Face's ``GPT2Model``.

    >>> import jairika_nb as jrk
    >>> net = GPT(vocab_size=65, n_positions=16, n_embd=8, n_layer=2, n_head=2)
    >>> net(jrk.tensor([[1, 2, 3]])).shape
    (1, 3, 65)
    """

    def __init__(
        self,
        vocab_size: int = 50257,
        n_positions: int = 1024,
        n_embd: int = 768,
        n_layer: int = 12,
        n_head: int = 12,
        dropout: float = 0.1,
    ) -> None:
        check_layers("GPT", "n_layer", n_layer)
        check_size("GPT", "n_head", n_head)
        self.vocab_size, self.n_positions = vocab_size, n_positions
        self.wte = nn.Embedding(vocab_size, n_embd)
        self.wpe = nn.Embedding(n_positions, n_embd)
        self.drop = nn.Dropout(dropout)
        self.h = nn.Sequential(*(GPTBlock(n_embd, n_head, dropout) for _ in range(n_layer)))
        self.ln_f = nn.LayerNorm(n_embd)
        nn.init.apply(self, "normal", std=0.02)
        nn.init.apply(self, "constant", "*c_*.bias", val=0.0)
        nn.init.apply(self, "normal", "*c_proj.weight", std=0.02 / math.sqrt(2 * n_layer))

    def features(self, tokens: Tensor) -> Tensor:
        """(N, T) -> (N, T, n_embd): what the scores are products of."""
        if tokens.ndim != 2 or tokens.shape[1] > self.n_positions:
            raise ShapeError(
                f"GPT: tokens {tokens.shape} must be (N, T) with T up to {self.n_positions}"
            )
        x = self.wte(tokens) + self.wpe(arange(tokens.shape[1], device=tokens.device))
        return self.ln_f(self.h(self.drop(x)))

    def following(self, tokens: Tensor, at: Tensor, past: list[Pair]) -> tuple[Tensor, list[Pair]]:
        """Features of tokens (N, T) that stand at ``at`` and after, without dropout.

        ``past`` is what :meth:`nothing` or an earlier call gave: keys and values of the tokens
        before, so that nothing is computed twice.
        """
        places = at + arange(tokens.shape[1], dtype="int32", device=tokens.device)
        x, new = self.wte(tokens) + self.wpe(places), []
        for block, own in zip(self.h, past, strict=True):
            x, pair = block.following(x, at, own)
            new.append(pair)
        return self.ln_f(x), new

    def nothing(self, rows: int) -> list[Pair]:
        """What :meth:`following` starts from: keys and values of no tokens, for so many rows."""
        weight = self.wte.weight
        heads = self.h[0].attn.n_head
        shape = (rows, heads, self.n_positions, weight.shape[1] // heads)
        empty = zeros(shape, dtype=weight.dtype, device=weight.device)
        return [(empty, empty) for _ in self.h]

    def scores(self, features: Tensor) -> Tensor:
        """(..., n_embd) -> (..., vocab_size), by the table of the tokens."""
        return functional.linear(features, self.wte.weight)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.scores(self.features(tokens))

    def load_gpt2(self, state: Mapping[str, Any]) -> GPT:
        """Take the weights of a checkpoint of GPT-2 with Hugging Face's names, whole or not.

        Its products are kept as (in, out), and its head is the table of the tokens again.
        """
        found = {}
        for key, value in state.items():
            name = key.removeprefix("transformer.")
            if name == "lm_head.weight" or name.endswith((".attn.bias", ".attn.masked_bias")):
                continue
            array = np.asarray(value.numpy() if isinstance(value, Tensor) else value)
            found[name] = array.T if name.endswith(TURNED) else array
        self.load_state_dict(found)
        return self


def gpt2(size: str = "small", dropout: float = 0.1) -> GPT:
    """GPT-2 in one of its sizes: small, medium, large or xl, with fresh weights.

    >>> sum(p.size for p in gpt2().parameters())
    124439808
    """
    if size not in SIZES:
        raise OutOfRange(f"gpt2: size={size!r} is unknown; use one of {', '.join(SIZES)}")
    layers, heads, width = SIZES[size]
    return GPT(n_embd=width, n_layer=layers, n_head=heads, dropout=dropout)
