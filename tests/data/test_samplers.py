"""Samplers, buckets, padding and joined datasets: who comes when, and what a batch looks like."""

import numpy as np
import pytest

from jairika_nb.data import (
    BucketBatchSampler,
    ConcatDataset,
    DataLoader,
    PadCollate,
    RandomSampler,
    Scale,
    SequentialSampler,
    ShuffleBuffer,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    balanced_weights,
    collate,
)
from jairika_nb.errors import DataError

DATA = TensorDataset(np.arange(40))


def visited(loader):
    return [value for (batch,) in loader.arrays() for value in batch.tolist()]


@pytest.mark.parametrize(
    ("sampler", "wanted"),
    [
        (SequentialSampler(DATA), list(range(40))),
        (RandomSampler(DATA), list(range(40))),
        (SubsetRandomSampler([3, 5, 9]), [3, 5, 9]),
        ([7, 7, 2], [2, 7, 7]),
        (np.array([5]), [5]),
    ],
)
def test_a_sampler_says_which_samples_come(sampler, wanted):
    loader = DataLoader(DATA, 2, sampler=sampler, seed=1)
    assert sorted(visited(loader)) == wanted
    assert len(loader) == -(-len(wanted) // 2)
    first = DataLoader(DATA, 2, sampler=sampler, seed=1)
    loader.epoch = 0
    assert visited(first) == visited(loader)


def test_a_random_sampler_and_shuffle_are_the_same():
    one = DataLoader(DATA, 8, sampler=RandomSampler(DATA), seed=4)
    assert visited(one) == visited(DataLoader(DATA, 8, shuffle=True, seed=4))


def test_weights_are_the_chances_of_being_drawn():
    weights = np.array([0.0, 1.0, 2.0, 5.0])
    order = WeightedRandomSampler(weights, 40_000).order(seed=7, epoch=0)
    shares = np.bincount(order, minlength=4) / len(order)
    # Five standard deviations of a share of a half.
    np.testing.assert_allclose(shares, weights / 8, atol=5 * 0.5 / 200)


def test_drawing_without_replacement_follows_the_weights_too():
    weights, firsts = np.array([1.0, 3.0, 0.0, 4.0]), []
    for epoch in range(4000):
        order = WeightedRandomSampler(weights, 3, replacement=False).order(seed=1, epoch=epoch)
        assert sorted(order.tolist()) == [0, 1, 3]
        firsts.append(order[0])
    shares = np.bincount(firsts, minlength=4) / 4000
    np.testing.assert_allclose(shares, weights / 8, atol=5 * 0.5 / 4000**0.5)


def test_balanced_weights_are_those_of_scikit_learn():
    theirs = pytest.importorskip("sklearn.utils.class_weight").compute_sample_weight

    labels = np.array([4, 4, 1, 4, 0, 1, 4])
    np.testing.assert_allclose(balanced_weights(labels), theirs("balanced", labels))


def test_a_sample_drawn_twice_gets_numbers_of_its_own():
    from jairika_nb.data import Dataset, generator

    class Noise(Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return generator().normal()

    sampler = WeightedRandomSampler([1.0, 0.0], 12)
    numbers = np.concatenate(
        [x for (x,) in DataLoader(Noise(), 3, sampler=sampler, seed=1).arrays()]
    )
    assert len(set(numbers)) == 12


LENGTHS = np.random.default_rng(0).integers(1, 100, 203)


@pytest.mark.parametrize("drop", [False, True])
def test_buckets_hold_similar_lengths_and_every_sample_once(drop):
    sampler = BucketBatchSampler(LENGTHS, 8, drop_last=drop, pool=100)
    epochs = [sampler.batches(seed=1, epoch=e) for e in range(2)]
    for batches in epochs:
        assert len(batches) == len(sampler) == (25 if drop else 26)
        together = np.concatenate(batches)
        assert len(np.unique(together)) == len(together) == (200 if drop else 203)
        spread = [np.ptp(LENGTHS[b]) for b in batches]
        assert np.mean(spread) < 8
    assert not all(map(np.array_equal, *epochs))
    in_order = np.concatenate(BucketBatchSampler(LENGTHS, 8, shuffle=False).batches(0, 0))
    assert (np.diff(LENGTHS[in_order]) >= 0).all()


def test_sequences_are_bucketed_and_padded():
    texts = [(np.arange(1, n + 1, dtype=np.int32), n) for n in LENGTHS]
    loader = DataLoader(
        texts, batch_sampler=BucketBatchSampler(LENGTHS, 8), collate_fn=PadCollate(lengths=True)
    )
    seen = 0
    for padded, lengths, labels in loader.arrays():
        assert padded.shape == (len(labels), lengths.max())
        assert (lengths == labels).all()
        assert ((padded > 0).sum(axis=1) == lengths).all()
        seen += len(labels)
    assert seen == len(LENGTHS)


def test_targets_are_padded_with_the_class_that_losses_ignore():
    x, y = PadCollate(padding_value=9)([([1, 2], [3, 4]), ([5], [6])])
    assert x.tolist() == [[1, 2], [5, 9]]
    assert y.tolist() == [[3, 4], [6, -100]]
    _, small = PadCollate()([([1, 2], np.uint8([3, 4])), ([5], np.uint8([6]))])
    assert small.tolist() == [[3, 4], [6, -100]]
    with pytest.raises(DataError, match="only the first axis"):
        PadCollate()([np.zeros((2, 3)), np.zeros((2, 4))])


def test_samples_as_dictionaries_make_batches_as_dictionaries(device):
    samples = [{"x": np.float32([i, i]), "y": i} for i in range(3)]
    (batch,) = DataLoader(samples, 3)
    assert batch["x"].tolist() == [[0, 0], [1, 1], [2, 2]]
    assert batch["y"].device is device
    with pytest.raises(DataError, match=r"sample 1 has the parts \['x'\]"):
        collate([{"x": 1, "y": 2}, {"x": 1}])


def test_a_collate_function_makes_the_batch():
    loader = DataLoader(
        ["ab", "c"], 2, collate_fn=lambda words: (np.array(list(map(len, words))), words)
    )
    ((lengths, words),) = list(loader)
    assert lengths.tolist() == [2, 1]
    assert words == ["ab", "c"]


def test_joined_datasets_are_read_part_by_part():
    a = TensorDataset(np.arange(4, dtype=np.uint8), [0, 1, 0, 1], transform=Scale(4))
    b = TensorDataset(np.float32([10, 20]), [1, 1])
    both = a + b
    assert isinstance(both, ConcatDataset)
    assert both.cumulative_sizes == [4, 6]
    x, y = both.batch(np.array([5, 0, 4, 3]))
    assert x.tolist() == [20, 0, 10, 0.75]
    assert y.tolist() == [1, 0, 1, 1]
    assert both[-1][0] == 20
    assert both[2:5][1].tolist() == [0, 1, 1]
    with pytest.raises(DataError, match="equal parts and shapes"):
        (b + TensorDataset(np.zeros((2, 3)), [0, 0]))[:]
    with pytest.raises(DataError, match="each needs a sample"):
        ConcatDataset([])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: WeightedRandomSampler([1.0, -1.0], 2), "finite number from 0 up"),
        (lambda: WeightedRandomSampler([0.0, 0.0], 2), "cannot be drawn"),
        (lambda: WeightedRandomSampler([1.0, 0.0], 2, replacement=False), "cannot be drawn from 1"),
        (lambda: RandomSampler(DATA, num_samples=41), "cannot be drawn from 40"),
        (lambda: RandomSampler(DATA, num_samples=0), "integer from 1 up"),
        (lambda: BucketBatchSampler([], 2), "one number a sample"),
        (lambda: BucketBatchSampler([1], 2, drop_last=True), "drops all of 1"),
        (lambda: balanced_weights([0.5]), "must be integers"),
        (lambda: DataLoader(DATA, sampler=[1], shuffle=True), "give one of them"),
        (lambda: DataLoader(DATA, 2, batch_sampler=[[1]]), "makes whole batches"),
        (lambda: DataLoader(DATA, sampler=iter([1])), "needs a length"),
        (
            lambda: next(DataLoader(DATA, sampler=[40]).arrays()),
            "index 40, the dataset has 0 to 39",
        ),
        (lambda: DataLoader(DATA, num_workers=-1), "num_workers -1"),
        (lambda: DataLoader(DATA, workers="fibres"), "use one of threads, processes"),
        (lambda: DataLoader(iter([1])), "IterableDataset for a stream"),
        (lambda: ShuffleBuffer([1], 0), "buffer_size 0"),
        (lambda: TensorDataset([1.0, 2.0], [0, 2], classes=("a", "b")), "sample 1 has label 2"),
        (lambda: TensorDataset([1.0, 2.0], [-1, 0], classes=("a", "b")), "sample 0 has label -1"),
    ],
)
def test_mistakes_are_told(make, words):
    with pytest.raises(DataError, match=words):
        make()
