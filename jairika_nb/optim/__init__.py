"""Optimisers and schedules with PyTorch's hyper-parameters and arithmetic.

State is kept by parameter name.
"""

from jairika_nb.optim import lr_scheduler
from jairika_nb.optim.adam import Adam, AdamW
from jairika_nb.optim.adam_variants import Adamax, NAdam, RAdam
from jairika_nb.optim.adaptive import Adadelta, Adagrad, RMSprop
from jairika_nb.optim.clipping import clip_grad_norm, clip_grad_value, total_norm
from jairika_nb.optim.ema import EMA
from jairika_nb.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
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
from jairika_nb.optim.muon import Muon
from jairika_nb.optim.optimizer import Optimizer
from jairika_nb.optim.sgd import ASGD, SGD
from jairika_nb.optim.signs import Lion, Rprop

__all__ = [
    "ASGD",
    "EMA",
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
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "Lion",
    "MultiStepLR",
    "MultiplicativeLR",
    "Muon",
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
    "clip_grad_norm",
    "clip_grad_value",
    "lr_scheduler",
    "total_norm",
]
