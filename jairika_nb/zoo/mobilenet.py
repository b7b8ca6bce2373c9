"""MobileNetV2: bottlenecks turned inside out, with a convolution for each channel of their own.

M. Sandler, A. Howard, M. Zhu, A. Zhmoginov, L.-C. Chen: MobileNetV2: inverted residuals and linear
bottlenecks, CVPR 2018 (arXiv 1801.04381). Names and layouts of parameters are those of
torchvision, so that its checkpoints load.
"""

from __future__ import annotations

from jairika_nb import nn

# The paper's table 2: expansion, output channels, repetitions, stride of the first.
ROWS = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
    (6, 320, 1, 1),
)  # fmt: skip


def mobilenet_v2(
    num_classes: int = 1000, width: float = 1.0, dropout: float = 0.2
) -> nn.Sequential:
    """17 inverted residual blocks for images (N, 3, H, W), best 224 x 224.

    ``width`` scales the channels of all layers, which then are multiples of 8.

    >>> sum(p.size for p in mobilenet_v2().parameters())
    3504872
    """
    inputs, last = multiple_of_8(32 * width), multiple_of_8(1280 * max(1.0, width))
    layers: list[nn.Module] = [_convolution(3, inputs, 3, 2)]
    for expansion, channels, count, stride in ROWS:
        outputs = multiple_of_8(channels * width)
        for k in range(count):
            layers.append(_block(inputs, outputs, 1 if k else stride, expansion))
            inputs = outputs
    layers.append(_convolution(inputs, last, 1))
    net = nn.Sequential(
        {
            "features": nn.Sequential(*layers),
            "avgpool": nn.AdaptiveAvgPool2d(1),
            "flatten": nn.Flatten(),
            "classifier": nn.Sequential(nn.Dropout(dropout), nn.Linear(last, num_classes)),
        }
    )
    nn.init.apply(net.features, "kaiming_normal", mode="fan_out")
    nn.init.apply(net.classifier, "normal", match="1.weight", std=0.01)
    nn.init.apply(net.classifier, "zeros", match="1.bias")
    return net


def multiple_of_8(channels: float) -> int:
    """The nearest multiple of 8, at least 8, and no more than a tenth below.

    >>> [multiple_of_8(n) for n in (3, 16, 19, 20, 44.8)]
    [8, 16, 24, 24, 48]
    """
    near = max(8, int(channels + 4) // 8 * 8)
    return near if near >= 0.9 * channels else near + 8


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.Function("relu6"),
    )


def _block(inputs: int, outputs: int, stride: int, expansion: int) -> nn.Graph:
    """Widen, convolve each channel, narrow; the input is added where shapes allow it."""
    inside = inputs * expansion
    widen = [_convolution(inputs, inside, 1)] if expansion > 1 else []
    conv = nn.Sequential(
        *widen,
        _convolution(inside, inside, 3, stride, groups=inside),
        nn.Conv2d(inside, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
    )
    x = nn.Input("x")
    y = conv(x).named("conv")
    return nn.Graph(x, x + y if stride == 1 and inputs == outputs else y)
