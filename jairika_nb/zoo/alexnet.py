"""AlexNet, with which deep networks won ImageNet's contest."""

from __future__ import annotations

from jairika_nb import nn


def alexnet(num_classes: int = 1000, dropout: float = 0.5) -> nn.Sequential:
    """Five convolutions and three linear layers for images (N, 3, H, W), best 224 x 224.

    The form for one device of A. Krizhevsky: One weird trick for parallelizing convolutional
    neural networks (2014, arXiv 1404.5997), after A. Krizhevsky, I. Sutskever, G. Hinton: ImageNet
    classification with deep convolutional neural networks, NeurIPS 2012. Names and layouts of
    parameters are those of torchvision, so that its checkpoints load.

    >>> sum(p.size for p in alexnet().parameters())
    61100840
    """
    features = nn.Sequential(
        nn.Conv2d(3, 64, 11, 4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
    )
    classifier = nn.Sequential(
        nn.Dropout(dropout),
        nn.Linear(256 * 6 * 6, 4096),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Linear(4096, num_classes),
    )
    return nn.Sequential(
        {
            "features": features,
            "avgpool": nn.AdaptiveAvgPool2d((6, 6)),
            "flatten": nn.Flatten(),
            "classifier": classifier,
        }
    )
