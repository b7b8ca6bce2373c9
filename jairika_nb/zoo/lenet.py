"""LeNet-5, which reads handwritten digits."""

from __future__ import annotations

from jairika_nb import nn
from jairika_nb.errors import ArchitectureError


def lenet5(num_classes: int = 10, in_channels: int = 1, size: int = 32) -> nn.Sequential:
    """Two convolutions and three linear layers for images (N, in_channels, size, size).

    ``size`` is 32 as in the paper, or 28: MNIST's images, which the first layer then pads. With
    tanh and average pooling; pooling has no weights and the last layer is linear, as in today's
    versions: 61,706 parameters. Raises ArchitectureError for another size.

    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document
    recognition, Proceedings of the IEEE 86 (1998).

    >>> import jairika_nb as jrk
    >>> lenet5(size=28)(jrk.zeros((2, 1, 28, 28))).shape
    (2, 10)
    """
    if size not in (28, 32):
        raise ArchitectureError(f"lenet5: size={size!r} is neither 28 nor 32; resize the images")
    return nn.Sequential(
        {
            "conv1": nn.Conv2d(in_channels, 6, 5, padding=(32 - size) // 2),
            "tanh1": nn.Tanh(),
            "pool1": nn.AvgPool2d(2),
            "conv2": nn.Conv2d(6, 16, 5),
            "tanh2": nn.Tanh(),
            "pool2": nn.AvgPool2d(2),
            "flatten": nn.Flatten(),
            "fc1": nn.Linear(16 * 5 * 5, 120),
            "tanh3": nn.Tanh(),
            "fc2": nn.Linear(120, 84),
            "tanh4": nn.Tanh(),
            "fc3": nn.Linear(84, num_classes),
        }
    )
