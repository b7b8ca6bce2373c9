"""Measures of how good predictions are; each as a function and as a streaming object."""

from jairika_nb.metrics.classification import (
    Accuracy,
    ConfusionMatrix,
    accuracy,
    confusion_matrix,
)

__all__ = ["Accuracy", "ConfusionMatrix", "accuracy", "confusion_matrix"]
