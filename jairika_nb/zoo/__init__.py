"""Networks of well-known papers, made of ``nn``'s layers and graphs.

Those of images are plain data: ``net.architecture()`` builds them again anywhere. Those of language
are layers that importing this package registers, which opening a model's file does by itself.
"""

from jairika_nb.zoo.alexnet import alexnet
from jairika_nb.zoo.autoencoder import autoencoder, vae, vae_loss
from jairika_nb.zoo.bert import Bert
from jairika_nb.zoo.char_rnn import CharRNN
from jairika_nb.zoo.generate import generate
from jairika_nb.zoo.gpt import GPT, gpt2
from jairika_nb.zoo.lenet import lenet5
from jairika_nb.zoo.mobilenet import mobilenet_v2
from jairika_nb.zoo.models import models
from jairika_nb.zoo.resnet import resnet18, resnet34, resnet50, resnet101, resnet152
from jairika_nb.zoo.sentences import SentenceEncoder, minilm
from jairika_nb.zoo.unet import unet
from jairika_nb.zoo.vgg import vgg11, vgg13, vgg16, vgg19

__all__ = [
    "GPT",
    "Bert",
    "CharRNN",
    "SentenceEncoder",
    "alexnet",
    "autoencoder",
    "generate",
    "gpt2",
    "lenet5",
    "minilm",
    "mobilenet_v2",
    "models",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "unet",
    "vae",
    "vae_loss",
    "vgg11",
    "vgg13",
    "vgg16",
    "vgg19",
]
