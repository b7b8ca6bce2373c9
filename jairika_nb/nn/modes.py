"""Training and evaluation mode for a while: what must not leave a network in another mode."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from jairika_nb.nn.module import Module


@contextlib.contextmanager
def mode(net: Module, training: bool) -> Iterator[None]:
    """Put a network into a mode and every part of it back into its own afterwards.

    >>> from jairika_nb import nn
    >>> net = nn.Sequential(nn.Dropout(), nn.Dropout().eval())
    >>> with mode(net, False):
    ...     [layer.training for layer in net]
    [False, False]
    >>> [layer.training for layer in net]
    [True, False]
    """
    before = [(module, module.training) for module in net.modules()]
    net.train(training)
    try:
        yield
    finally:
        for module, was in before:
            module.training = was
