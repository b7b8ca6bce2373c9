"""Datasets, splitting, batches: arrays on the host until a batch is asked for.

=================  ==========================================================================
arrays             ``TensorDataset``, or a ``Dataset`` or ``IterableDataset`` of your own
files              ``read_npy read_npz read_csv read_parquet read_idx read_text read_lines``,
                   ``HDF5Dataset``, ``ImageFolder``; ``from_frame`` takes tables
text               ``tokenizers``, then ``TokenWindows`` or ``TokenLines``
by name            ``digits mnist fashion_mnist cifar10 shakespeare names``
parts              ``split split_sequence split_lines``, ``Subset``, ``ConcatDataset``,
                   ``dataset.with_transform(...)``
batches            ``DataLoader`` with samplers, workers and ``transforms``
=================  ==========================================================================
"""

from typing import Any

from jairika_nb.data import tokenizers, transforms
from jairika_nb.data.buckets import BucketBatchSampler
from jairika_nb.data.collate import PadCollate, collate
from jairika_nb.data.dataset import Dataset, TensorDataset
from jairika_nb.data.draws import generator
from jairika_nb.data.hdf5 import HDF5Dataset
from jairika_nb.data.idx import read_idx
from jairika_nb.data.image_folder import ImageFolder
from jairika_nb.data.loader import DataLoader
from jairika_nb.data.numpy_files import MappedDataset, read_npy, read_npz
from jairika_nb.data.parts import ConcatDataset, Subset, TransformedDataset
from jairika_nb.data.samplers import (
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
    balanced_weights,
)
from jairika_nb.data.sets import cifar10, digits, fashion_mnist, mnist, names, shakespeare
from jairika_nb.data.splitting import split
from jairika_nb.data.stream import ChainDataset, IterableDataset, ShuffleBuffer
from jairika_nb.data.table_files import read_csv, read_parquet
from jairika_nb.data.tables import TableDataset, from_frame
from jairika_nb.data.text import (
    TokenLines,
    TokenWindows,
    read_lines,
    read_text,
    split_lines,
    split_sequence,
)
from jairika_nb.data.transforms import Scale

__all__ = [
    "BucketBatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "HDF5Dataset",
    "ImageFolder",
    "IterableDataset",
    "MappedDataset",
    "PadCollate",
    "RandomSampler",
    "Sampler",
    "Scale",
    "SequentialSampler",
    "ShuffleBuffer",
    "Subset",
    "SubsetRandomSampler",
    "TableDataset",
    "TensorDataset",
    "TokenLines",
    "TokenWindows",
    "TransformedDataset",
    "WeightedRandomSampler",
    "balanced_weights",
    "cifar10",
    "collate",
    "digits",
    "fashion_mnist",
    "from_frame",
    "generator",
    "mnist",
    "names",
    "read_csv",
    "read_idx",
    "read_lines",
    "read_npy",
    "read_npz",
    "read_parquet",
    "read_text",
    "shakespeare",
    "split",
    "split_lines",
    "split_sequence",
    "tokenizers",
    "transforms",
]

# What people who come from PyTorch look for.
_HABITS = {
    "random_split": "split(dataset, sizes, seed=...)",
    "default_collate": "collate",
    "StackDataset": "TensorDataset(a, b), or a Dataset of your own",
    "get_worker_info": "nothing: workers get whole batches to read, in the loader's order",
    "BatchSampler": "DataLoader(dataset, batch_size, sampler=...)",
}


def __getattr__(name: str) -> Any:
    way = f"; use {_HABITS[name]}" if name in _HABITS else ""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{way}")
