"""VGG: convolutions of 3x3 in five stages, the more the deeper.

K. Simonyan, A. Zisserman: Very deep convolutional networks for large-scale image recognition,
ICLR 2015 (arXiv 1409.1556). Names and layouts of parameters are those of torchvision, so that its
checkpoints load.
"""

from __future__ import annotations

from jairika_nb import nn

CHANNELS = (64, 128, 256, 512, 512)
# How many convolutions a stage has: columns A, B, D and E of the paper's table 1.
STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


def vgg11(num_classes: int = 1000, batch_norm: bool = False, dropout: float = 0.5) -> nn.Sequential:
    """8 convolutions and 3 linear layers for images (N, 3, H, W), best 224 x 224.

    ``batch_norm`` puts a normalisation behind each convolution, as torchvision's ``vgg11_bn``.

    >>> sum(p.size for p in vgg11().parameters())
    132863336
    """
    return _vgg(11, num_classes, batch_norm, dropout)


def vgg13(num_classes: int = 1000, batch_norm: bool = False, dropout: float = 0.5) -> nn.Sequential:
    """10 convolutions and 3 linear layers; as :func:`vgg11`."""
    return _vgg(13, num_classes, batch_norm, dropout)


def vgg16(num_classes: int = 1000, batch_norm: bool = False, dropout: float = 0.5) -> nn.Sequential:
    """13 convolutions and 3 linear layers; as :func:`vgg11`."""
    return _vgg(16, num_classes, batch_norm, dropout)


def vgg19(num_classes: int = 1000, batch_norm: bool = False, dropout: float = 0.5) -> nn.Sequential:
    """16 convolutions and 3 linear layers; as :func:`vgg11`."""
    return _vgg(19, num_classes, batch_norm, dropout)


def _vgg(depth: int, num_classes: int, batch_norm: bool, dropout: float) -> nn.Sequential:
    net = nn.Sequential(
        {
            "features": _features(STAGES[depth], batch_norm),
            "avgpool": nn.AdaptiveAvgPool2d((7, 7)),
            "flatten": nn.Flatten(),
            "classifier": nn.Sequential(
                nn.Linear(512 * 7 * 7, 4096),
                nn.ReLU(),
                nn.Dropout(dropout),
                nn.Linear(4096, 4096),
                nn.ReLU(),
                nn.Dropout(dropout),
                nn.Linear(4096, num_classes),
            ),
        }
    )
    drawn = nn.init.apply(net.features, "kaiming_normal", mode="fan_out", nonlinearity="relu")
    biases = [name.replace("weight", "bias") for name in drawn]
    nn.init.apply(net.features, "zeros", match=biases)
    nn.init.apply(net.classifier, "normal", match="*.weight", std=0.01)
    nn.init.apply(net.classifier, "zeros", match="*.bias")
    return net


def _features(stages: tuple[int, ...], batch_norm: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    inputs = 3
    for count, channels in zip(stages, CHANNELS, strict=True):
        for _ in range(count):
            layers.append(nn.Conv2d(inputs, channels, 3, padding=1))
            layers += [nn.BatchNorm2d(channels)] if batch_norm else []
            layers.append(nn.ReLU())
            inputs = channels
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)
