"""The digits that come with scikit-learn."""

from __future__ import annotations

import numpy as np

from jairika_nb.data.dataset import TensorDataset
from jairika_nb.data.transforms import Scale
from jairika_nb.errors import DataError

DIGITS = tuple("0123456789")


def digits() -> TensorDataset:
    """1,797 handwritten digits of 8x8 pixels, bundled with scikit-learn, so there is no download.

    Images come as float32 (1, 8, 8) between 0 and 1, labels as int32. Raises DataError where
    scikit-learn is not installed. Source: E. Alpaydin and C. Kaynak, UCI repository, 1998.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError(
            "digits come with scikit-learn, which is not installed; "
            "pip install scikit-learn (or jairika-nb[lab])"
        ) from error
    bundle = load_digits()
    images = bundle.images.astype(np.uint8)[:, None]
    labels = bundle.target.astype(np.int32)
    return TensorDataset(images, labels, transform=Scale(16), classes=DIGITS, name="digits")
