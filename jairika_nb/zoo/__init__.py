"""Networks of well-known papers, made of ``nn``'s layers and graphs.

All of them are plain data: ``net.architecture()`` builds them again anywhere, and files that hold
them open without this package.
"""

from jairika_nb.zoo.autoencoder import autoencoder, vae, vae_loss
from jairika_nb.zoo.lenet import lenet5
from jairika_nb.zoo.mobilenet import mobilenet_v2
from jairika_nb.zoo.models import models
from jairika_nb.zoo.resnet import resnet18, resnet34, resnet50
from jairika_nb.zoo.unet import unet
from jairika_nb.zoo.vgg import vgg11, vgg13, vgg16, vgg19

__all__ = [
    "autoencoder",
    "lenet5",
    "mobilenet_v2",
    "models",
    "resnet18",
    "resnet34",
    "resnet50",
    "unet",
    "vae",
    "vae_loss",
    "vgg11",
    "vgg13",
    "vgg16",
    "vgg19",
]
