"""ResNets: blocks whose input is added to their output.

K. He, X. Zhang, S. Ren, J. Sun: Deep residual learning for image recognition, CVPR 2016 (arXiv
1512.03385). Names and layouts of parameters are those of torchvision, so that its checkpoints
load; like there, a bottleneck strides in its 3x3 convolution.
"""

from __future__ import annotations

from collections.abc import Callable

from jairika_nb import nn

Block = Callable[[int, int, int], tuple[nn.Graph, int]]


def resnet18(num_classes: int = 1000, small: bool = False) -> nn.Sequential:
    """18 layers deep, in blocks of two convolutions, for images (N, 3, H, W).

    ``small=True`` is for images of about 32 x 32 pixels such as CIFAR's: the first convolution is
    3x3 without stride, and there is no pooling behind it.

    >>> sum(p.size for p in resnet18().parameters())
    11689512
    """
    return residual_network(basic_block, (2, 2, 2, 2), num_classes, small)


def resnet34(num_classes: int = 1000, small: bool = False) -> nn.Sequential:
    """34 layers deep, in blocks of two convolutions; as :func:`resnet18`."""
    return residual_network(basic_block, (3, 4, 6, 3), num_classes, small)


def resnet50(num_classes: int = 1000, small: bool = False) -> nn.Sequential:
    """50 layers deep, in bottlenecks of three convolutions; as :func:`resnet18`."""
    return residual_network(bottleneck, (3, 4, 6, 3), num_classes, small)


def resnet101(num_classes: int = 1000, small: bool = False) -> nn.Sequential:
    """101 layers deep, in bottlenecks of three convolutions; as :func:`resnet18`."""
    return residual_network(bottleneck, (3, 4, 23, 3), num_classes, small)


def resnet152(num_classes: int = 1000, small: bool = False) -> nn.Sequential:
    """152 layers deep, in bottlenecks of three convolutions; as :func:`resnet18`."""
    return residual_network(bottleneck, (3, 8, 36, 3), num_classes, small)


def residual_network(
    block: Block, counts: tuple[int, ...], num_classes: int, small: bool
) -> nn.Sequential:
    """A ResNet with so many blocks in each stage: the first of 64 channels, each next of twice.

    See :func:`resnet18` for ``small``.
    """
    stages, channels = {}, 64
    for i, count in enumerate(counts):
        blocks = []
        for k in range(count):
            made, channels = block(channels, 64 * 2**i, 2 if i and not k else 1)
            blocks.append(made)
        stages[f"layer{i + 1}"] = nn.Sequential(*blocks)
    net = nn.Sequential(
        {
            "conv1": _conv(3, 64, 3) if small else _conv(3, 64, 7, 2),
            "bn1": nn.BatchNorm2d(64),
            "relu": nn.ReLU(),
            "maxpool": nn.Identity() if small else nn.MaxPool2d(3, 2, padding=1),
            **stages,
            "avgpool": nn.AdaptiveAvgPool2d(1),
            "flatten": nn.Flatten(),
            "fc": nn.Linear(channels, num_classes),
        }
    )
    names = [name for name, p in net.named_parameters() if p.ndim == 4]
    nn.init.apply(net, "kaiming_normal", names, mode="fan_out", nonlinearity="relu")
    return net


def basic_block(inputs: int, channels: int, stride: int = 1) -> tuple[nn.Graph, int]:
    """Two 3x3 convolutions and a shortcut; the block and how many channels leave it."""
    x = nn.Input("x")
    y = _conv(inputs, channels, 3, stride)(x).named("conv1")
    y = nn.BatchNorm2d(channels)(y).named("bn1").relu()
    y = _conv(channels, channels, 3)(y).named("conv2")
    y = nn.BatchNorm2d(channels)(y).named("bn2")
    return nn.Graph(x, (y + _shortcut(x, inputs, channels, stride)).relu()), channels


def bottleneck(inputs: int, channels: int, stride: int = 1) -> tuple[nn.Graph, int]:
    """1x1, 3x3 and 1x1 convolutions and a shortcut; four times ``channels`` leave it."""
    x, outputs = nn.Input("x"), 4 * channels
    y = _conv(inputs, channels, 1)(x).named("conv1")
    y = nn.BatchNorm2d(channels)(y).named("bn1").relu()
    y = _conv(channels, channels, 3, stride)(y).named("conv2")
    y = nn.BatchNorm2d(channels)(y).named("bn2").relu()
    y = _conv(channels, outputs, 1)(y).named("conv3")
    y = nn.BatchNorm2d(outputs)(y).named("bn3")
    return nn.Graph(x, (y + _shortcut(x, inputs, outputs, stride)).relu()), outputs


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)


def _shortcut(x: nn.Symbol, inputs: int, outputs: int, stride: int) -> nn.Symbol:
    if stride == 1 and inputs == outputs:
        return x
    projection = nn.Sequential(_conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))
    return projection(x).named("downsample")
