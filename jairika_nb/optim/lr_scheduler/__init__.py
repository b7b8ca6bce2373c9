"""Schedules of learning rates with PyTorch's names, arguments and values."""

from jairika_nb.optim.lr_scheduler.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from jairika_nb.optim.lr_scheduler.cyclic import CyclicLR
from jairika_nb.optim.lr_scheduler.factors import (
    ConstantLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from jairika_nb.optim.lr_scheduler.one_cycle import OneCycleLR
from jairika_nb.optim.lr_scheduler.plateau import ReduceLROnPlateau
from jairika_nb.optim.lr_scheduler.schedule import LRScheduler
from jairika_nb.optim.lr_scheduler.sequences import ChainedScheduler, SequentialLR, WarmupLR

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
    "WarmupLR",
]
