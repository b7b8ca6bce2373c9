"""Initial values of parameters, with PyTorch's names without the trailing underscore.

Each function takes a shape where PyTorch takes the tensor to overwrite, and ``dtype`` and
``device``. ``apply`` draws parameters of a network that exists, ``lsuv`` fits it to a batch; what
is made in a block ``with deferred():`` is drawn only if somebody looks at it.
"""

from typing import NoReturn

from jairika_nb.nn.habits import of_init
from jairika_nb.nn.init.applying import apply
from jairika_nb.nn.init.deferring import deferred
from jairika_nb.nn.init.draws import (
    kaiming_normal,
    kaiming_uniform,
    normal,
    sparse,
    trunc_normal,
    uniform,
    xavier_normal,
    xavier_uniform,
)
from jairika_nb.nn.init.gains import fans, gain
from jairika_nb.nn.init.lsuv import lsuv
from jairika_nb.nn.init.structured import constant, dirac, eye, ones, orthogonal, zeros

calculate_gain = gain

__all__ = [
    "apply",
    "calculate_gain",
    "constant",
    "deferred",
    "dirac",
    "eye",
    "fans",
    "gain",
    "kaiming_normal",
    "kaiming_uniform",
    "lsuv",
    "normal",
    "ones",
    "orthogonal",
    "sparse",
    "trunc_normal",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(of_init(name, __all__))
