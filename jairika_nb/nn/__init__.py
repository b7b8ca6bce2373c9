"""Layers, losses and networks, with PyTorch's names, arguments and arithmetic."""

from jairika_nb.nn import functional, init
from jairika_nb.nn.activations import (
    ELU,
    GELU,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Tanh,
)
from jairika_nb.nn.architecture import build, register
from jairika_nb.nn.containers import Sequential
from jairika_nb.nn.layers import Dropout, Flatten, Identity, Linear
from jairika_nb.nn.losses import CrossEntropyLoss, MSELoss
from jairika_nb.nn.module import Module
from jairika_nb.nn.parts import Parameter

__all__ = [
    "ELU",
    "GELU",
    "CrossEntropyLoss",
    "Dropout",
    "Flatten",
    "Identity",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "build",
    "functional",
    "init",
    "register",
]
