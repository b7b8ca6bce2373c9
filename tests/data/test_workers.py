"""Workers and read-ahead: the batches of one reader, errors that name the sample, no leftovers."""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.data import DataLoader, Dataset, IterableDataset, TensorDataset, generator
from jairika_nb.errors import DataError

KINDS = ("threads", "processes")


class Noisy(Dataset):
    """Samples with noise of the loader's; one of them may be broken, or end the process."""

    def __init__(self, count=23, broken=None, deadly=None):
        self.count, self.broken, self.deadly = count, broken, deadly

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if index == self.broken:
            raise KeyError(f"no picture for {index}")
        if index == self.deadly:
            os._exit(7)
        # Early samples take longest, so that unordered results would show.
        time.sleep(0.002 if index < 4 else 0)
        return generator().normal(size=2), index, os.getpid()


def left_behind():
    names = [t.name for t in threading.enumerate() if t.name.startswith("jairika")]
    # The engine's threads, which stand in a driver's wait, stay.
    names = [name for name in names if name != "jairika_nb waits"]
    return names, multiprocessing.active_children()


def passes(count=1, **options):
    loader = DataLoader(Noisy(), 4, shuffle=True, seed=3, **options)
    return [[batch[:2] for batch in loader.arrays()] for _ in range(count)]


@pytest.mark.parametrize(
    "options",
    [
        {"num_workers": 3},
        {"num_workers": 2, "workers": "processes"},
        {"prefetch": 2},
        {"num_workers": 2, "prefetch": 3, "prefetch_factor": 1},
    ],
)
def test_batches_and_random_numbers_are_those_of_one_reader(options):
    alone, together = passes(2), passes(2, **options)
    for one, other in zip(alone, together, strict=True):
        assert len(one) == len(other) == 6
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a[0], b[0])
            np.testing.assert_array_equal(a[1], b[1])
    assert not np.array_equal(alone[0][0][0], alone[1][0][0])
    assert left_behind() == ([], [])


def test_a_pass_goes_on_in_its_middle():
    for options in ({}, {"num_workers": 2}, {"prefetch": 1}):
        loader = DataLoader(Noisy(), 4, shuffle=True, seed=3, **options)
        whole = list(loader.arrays())
        loader.epoch = 0
        rest = list(loader.arrays(start=4))
        assert len(rest) == 2
        for one, other in zip(whole[4:], rest, strict=True):
            np.testing.assert_array_equal(one[0], other[0])


def test_processes_are_other_processes():
    loader = DataLoader(Noisy(), 4, num_workers=2, workers="processes")
    pids = {int(pid) for _, _, pids in loader.arrays() for pid in pids}
    assert os.getpid() not in pids
    assert 1 <= len(pids) <= 2


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_names_the_sample_and_says_what_it_said(kind):
    loader = DataLoader(Noisy(broken=9), 4, num_workers=2, workers=kind)
    seen = []
    with pytest.raises(
        DataError, match="sample 9 could not be read: KeyError: 'no picture for 9'"
    ) as e:
        for _, index, _ in loader.arrays():
            seen += index.tolist()
    assert seen == list(range(8))
    cause = str(e.value.__cause__)
    assert "no picture for 9" in cause
    assert kind == "threads" or "__getitem__" in cause
    assert left_behind() == ([], [])


def test_samples_that_do_not_stack_are_named_by_the_batch():
    data = [np.zeros(2), np.zeros(3)]
    with pytest.raises(DataError, match=r"batch of samples 0, 1 could not .* sample 1 has shape"):
        next(DataLoader(data, 2, num_workers=1).arrays())


def test_a_worker_that_dies_is_told_with_its_exit_code():
    loader = DataLoader(Noisy(deadly=5), 4, num_workers=1, workers="processes")
    with pytest.raises(DataError, match=r"exit code 7 before it had read samples \[4, 5, 6, 7\]"):
        list(loader.arrays())
    assert left_behind() == ([], [])


def test_what_cannot_be_sent_to_a_process_is_refused_with_the_way_out():
    data = TensorDataset(np.arange(4.0), transform=lambda x: x)
    with pytest.raises(DataError, match=r'cannot be sent to worker processes.*workers="threads"'):
        list(DataLoader(data, 2, num_workers=1, workers="processes").arrays())
    assert left_behind() == ([], [])


@pytest.mark.parametrize("options", [{"num_workers": 2}, {"prefetch": 2}])
def test_leaving_early_leaves_no_worker(options):
    for batch in DataLoader(Noisy(200), 4, **options).arrays():
        assert len(batch) == 3
        break
    assert left_behind() == ([], [])


def test_leaving_early_ends_slow_processes_at_once():
    loader = DataLoader(Noisy(200), 4, num_workers=2, workers="processes", prefetch=1)
    batches = iter(loader.arrays())
    next(batches)
    assert len(multiprocessing.active_children()) == 2
    start = time.perf_counter()
    batches.close()
    assert time.perf_counter() - start < 5
    assert left_behind() == ([], [])


def test_persistent_workers_stay_for_the_life_of_the_loader():
    options = {"num_workers": 1, "workers": "processes", "persistent_workers": True}
    loader = DataLoader(Noisy(), 4, shuffle=True, seed=3, **options)
    found = [list(loader.arrays()) for _ in range(2)]
    next(loader.arrays())  # leaving early does not end them
    pids = {int(pid) for epoch in found for _, _, pids in epoch for pid in pids}
    assert {child.pid for child in multiprocessing.active_children()} == pids
    assert len(pids) == 1
    for one, other in zip(found, passes(2), strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a[0], b[0])
    del loader
    assert left_behind() == ([], [])


def test_persistent_workers_are_made_anew_after_an_error():
    data = Noisy(broken=9)
    loader = DataLoader(data, 4, num_workers=2, persistent_workers=True)
    with pytest.raises(DataError, match="sample 9"):
        list(loader.arrays())
    assert left_behind() == ([], [])
    data.broken = None
    assert len(list(loader.arrays())) == 6


def test_ctrl_c_ends_all_workers(tmp_path):
    script = tmp_path / "interrupted.py"
    script.write_text(
        textwrap.dedent("""
        import multiprocessing, os, sys, threading
        import numpy as np
        from jairika_nb.data import DataLoader, TensorDataset

        if __name__ == "__main__":
            loader = DataLoader(
                TensorDataset(np.arange(10**6)), 2, num_workers=2, workers="processes"
            )
            try:
                for number, batch in enumerate(loader.arrays()):
                    if number == 3:
                        print(*(c.pid for c in multiprocessing.active_children()), flush=True)
            except KeyboardInterrupt:
                pass
            del batch
            assert not multiprocessing.active_children()
            assert threading.active_count() == 1, threading.enumerate()
            print("clean", flush=True)
        """)
    )
    child = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    workers = [int(pid) for pid in child.stdout.readline().split()]
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does: to the workers too
    out, _ = child.communicate(timeout=60)
    assert out == "clean\n"
    assert child.returncode == 0
    assert len(workers) == 2
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_prefetched_batches_lie_on_the_device_of_the_loop(device):
    loader = DataLoader(TensorDataset(np.arange(10), np.arange(10) * 2), 4, prefetch=2)
    total = 0
    for x, y in loader:
        assert x.device is device
        total += int((y - x).sum())
    assert total == 45
    assert left_behind() == ([], [])


def test_an_error_while_reading_ahead_arrives_in_its_place():
    loader, seen = DataLoader(Noisy(broken=9), 4, prefetch=4), []
    with pytest.raises(KeyError, match="no picture for 9"):
        for _, index, _ in loader.arrays():
            seen += index.tolist()
    assert seen == list(range(8))
    assert left_behind() == ([], [])


class Stream(IterableDataset):
    def __iter__(self):
        return ((np.float32(i), i) for i in range(7))


@pytest.mark.parametrize(("drop", "lengths"), [(False, [3, 3, 1]), (True, [3, 3])])
def test_a_stream_is_cut_in_its_order(drop, lengths):
    loader = DataLoader(Stream(), 3, drop_last=drop, prefetch=1)
    for _ in range(2):
        batches = [y.tolist() for _, y in loader.arrays()]
        assert [len(b) for b in batches] == lengths
        assert [i for b in batches for i in b] == list(range(sum(lengths)))


def test_streams_follow_one_another():
    (batch,) = DataLoader(Stream() + Stream(), 20).arrays()
    assert batch[1].tolist() == [*range(7), *range(7)]


def test_a_model_learns_from_a_stream():
    with jrk.device("reference"):

        class Line(IterableDataset):
            def __iter__(self):
                return ((np.float32([i / 8]), np.float32([i / 4 + 1])) for i in range(-8, 9))

        net = jrk.nn.Linear(1, 1)
        options = {"loss": jrk.nn.MSELoss(), "optimizer": jrk.optim.SGD(lr=0.3), "progress": False}
        history = jrk.fit(net, Line(), epochs=30, batch_size=4, **options)
    assert history.steps == 30 * 5
    assert history.metrics["loss"] < 1e-3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"shuffle": True}, "ShuffleBuffer"),
        ({"num_workers": 2}, "prefetch=2 reads ahead"),
        ({"batch_size": 0}, "batch_size 0"),
    ],
)
def test_a_loader_refuses_what_a_stream_cannot(options, words):
    with pytest.raises(DataError, match=words):
        DataLoader(Stream(), **options)


def test_an_empty_stream_and_its_length():
    class Empty(IterableDataset):
        def __iter__(self):
            return iter(())

    with pytest.raises(DataError, match="gave no batch"):
        next(iter(DataLoader(Empty(), 2)))
    with pytest.raises(TypeError, match="no length"):
        len(DataLoader(Stream(), 2))
