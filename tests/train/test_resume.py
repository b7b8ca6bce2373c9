"""A run that was stopped and goes on in a new process ends with the bits of one that was not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.errors import TrainingError
from jairika_nb.train import Checkpoint, EarlyStopping
from jairika_nb.train.packing import packed, unpacked

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import resuming  # noqa: E402

X, Y = resuming.X, resuming.Y
PLAN = {"resume": False, "epochs": 4}


def assert_same(found, wanted):
    assert set(found) == set(wanted)
    differing = [name for name in wanted if not np.array_equal(found[name], wanted[name])]
    assert not differing


def process(device, path, out, **plan):
    """The same run in a process of its own; its exit status."""
    command = [sys.executable, str(HERE / "resuming.py"), str(path), str(out)]
    environment = {**os.environ, "JRK_DEVICE": device.id}
    return subprocess.run(
        [*command, json.dumps(PLAN | plan)], env=environment, check=False
    ).returncode


def test_three_processes_end_where_one_does(device, tmp_path):
    """The first is stopped by Ctrl-C within its second epoch; the second is gone in the midst of
    its third step after a checkpoint; the third goes on to the end, with another seed of its own.
    """
    whole = resuming.run(str(tmp_path / "whole.jrk.h5"), PLAN)
    path, out = tmp_path / "parts.jrk.h5", tmp_path / "out.npz"
    assert process(device, path, out, stop=9, save={}) == 0
    with np.load(out) as first:
        assert first["counts"].tolist() == [8, 8, 0]
    assert process(device, path, out, resume=True, save={"steps": 4}, die=7, seed=1) == 9
    assert process(device, path, out, resume=True, save={"steps": 4}, seed=2) == 0
    with np.load(out) as last:
        assert_same(last, whole)
    with jrk.open(path) as model:
        assert model["main"].iterations == ("prime", "checkpoint")
        assert model.verify().ok


@pytest.mark.usefixtures("reference")
class TestPlaces:
    """Everywhere a run may be stopped, and with everything that a step depends on."""

    def parts(self, tmp_path, stops, **plan):
        """A run that is stopped again and again in its own process."""
        path = str(tmp_path / "parts.jrk.h5")
        for number, stop in enumerate(stops):
            plan |= {"seed": 5 + number, "resume": bool(number), "save": {}}
            found = resuming.run(path, PLAN | plan | {"stop": stop})
        return found

    @pytest.mark.parametrize(
        ("stops", "plan"),
        [
            ([1, 1, 0], {}),  # after the first step, and the one after it
            ([6, 0], {}),  # in the last step of an epoch
            ([9, 0], {"optimizer": "SGD"}),
            # Gathered gradients: 6 batches by 4, stopped within a group.
            ([2, 7, 0], {"options": {"accumulate": 4}}),
            ([10, 0], {"options": {"precision": "float16"}}),
            ([3, 0], {"optimizer": "RAdam", "options": {"precision": "bfloat16"}}),
        ],
    )
    def test_stops(self, tmp_path, stops, plan):
        whole = resuming.run(str(tmp_path / "whole.jrk.h5"), PLAN | plan)
        assert_same(self.parts(tmp_path, stops, **plan), whole)

    def test_between_epochs_and_more_epochs_than_at_first(self, tmp_path):
        path = str(tmp_path / "m.jrk.h5")
        whole = resuming.run(str(tmp_path / "whole.jrk.h5"), PLAN)
        resuming.run(path, PLAN | {"epochs": 2, "save": {"epochs": 1}})
        found = resuming.run(path, PLAN | {"resume": True, "save": {"epochs": 1}, "seed": 8})
        assert_same(found, whole)

    def test_readers_ahead_and_streams_go_on_where_they_were(self, tmp_path):
        """Workers read batches ahead of the stop; a stream has no length and is gone through."""

        class Rows(jrk.data.IterableDataset):
            def __iter__(self):
                yield from zip(X, Y, strict=True)

        rows = jrk.data.TensorDataset(X, Y)
        loaders = (
            lambda: jrk.data.DataLoader(rows, 8, shuffle=True, num_workers=2, prefetch=1, seed=4),
            lambda: jrk.data.DataLoader(Rows(), 8),
        )

        class Stops(jrk.train.Callback):
            def __init__(self, steps):
                self.steps = steps

            def on_step(self, training):
                if training.history.steps == self.steps:
                    training.stop()

        for number, loader in enumerate(loaders):
            ends = []
            for stop in (0, 9):
                jrk.random.seed(1)
                net, opt = nn.Linear(6, 3), optim.Adam(lr=0.1)
                options = {"epochs": 3, "optimizer": opt, "progress": False}
                with jrk.init(tmp_path / f"{number}-{stop}.jrk.h5") as model:
                    calls = [Stops(stop), Checkpoint(model)]
                    jrk.fit(net, loader(), callbacks=calls, **options)
                    if stop:
                        net, options["optimizer"] = nn.Linear(6, 3), optim.Adam(lr=0.1)
                        calls = [Stops(0), Checkpoint(model)]
                        jrk.fit(net, loader(), callbacks=calls, resume=model, **options)
                ends.append({name: value.tolist() for name, value in net.state_dict().items()})
            assert ends[0] == ends[1]

    def test_a_run_that_is_over_does_nothing_more(self, tmp_path):
        path = str(tmp_path / "m.jrk.h5")
        first = resuming.run(path, PLAN | {"save": {}})
        again = resuming.run(path, PLAN | {"resume": True, "save": {}, "seed": 8})
        assert_same(again, first)


@pytest.mark.usefixtures("reference")
class TestRefusals:
    def run(self, net=None, **options):
        options = {"epochs": 2, "batch_size": 16, "seed": 1, "progress": False} | options
        options.setdefault("optimizer", optim.Adam())
        return jrk.fit(net or nn.Linear(6, 3), (X, Y), **options)

    @pytest.fixture
    def model(self, tmp_path):
        with jrk.init(tmp_path / "m.jrk.h5") as model:
            self.run(callbacks=[Checkpoint(model)])
            yield model

    @pytest.mark.parametrize(
        ("options", "error", "words"),
        [
            ({"optimizer": optim.SGD()}, jrk.errors.ArchitectureError, "state of Adam does not"),
            ({"net": nn.Linear(6, 4)}, jrk.errors.ArchitectureError, "weight is"),
            ({"batch_size": 8}, TrainingError, "3 batches in an epoch, this data has 6"),
            (
                {"callbacks": [EarlyStopping("loss")]},
                TrainingError,
                "had the callbacks Checkpoint",
            ),
            ({"metrics": [jrk.metrics.Accuracy()]}, TrainingError, "took 0 metrics"),
        ],
    )
    def test_another_run(self, model, options, error, words):
        given = {"callbacks": [Checkpoint(model)], "epochs": 4, "net": nn.Linear(6, 3)} | options
        given.setdefault("optimizer", optim.Adam(lr=0.5))
        before, stream = given["net"].weight.tolist(), jrk.random.state()
        with pytest.raises(error, match=words):
            self.run(resume=model, **given)
        assert given["net"].weight.tolist() == before
        assert given["optimizer"].lr in (0.5, optim.SGD().lr)
        assert jrk.random.state() == stream

    def test_metrics_of_ones_own_go_on_between_epochs(self, tmp_path):
        class Batches:
            name = "batches"

            def reset(self):
                self.count = 0

            def update(self, prediction, target):
                self.count += 1

            def value(self):
                return self.count

        with jrk.init(tmp_path / "m.jrk.h5") as model:
            given = {"metrics": [Batches()], "validation": (X, Y)}
            self.run(callbacks=[Checkpoint(model)], **given)
            history = self.run(resume=model, epochs=3, callbacks=[Checkpoint(model)], **given)
            assert history["batches"] == [3, 3, 3]

    def test_a_schedule_that_was_not_there(self, model):
        opt = optim.Adam()
        given = {"optimizer": opt, "schedule": optim.StepLR(opt, 1)}
        with pytest.raises(TrainingError, match="had no schedule"):
            self.run(resume=model, callbacks=[Checkpoint(model)], **given)

    def test_an_iteration_without_a_run(self, model):
        made = model.commit(nn.Linear(6, 3), name="bare")
        with pytest.raises(TrainingError, match="'bare' holds no run to go on from; train with"):
            self.run(resume=made)
        way_out = r"'checkpoint' does: resume=model\['main'\]\['checkpoint'\]"
        with pytest.raises(TrainingError, match=way_out):
            self.run(resume=model)
        with pytest.raises(TrainingError, match="resume takes an iteration"):
            self.run(resume=3)

    def test_an_address_and_an_iteration_will_do(self, model, tmp_path):
        weights = []
        for source in (tmp_path / "m.jrk.h5", model["main"], model["main"]["checkpoint"]):
            net = nn.Linear(6, 3)
            self.run(net, resume=source, epochs=3, callbacks=[Checkpoint(tmp_path / "m.jrk.h5")])
            weights.append(net.weight.tolist())
            model.refresh()
        assert weights[0] == weights[1]


class TestPacking:
    def test_all_kinds_come_back(self):
        state = {
            "n": 3, "x": 0.1, "inf": float("inf"), "none": None, "yes": True, "text": "ü",
            "list": [1, [2.5, {"deep": np.arange(3)}]], "array": np.float32([[1, 2]]),
            "like a tag": ["array", "array 0"], "empty": {}, "scalar": np.int64(7),
        }  # fmt: skip
        found = unpacked(packed(state))
        assert found["list"][1][1]["deep"].tolist() == [0, 1, 2]
        assert found["array"].dtype == np.float32
        assert found["array"].tolist() == [[1, 2]]
        assert found["like a tag"] == ["array", "array 0"]
        for name in ("n", "x", "inf", "none", "yes", "text", "empty", "scalar"):
            assert found[name] == state[name]

    @pytest.mark.parametrize("wrong", [object(), {1: 2}, [lambda: 0], {"deep": [{"x": {1, 2}}]}])
    def test_what_cannot_be_kept(self, wrong):
        with pytest.raises(TrainingError, match="which a checkpoint cannot keep"):
            packed({"it": wrong})

    @pytest.mark.parametrize(
        "text", [b"", b"{", b'["array", "other"]', b'["code", "x"]', b"[" * 9999, b"[1]", b"\xff"]
    )
    def test_damaged_text(self, text):
        with pytest.raises(TrainingError, match="cannot be read"):
            unpacked({"state": np.frombuffer(text, np.uint8)})

    @pytest.mark.usefixtures("reference")
    def test_a_state_that_lies(self, tmp_path):
        with jrk.init(tmp_path / "m.jrk.h5") as model:
            net = nn.Linear(6, 3)
            for state in ({"format": 1}, {"format": 9}, [], {"format": 1, "epoch": "many"}):
                model.commit(net, optimizer=optim.Adam(), training=packed(state))
                with pytest.raises(TrainingError, match="to go on from"):
                    jrk.fit(net, (X, Y), epochs=1, resume=model, progress=False)
