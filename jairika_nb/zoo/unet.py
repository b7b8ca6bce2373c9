"""U-Net: down by pooling, up again by transposed convolutions, and across at every size."""

from __future__ import annotations

from jairika_nb import nn


def unet(
    in_channels: int = 1,
    num_classes: int = 2,
    channels: int = 64,
    depth: int = 4,
    padding: bool = False,
    batch_norm: bool = False,
) -> nn.Graph:
    """A class for each pixel of images (N, in_channels, H, W): (N, num_classes, H', W') logits.

    As in the paper convolutions do not pad, so what goes across is cropped and the output is
    smaller: 572 x 572 become 388 x 388. ``padding=True`` keeps the size, which must then be a
    multiple of ``2 ** depth``. ``channels`` are those of the first stage, doubled ``depth`` times;
    ``batch_norm`` puts a normalisation behind each convolution. By default 31,030,658 parameters,
    what the layers of the paper's figure 1 add up to (31,030,593 with one class).

    O. Ronneberger, P. Fischer, T. Brox: U-Net: convolutional networks for biomedical image
    segmentation, MICCAI 2015 (arXiv 1505.04597).

    >>> import jairika_nb as jrk
    >>> net = unet(channels=4, depth=2, padding=True)
    >>> net(jrk.zeros((1, 1, 16, 16))).shape
    (1, 2, 16, 16)
    """
    x = image = nn.Input("image")
    widths = [channels * 2**i for i in range(depth + 1)]
    across, inputs = [], in_channels
    for i, width in enumerate(widths[:-1]):
        x = _double(inputs, width, padding, batch_norm)(x).named(f"down{i + 1}")
        across.append(x)
        x = nn.MaxPool2d(2)(x).named(f"pool{i + 1}")
        inputs = width
    x = _double(inputs, widths[-1], padding, batch_norm)(x).named("bottom")
    for i, width in reversed(list(enumerate(widths[:-1]))):
        x = nn.ConvTranspose2d(2 * width, width, 2, 2)(x).named(f"up{i + 1}")
        skipped = across[i] if padding else across[i].crop(x)
        x = skipped.concat(x, axis=1)
        x = _double(2 * width, width, padding, batch_norm)(x).named(f"merge{i + 1}")
    net = nn.Graph(image, nn.Conv2d(channels, num_classes, 1)(x).named("head"))
    nn.init.apply(net, "kaiming_normal", nonlinearity="relu")
    return net


def _double(inputs: int, outputs: int, padding: bool, batch_norm: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers.append(nn.Conv2d(channels, outputs, 3, padding=int(padding), bias=not batch_norm))
        layers += [nn.BatchNorm2d(outputs)] if batch_norm else []
        layers.append(nn.ReLU())
    return nn.Sequential(*layers)
