"""Datasets, splitting, batches: arrays on the host until a batch is asked for."""

from jairika_nb.data import transforms
from jairika_nb.data.collate import PadCollate, collate
from jairika_nb.data.dataset import Dataset, TensorDataset
from jairika_nb.data.draws import generator
from jairika_nb.data.idx import read_idx
from jairika_nb.data.loader import DataLoader
from jairika_nb.data.parts import ConcatDataset, Subset, split
from jairika_nb.data.samplers import (
    BucketBatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
    balanced_weights,
)
from jairika_nb.data.sets import digits, mnist
from jairika_nb.data.stream import IterableDataset, ShuffleBuffer
from jairika_nb.data.transforms import Scale

__all__ = [
    "BucketBatchSampler",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "IterableDataset",
    "PadCollate",
    "RandomSampler",
    "Sampler",
    "Scale",
    "SequentialSampler",
    "ShuffleBuffer",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "balanced_weights",
    "collate",
    "digits",
    "generator",
    "mnist",
    "read_idx",
    "split",
    "transforms",
]
