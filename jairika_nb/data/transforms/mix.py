"""Batches of mixed samples with mixed labels: a loader's ``batch_transform``."""

from __future__ import annotations

from typing import Any

import numpy as np

from jairika_nb.data.draws import Draws, draws
from jairika_nb.data.transforms.onehot import OneHot
from jairika_nb.errors import DataError


class MixUp:
    """Each input and label becomes a weighted mean of itself and another one of the batch.

    Takes inputs (N, ...) and labels, integers (N,) or probabilities (N, classes); gives float32
    inputs and probabilities, which cross-entropy takes. The weight is drawn once a batch from
    Beta(``alpha``, ``alpha``). Source: Zhang et al., "mixup", ICLR 2018.

    >>> x, y = MixUp(2)(np.array([[0.0], [1.0]]), np.array([0, 1]))
    >>> bool((x[:, 0] == y[:, 1]).all())
    True
    """

    def __init__(self, num_classes: int, alpha: float = 1.0) -> None:
        if not 0 < alpha < np.inf:
            raise DataError(f"{type(self).__name__}: alpha={alpha!r} must be positive and finite")
        self.num_classes, self.alpha = num_classes, float(alpha)

    def __call__(self, inputs: Any, target: Any) -> tuple[np.ndarray, np.ndarray]:
        x, y = np.asarray(inputs), self._soft(np.asarray(target))
        if not len(x) or len(x) != len(y):
            raise DataError(f"{type(self).__name__} got {len(x)} inputs and {len(y)} labels")
        drawn = draws(len(x))
        partner = np.argsort(drawn.uniform(), kind="stable")
        share = float(drawn.generator().beta(self.alpha, self.alpha))
        x, share = self._mixed(x, partner, share, drawn)
        return x, _mean(y, y[partner], share)

    def _mixed(
        self, x: np.ndarray, partner: np.ndarray, share: float, drawn: Draws
    ) -> tuple[np.ndarray, float]:
        return _mean(x.astype(np.float32), x[partner].astype(np.float32), share), share

    def _soft(self, target: np.ndarray) -> np.ndarray:
        if target.ndim == 1 and target.dtype.kind in "biu":
            return OneHot(self.num_classes)(target)
        if target.ndim == 2 and target.shape[1] == self.num_classes and target.dtype.kind == "f":
            return target.astype(np.float32, copy=False)
        raise DataError(
            f"{type(self).__name__} got labels of shape {target.shape} {target.dtype}: they are "
            f"integers (N,) or probabilities (N, {self.num_classes})"
        )


class CutMix(MixUp):
    """A rectangle of each image comes from another one of the batch; labels mix by area.

    Takes images (N, C, H, W), otherwise as MixUp; images keep their dtype. Source: Yun et al.,
    "CutMix", ICCV 2019.

    >>> x, y = CutMix(2)(np.array([0.0, 1.0]).repeat(16).reshape(2, 1, 4, 4), np.array([0, 1]))
    >>> bool(np.allclose(x.mean(axis=(1, 2, 3)), y[:, 1]))
    True
    """

    def _mixed(
        self, x: np.ndarray, partner: np.ndarray, share: float, drawn: Draws
    ) -> tuple[np.ndarray, float]:
        if x.ndim != 4:
            raise DataError(f"CutMix got shape {x.shape}: it cuts images, (N, C, H, W)")
        height, width = x.shape[2:]
        random, side = drawn.generator(), np.sqrt(1 - share) / 2
        row, column = random.random() * height, random.random() * width
        rows = slice(
            *np.rint(np.clip([row - side * height, row + side * height], 0, height)).astype(int)
        )
        columns = slice(
            *np.rint(np.clip([column - side * width, column + side * width], 0, width)).astype(int)
        )
        out = x.copy()
        out[:, :, rows, columns] = x[partner][:, :, rows, columns]
        area = (rows.stop - rows.start) * (columns.stop - columns.start)
        return out, 1 - area / (height * width)


def _mean(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    return a * np.float32(share) + b * np.float32(1 - share)
