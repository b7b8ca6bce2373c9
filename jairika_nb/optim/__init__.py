"""Optimisers and schedules with PyTorch's hyper-parameters and arithmetic.

State is kept by parameter name.
"""

from jairika_nb.optim import lr_scheduler
from jairika_nb.optim.adam import Adam, AdamW
from jairika_nb.optim.adam_variants import Adamax, NAdam, RAdam
from jairika_nb.optim.adaptive import Adadelta, Adagrad, RMSprop
from jairika_nb.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
    WarmupLR,
)
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
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "Lion",
    "MultiStepLR",
    "MultiplicativeLR",
    "NAdam",
    "OneCycleLR",
    "Optimizer",
    "PolynomialLR",
    "RAdam",
    "RMSprop",
    "ReduceLROnPlateau",
    "Rprop",
    "SequentialLR",
    "StepLR",
    "WarmupLR",
    "lr_scheduler",
]
