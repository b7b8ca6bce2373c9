"""Datasets, splitting, batches: arrays on the host until a batch is asked for."""

from jairika_nb.data.dataset import Dataset, Subset, TensorDataset, split
from jairika_nb.data.idx import read_idx
from jairika_nb.data.loader import DataLoader
from jairika_nb.data.sets import digits, mnist
from jairika_nb.data.transforms import Scale

__all__ = [
    "DataLoader",
    "Dataset",
    "Scale",
    "Subset",
    "TensorDataset",
    "digits",
    "mnist",
    "read_idx",
    "split",
]
