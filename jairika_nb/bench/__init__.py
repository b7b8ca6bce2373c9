"""How fast this is, beside the libraries that are installed, on the machine at hand.

Each library runs in a process of its own, so that no thread pool waits for another one's; rounds of
a few steps go from process to process, so that what else the machine does meets all of them alike.
Networks are written once, in terms of the names that PyTorch and this package share.
"""

from jairika_nb.bench.operations import OPERATIONS
from jairika_nb.bench.rounds import (
    LIBRARIES,
    Outcome,
    check,
    installed,
    measure,
    measure_together,
)
from jairika_nb.bench.workloads import WORKLOADS, Workload

__all__ = [
    "LIBRARIES",
    "OPERATIONS",
    "WORKLOADS",
    "Outcome",
    "Workload",
    "check",
    "installed",
    "measure",
    "measure_together",
]
