"""The table of networks: what there is, how large, and from which paper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jairika_nb.tensors.inspect import page
from jairika_nb.zoo.alexnet import alexnet
from jairika_nb.zoo.autoencoder import autoencoder, vae
from jairika_nb.zoo.bert import Bert
from jairika_nb.zoo.gpt import gpt2
from jairika_nb.zoo.lenet import lenet5
from jairika_nb.zoo.mobilenet import mobilenet_v2
from jairika_nb.zoo.resnet import resnet18, resnet34, resnet50, resnet101, resnet152
from jairika_nb.zoo.unet import unet
from jairika_nb.zoo.vgg import vgg11, vgg13, vgg16, vgg19

VGG = "Simonyan and Zisserman 2015, arXiv 1409.1556"
RESNET = "He et al. 2016, arXiv 1512.03385"


@dataclass(frozen=True)
class Entry:
    """A network: the function that makes it, its parameters by default, what it is for, source."""

    make: Callable[..., Any]
    parameters: int
    purpose: str
    source: str


MODELS = {
    "lenet5": Entry(lenet5, 61_706, "images", "LeCun et al. 1998, Proc. IEEE 86"),
    "alexnet": Entry(alexnet, 61_100_840, "images", "Krizhevsky 2014, arXiv 1404.5997"),
    "vgg11": Entry(vgg11, 132_863_336, "images", VGG),
    "vgg13": Entry(vgg13, 133_047_848, "images", VGG),
    "vgg16": Entry(vgg16, 138_357_544, "images", VGG),
    "vgg19": Entry(vgg19, 143_667_240, "images", VGG),
    "resnet18": Entry(resnet18, 11_689_512, "images", RESNET),
    "resnet34": Entry(resnet34, 21_797_672, "images", RESNET),
    "resnet50": Entry(resnet50, 25_557_032, "images", RESNET),
    "resnet101": Entry(resnet101, 44_549_160, "images", RESNET),
    "resnet152": Entry(resnet152, 60_192_808, "images", RESNET),
    "mobilenet_v2": Entry(
        mobilenet_v2, 3_504_872, "images", "Sandler et al. 2018, arXiv 1801.04381"
    ),
    "unet": Entry(unet, 31_030_658, "segmentation", "Ronneberger et al. 2015, arXiv 1505.04597"),
    "autoencoder": Entry(
        autoencoder, 2_837_314, "codes", "Hinton and Salakhutdinov 2006, Science 313"
    ),
    "gpt2": Entry(gpt2, 124_439_808, "text", "Radford et al. 2019"),
    "Bert": Entry(Bert, 109_482_240, "text", "Devlin et al. 2019, arXiv 1810.04805"),
    "vae": Entry(vae, 652_824, "codes, samples", "Kingma and Welling 2014, arXiv 1312.6114"),
}
HEAD = ("name", "parameters", "for", "source")


class Table:
    """What :func:`models` shows: rows of name, parameters, purpose and source."""

    def rows(self) -> list[tuple[str, str, str, str]]:
        """The table as text."""
        return [(n, f"{e.parameters:,}", e.purpose, e.source) for n, e in MODELS.items()]

    def __str__(self) -> str:
        table = [HEAD, *self.rows()]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = (
            "  ".join(
                cell.rjust(width) if i == 1 else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in table
        )
        return "\n".join(line.rstrip() for line in lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return page.block(page.table(HEAD, self.rows(), {1}))


def models() -> Table:
    """All networks of the zoo by name, with their parameters and the papers they come from.

    >>> print(models())  # doctest: +ELLIPSIS
    name           parameters  for             source
    lenet5             61,706  images          LeCun et al. 1998, Proc. IEEE 86
    ...
    """
    return Table()
