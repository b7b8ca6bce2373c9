"""Tables of learned rows, looked up by index."""

from __future__ import annotations

from typing import Any

from jairika_nb.errors import ArchitectureError, ShapeError
from jairika_nb.nn import functional, init
from jairika_nb.nn.architecture import register
from jairika_nb.nn.functional.bags import MODES
from jairika_nb.nn.module import Module
from jairika_nb.nn.parts import Parameter
from jairika_nb.nn.sizes import check_among, check_number, check_size
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.elementwise import where
from jairika_nb.tensors.plain import whole
from jairika_nb.tensors.ramps import arange
from jairika_nb.tensors.tensor import Tensor


class Table(Module):
    """What embeddings keep: a table of rows and the row that stands for padding."""

    weight: Tensor

    def _draw(self, rows: int, size: int, padding_idx: Any, place: dict[str, Any]) -> None:
        """Normal draws, but zeros in the row of the padding."""
        name = type(self).__name__
        check_size(name, "num_embeddings", rows)
        check_size(name, "embedding_dim", size)
        self.num_embeddings, self.embedding_dim = rows, size
        self.padding_idx = at = _row(name, padding_idx, rows)
        weight = init.normal((rows, size), **place)
        if at is not None:
            fixed = (arange(rows, device=weight.device) == at).reshape(-1, 1)
            weight = where(fixed, 0.0, weight)
        self.register_parameter("weight", Parameter(weight))

    def _bound(self, max_norm: float | None, norm_type: float) -> None:
        if max_norm is not None:
            check_number(type(self).__name__, "max_norm", max_norm)
        check_number(type(self).__name__, "norm_type", norm_type)
        self.max_norm = max_norm
        self.norm_type = norm_type

    def _texts(self, **usual: Any) -> list[str]:
        """The sizes, and the settings that are not as usual."""
        shown = {n: getattr(self, n) for n in usual if getattr(self, n) != usual[n]}
        parts = [f"{name}={value}" for name, value in shown.items()]
        return [str(self.num_embeddings), str(self.embedding_dim), *parts]


def _row(layer: str, padding_idx: int | None, rows: int) -> int | None:
    if padding_idx is None:
        return None
    row = whole(padding_idx)
    if row is None or not -rows <= row < rows:
        raise ArchitectureError(f"{layer}: padding_idx={padding_idx!r} is no row of {rows}")
    return row % rows


@register
class Embedding(Table):
    """Rows of a learned table: input (...) of indices -> (..., embedding_dim).

    The row ``padding_idx`` starts as zeros and gets no gradient. With ``max_norm`` rows whose
    ``norm_type``-norm exceeds it are shrunk in the table when they are looked up. The weight is
    (num_embeddings, embedding_dim), drawn from a normal distribution. ``sparse`` has no effect.
    Raises OutOfRange for an index outside the table when the values are read.

    >>> import jairika_nb as jrk
    >>> Embedding(10, 3)(jrk.tensor([[1, 2, 4], [4, 3, 9]])).shape
    (2, 3, 3)
    """

    adjustable = ("max_norm", "norm_type", "scale_grad_by_freq")

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self._draw(num_embeddings, embedding_dim, padding_idx, {"device": device, "dtype": dtype})
        self._bound(max_norm, norm_type)
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse

    def forward(self, input: Any) -> Tensor:
        return functional.embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type,
            self.scale_grad_by_freq,
        )  # fmt: skip

    def extra_repr(self) -> str:
        shown = self._texts(
            padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False
        )
        return ", ".join(shown)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Any,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """A layer of given rows (num_embeddings, embedding_dim).

        With ``freeze`` training leaves them as they are, until ``unfreeze()``.

        >>> import jairika_nb as jrk
        >>> Embedding.from_pretrained([[1.0, 2.0], [3.0, 4.0]])(jrk.tensor([1])).tolist()
        [[3.0, 4.0]]
        """
        table = _table(cls.__name__, embeddings)
        rows, size = table.shape
        layer = cls(
            rows, size, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse,
            dtype=table.dtype,
        )  # fmt: skip
        layer.weight = table
        return layer.freeze() if freeze else layer


@register
class EmbeddingBag(Table):
    """Sums, means or maxima of rows of a learned table, bag by bag -> (bags, embedding_dim).

    Called with ``input`` (bags, size), or ``input`` (n,) and ``offsets`` where bags begin, and
    with ``per_sample_weights`` of the input's shape to scale what a sum adds. ``mode`` is "mean",
    "sum" or "max"; an empty bag gives zeros and the row ``padding_idx`` counts in none. The other
    arguments are those of :class:`Embedding`.

    >>> import jairika_nb as jrk
    >>> layer = EmbeddingBag(10, 3, mode="sum")
    >>> layer(jrk.tensor([1, 2, 4, 5]), jrk.tensor([0, 3])).shape
    (2, 3)
    """

    adjustable = ("max_norm", "norm_type", "scale_grad_by_freq", "mode", "include_last_offset")

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        check_among("EmbeddingBag", "mode", mode, MODES)
        self._draw(num_embeddings, embedding_dim, padding_idx, {"device": device, "dtype": dtype})
        self._bound(max_norm, norm_type)
        self.scale_grad_by_freq = scale_grad_by_freq
        self.mode = mode
        self.sparse = sparse
        self.include_last_offset = include_last_offset

    def forward(
        self, input: Any, offsets: Any = None, per_sample_weights: Tensor | None = None
    ) -> Tensor:
        return functional.embedding_bag(
            input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq,
            self.mode, False, per_sample_weights, self.include_last_offset, self.padding_idx,
        )  # fmt: skip

    def extra_repr(self) -> str:
        shown = self._texts(max_norm=None, norm_type=2.0, scale_grad_by_freq=False)
        shown.append(f"mode={self.mode!r}")
        return ", ".join(
            shown + [f"padding_idx={self.padding_idx}"] * (self.padding_idx is not None)
        )

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Any,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> EmbeddingBag:
        """A layer of given rows (num_embeddings, embedding_dim), as :class:`Embedding`'s."""
        table = _table(cls.__name__, embeddings)
        rows, size = table.shape
        layer = cls(
            rows, size, max_norm, norm_type, scale_grad_by_freq, mode, sparse,
            include_last_offset, padding_idx, dtype=table.dtype,
        )  # fmt: skip
        layer.weight = table
        return layer.freeze() if freeze else layer


def _table(layer: str, embeddings: Any) -> Tensor:
    table = embeddings if isinstance(embeddings, Tensor) else tensor(embeddings)
    if table.ndim != 2:
        raise ShapeError(
            f"{layer}.from_pretrained: embeddings {table.shape} must be (num_embeddings, "
            "embedding_dim)"
        )
    return table.detach()
