"""Optimisers with PyTorch's hyper-parameters and arithmetic; state is kept by parameter name."""

from jairika_nb.optim.adam import Adam, AdamW
from jairika_nb.optim.adam_variants import Adamax, NAdam, RAdam
from jairika_nb.optim.adaptive import Adadelta, Adagrad, RMSprop
from jairika_nb.optim.optimizer import Optimizer
from jairika_nb.optim.sgd import ASGD, SGD
from jairika_nb.optim.signs import Lion, Rprop

__all__ = [
    "ASGD",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
]
