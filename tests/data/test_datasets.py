"""Datasets, splits and loaders: right rows, reproducible orders, clear refusals."""

import builtins

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.data import DataLoader, Dataset, Scale, Subset, TensorDataset, digits, split
from jairika_nb.errors import DataError, OutOfRange


class Pairs(Dataset):
    def __init__(self, samples):
        self.samples = samples

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index]


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    bundle, (images, labels) = load_digits(), digits()[:]
    assert images.shape == (1797, 1, 8, 8)
    assert (images.dtype, labels.dtype) == (np.float32, np.int32)
    assert np.array_equal(images[:, 0] * 16, bundle.images)
    assert np.array_equal(labels, bundle.target)


def test_digits_without_scikit_learn_say_how_to_get_it(monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(DataError, match="pip install scikit-learn"):
        digits()


def test_samples_and_slices_are_rows():
    dataset = TensorDataset(
        np.arange(6, dtype=np.uint8).reshape(3, 2), [7, 8, 9], transform=Scale(5)
    )
    x, y = dataset[-1]
    assert np.allclose(x, [0.8, 1.0])
    assert y == 9
    assert dataset[1:][1].tolist() == [8, 9]
    with pytest.raises(OutOfRange, match="sample 3 of a dataset of 3"):
        dataset[3]


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ((), "at least one array"),
        (([1.0, 2.0], [1]), r"\(2,\), \(1,\): the first axes must be equal"),
        (([],), "needs a sample"),
        ((3.0,), "first axis"),
        (([[1, 2], [3]],), "unequal lengths"),
        ((["a", "b"],), "only numbers"),
        ((np.array([None, 1]),), "only numbers"),
    ],
)
def test_tensor_dataset_refuses(arrays, words):
    with pytest.raises(DataError, match=words):
        TensorDataset(*arrays)


def test_split_keeps_every_sample_once_and_repeats_by_seed():
    dataset = TensorDataset(np.arange(100))
    first, second = split(dataset, [80, 20], seed=5)
    values = np.concatenate([first[:][0], second[:][0]])
    assert sorted(values) == list(range(100))
    assert values.tolist() != list(range(100))
    again = split(dataset, [80, 20], seed=5)
    assert np.array_equal(again[0].indices, first.indices)
    assert not np.array_equal(split(dataset, [80, 20], seed=6)[0].indices, first.indices)


def test_split_by_fractions_loses_nothing():
    parts = split(TensorDataset(np.arange(101)), [0.7, 0.2, 0.1])
    assert [len(p) for p in parts] == [71, 20, 10]


@pytest.mark.parametrize("sizes", [[80, 10], [100, 0], [110, -10], [0.5, 0.2], [], [1.0, 0.0]])
def test_split_refuses_sizes_that_do_not_add_up(sizes):
    with pytest.raises(DataError, match="100"):
        split(TensorDataset(np.arange(100)), sizes)


def test_a_stratified_split_keeps_the_shares_of_classes():
    labels = np.repeat([0, 1, 2], [90, 9, 1])
    names = np.array(["a", "b", "c"])[labels]
    data = TensorDataset(np.arange(100))
    parts = split(data, [0.7, 0.2, 0.1], seed=4, stratify=names)
    assert sorted(np.concatenate([p.indices for p in parts])) == list(range(100))
    for part, share in zip(parts, (0.7, 0.2, 0.1), strict=True):
        found = np.bincount(labels[part.indices], minlength=3)
        assert (abs(found - share * np.array([90, 9, 1])) <= 1).all()
    again = split(data, [0.7, 0.2, 0.1], seed=4, stratify=labels)
    assert np.array_equal(again[0].indices, parts[0].indices)
    assert not np.array_equal(
        split(data, [0.5, 0.5], 5, labels)[0].indices[:9], parts[0].indices[:9]
    )
    with pytest.raises(DataError, match=r"stratify has shape \(99,\)"):
        split(data, [0.5, 0.5], stratify=labels[1:])


def test_one_part_of_a_split_is_transformed_alone():
    images = np.arange(10, dtype=np.uint8)
    data = TensorDataset(images, np.arange(10), transform=Scale(10), classes="abcdefghij")
    train, held_out = split(data, [8, 2], seed=1)
    turned = train.with_transform(lambda x: -x, lambda y: y + 100)
    assert len(turned) == 8
    assert turned.classes == data.classes
    x, y = turned[:]
    np.testing.assert_allclose(x, -train.indices / 10)
    assert y.tolist() == (train.indices + 100).tolist()
    assert turned[-1][1] == y[-1]
    assert (held_out[:][0] >= 0).all()


def test_a_subset_of_a_subset_reads_the_right_rows():
    inner = Subset(TensorDataset(np.arange(10) * 10), np.array([9, 5, 1]))
    outer = Subset(inner, np.array([2, 0]))
    assert outer[:][0].tolist() == [10, 90]
    assert outer[1][0] == 90
    with pytest.raises(OutOfRange, match="sample 2 of a dataset of 2"):
        outer[2]


def batches(loader):
    return [batch[0].tolist() for batch in loader.arrays()]


def joined(batches):
    return [value for batch in batches for value in batch]


@pytest.mark.parametrize(("drop", "lengths"), [(False, [4, 4, 2]), (True, [4, 4])])
def test_loader_covers_the_dataset_in_order(drop, lengths):
    loader = DataLoader(TensorDataset(np.arange(10)), batch_size=4, drop_last=drop)
    found = batches(loader)
    assert [len(b) for b in found] == lengths
    assert len(loader) == len(lengths)
    assert joined(found) == list(range(sum(lengths)))


def test_shuffling_differs_by_epoch_and_repeats_by_seed():
    def loader(seed):
        return DataLoader(TensorDataset(np.arange(50)), batch_size=8, shuffle=True, seed=seed)

    one, two = loader(1), loader(1)
    epochs = [batches(one) for _ in range(3)]
    assert [batches(two) for _ in range(3)] == epochs
    assert all(sorted(joined(e)) == list(range(50)) for e in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert batches(loader(2)) != epochs[0]
    two.epoch = 1
    assert batches(two) == epochs[1]
    drawn = loader(np.int64(1))
    assert batches(drawn) == epochs[0]
    assert type(drawn.seed) is int  # a checkpoint keeps it


def test_a_seed_that_was_drawn_can_be_used_again():
    dataset = TensorDataset(np.arange(50))
    first = DataLoader(dataset, 8, shuffle=True)
    assert batches(DataLoader(dataset, 8, shuffle=True, seed=first.seed)) == batches(first)


def test_own_datasets_and_lists_are_collated():
    samples = [(np.full((2,), i, np.float32), i) for i in range(3)]
    for dataset in (samples, Pairs(samples)):
        x, y = next(DataLoader(dataset, batch_size=3).arrays())
        assert x.tolist() == [[0, 0], [1, 1], [2, 2]]
        assert (y.tolist(), y.dtype) == ([0, 1, 2], np.int32)


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        ([([1.0, 2.0], 0), ([1.0], 1)], r"sample 1 has shape \(1,\), sample 0 has \(2,\)"),
        ([(1.0, 0), (1.0,)], "sample 1 has 1 parts"),
        ([("a", 0)], "sample 0 has dtype"),
    ],
)
def test_samples_that_do_not_stack_are_named(samples, words):
    with pytest.raises(DataError, match=words):
        next(DataLoader(Pairs(samples), batch_size=4).arrays())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 0}, "batch_size 0"),
        ({"batch_size": 2.5}, "not an integer"),
        ({"seed": 2.5}, "seed 2.5 is not an integer"),
        ({"batch_size": 4, "drop_last": True}, "drops all of 3"),
    ],
)
def test_loader_refuses(options, words):
    with pytest.raises(DataError, match=words):
        DataLoader([1.0, 2.0, 3.0], **options)


def test_one_sample_is_counted_as_one():
    with pytest.raises(DataError, match="drops the one sample; use a smaller"):
        DataLoader([1.0], batch_size=4, drop_last=True)


def test_names_from_elsewhere_lead_to_ours():
    with pytest.raises(AttributeError, match=r"no attribute 'random_split'; use split\("):
        jrk.data.random_split  # noqa: B018
    with pytest.raises(AttributeError, match=r"no attribute 'nothing'$"):
        jrk.data.nothing  # noqa: B018


def test_an_empty_dataset_is_refused():
    with pytest.raises(DataError, match="empty"):
        DataLoader([], batch_size=2)


def test_a_drawn_seed_follows_from_the_package_seed():
    from jairika_nb.tensors import random

    dataset = TensorDataset(np.arange(50))
    seeds = []
    for start in (7, 7, 8):
        random.seed(start)
        seeds.append([DataLoader(dataset, 8, shuffle=True).seed for _ in range(2)])
    assert seeds[0] == seeds[1]
    assert len({*seeds[0], *seeds[2]}) == 4
    before = random.state()
    DataLoader(dataset, 8)
    assert random.state() == before
