"""Optimisers with PyTorch's hyper-parameters and arithmetic; state is kept by parameter name."""

from jairika_nb.optim.adam import Adam, AdamW
from jairika_nb.optim.optimizer import Optimizer
from jairika_nb.optim.sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer"]
