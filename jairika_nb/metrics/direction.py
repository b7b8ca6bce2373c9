"""Which way better is, told from the name of a measure."""

from __future__ import annotations

# Parts of the names of measures that are better when smaller; all others are better when larger.
SMALLER = ("loss", "error", "mse", "mae", "rmse", "perplexity", "deviance", "brier", "wer", "cer")


def smaller_is_better(name: str, mode: str = "auto") -> bool:
    """Whether less is better of a measure, by its name unless ``mode`` says "min" or "max".

    >>> smaller_is_better("val_loss"), smaller_is_better("accuracy")
    (True, False)
    """
    return mode == "min" or (mode == "auto" and any(part in name.lower() for part in SMALLER))
