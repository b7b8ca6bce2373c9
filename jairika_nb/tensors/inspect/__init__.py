"""Views that open the lid: the graph of tensors, their kernels, and a profile of what ran."""

from jairika_nb.tensors.inspect.graph import Graph
from jairika_nb.tensors.inspect.kernels import Kernels
from jairika_nb.tensors.inspect.profile import KernelRun, profile

__all__ = ["Graph", "KernelRun", "Kernels", "profile"]
