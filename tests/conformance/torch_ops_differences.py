"""Where we differ from PyTorch on purpose: what ours refuses, accepts, or gives otherwise.

Each line names operations by a pattern, the message it is about, and why. A sample that raises a
message listed here is not compared; everything else that differs fails.
"""

from __future__ import annotations

import re


class NotComparable(Exception):
    """A sample that asks for what does not exist here, with the reason."""


# operations, our message, reason
REFUSED = [
    (".*", r"outside the 0 axes of shape \(\)", "a scalar has no axes in the array standard"),
    ("cat", r"axis . is outside the . axes of shape \(0,\)", "PyTorch skips empty vectors"),
    ("cat", r"shapes \(0,\), .* differ", "PyTorch skips empty vectors"),
    ("squeeze.*", "are not all of size 1", "the array standard wants an error, PyTorch nothing"),
    ("tensordot", "differ in size", "PyTorch stretches paired axes of size 1"),
    ("linalg.svd", "full_matrices=True .* no derivative", "the other columns have none"),
    ("gather", "must have as many axes", "PyTorch takes an empty index of any rank"),
    ("masked_(fill|scatter)", r"\(5, 5\) cannot become \(5,\)", "masks do not enlarge a tensor"),
    ("nonzero", r"shape \(\) has no axes", "the standard wants an error, PyTorch an axis"),
    (".*batch_norm", r"input \(0,\) needs at least 2 axes", "PyTorch takes an empty vector"),
    (".*replicate_negative", "can add at most", "nothing is left to repeat"),
    (".*margin_loss", r"scores \(\) must be", "a scalar has no axis for the classes"),
    ("CTCLoss", "must be on the host", "sizes are not read back from a device"),
    (".*avg_pool2d", r"stride=\(\)", "an empty stride says nothing"),
]

# operations, PyTorch's message (as a text within it), reason
ACCEPTED = [
    ("arange", "upper bound and lower bound inconsistent", "the standard gives no elements"),
    ("linalg.cross", "same number of dimensions", "other axes broadcast"),
    ("masked_fill", "only supports a 0-dimensional value", "values broadcast"),
    ("mean", "could not infer output dtype", "integers become float32"),
    ("nn.functional.conv[123]d", "should be the same", "operands are promoted"),
    ("nn.functional.max_pool[13]d", "positive length", "nothing gives nothing"),
    ("nn.functional.max_pool1d", "optional 0 dim batch size", "nothing gives nothing"),
    ("nn.functional.triplet_margin.*", "margin must be greater", "it only moves the loss"),
    ("roll", "`shifts` required", "no shifts move nothing"),
    ("t", "expects a tensor with <= 2", "x.T reverses all axes"),
    ("trace", "expected a matrix", "other axes are a batch"),
]

# operations, "values", "first" or "second", reason
OTHERWISE = [
    ("nn.functional.max_unpool[123]d", "first", "values that others overwrite get no share here"),
    ("nn.functional.max_unpool[123]d", "second", "values that others overwrite get no share here"),
    ("linalg.norm@subgradients_at_zero", "second", "0 here, NaN there, at a point without any"),
]


def refused(name: str, message: str) -> str | None:
    """Why ours may refuse what PyTorch computes; None if it may not."""
    return next(
        (
            why
            for ops, words, why in REFUSED
            if re.fullmatch(ops, name) and re.search(words, message)
        ),
        None,
    )


def accepted(name: str, message: str) -> str | None:
    """Why ours may accept what PyTorch refuses with ``message``; None if it may not."""
    return next(
        (why for ops, words, why in ACCEPTED if re.fullmatch(ops, name) and words in message), None
    )


def otherwise(name: str, order: str) -> bool:
    """Whether the results of an order of derivatives differ on purpose."""
    return any(re.fullmatch(ops, name) and kind == order for ops, kind, _ in OTHERWISE)
