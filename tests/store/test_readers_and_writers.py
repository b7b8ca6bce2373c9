"""Readers see whole states while a writer writes; writers take turns and are told who holds."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import crowd
import h5py
import numpy as np
import pytest
from states import arrays, same

from jairika_nb import store
from jairika_nb.errors import Locked
from jairika_nb.store import locks, reader
from jairika_nb.store.model import Model

COMMITTER = """
import sys, time
import numpy as np
from jairika_nb import store
with store.open(sys.argv[1], "a") as model:
    for step in range(int(sys.argv[2])):
        values = {f"{layer}.weight": np.full(500, step) for layer in range(4)}
        model.commit(values, name=f"step-{step}", metrics={"step": step})
"""
HOLDER = """
import sys
from pathlib import Path
from jairika_nb.store import locks
with locks.writing(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def python(program: str, *arguments: object, **options) -> subprocess.Popen:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, text=True, **options)


def test_a_reader_sees_only_whole_states_while_a_writer_commits(path):
    store.init(path).close()
    writer, states, generation = python(COMMITTER, path, 150), 0, 0
    while writer.poll() is None:
        now = reader.generation(path)
        assert now >= generation
        with store.open(path) as model:
            assert model.info()["generation"] >= now
            head = model["main"].head
            found = head.arrays()
            if head.metrics:
                step = head.metrics["step"]
                assert head.name == f"step-{step}" and len(found) == 4
                assert all(np.array_equal(each, np.full(500, step)) for each in found.values())
        generation, states = now, states + 1
    assert writer.returncode == 0 and states > 50
    assert len(store.open(path)["main"]) == 151


@pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")
def test_a_crowd_of_readers_sees_no_error_and_nothing_torn_and_never_goes_back(path):
    """A second or two of what tests/long does for ten minutes; the file is written anew twice."""
    told = crowd.crowd(path, 8, 2, kept=12)
    assert not crowd.faults(told)
    assert told["commits"] >= 24 and told["reads"] > 8 and store.open(path).verify().ok


def test_writers_of_many_threads_take_turns(path):
    store.init(path).close()
    errors = []

    def derive(number: int) -> None:
        try:
            with store.open(path, "a") as model:
                for step in range(5):
                    model.derive(f"{number}-{step}")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=derive, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(store.open(path).variants) == 21 and store.open(path).verify().ok


def test_an_open_model_holds_nobody_up(model):
    with store.open(model.path, "a") as other:
        other.derive("theirs")
    model.commit(arrays(5), name="ours")
    assert model.variants == ("main", "theirs")


def test_a_writer_that_waits_in_vain_names_the_holder(model):
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with python(HOLDER, model.path, **options) as holder:
        assert holder.stdout.readline() == "held\n"
        with Model(model.path, "a", wait=0.1) as waiting:
            with pytest.raises(Locked, match=rf"process {holder.pid} .* is writing it.*0\.1 s"):
                waiting.commit(arrays(5))
            holder.stdin.close()
            holder.wait()
            assert waiting.commit(arrays(5)).name == "iteration-3"


def test_a_lock_dies_with_its_holder(model):
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with python(HOLDER, model.path, **options) as holder:
        assert holder.stdout.readline() == "held\n"
        holder.kill()
        holder.wait()
        assert model.commit(arrays(5)).name == "iteration-3"


def test_a_short_hold_is_waited_for(model):
    def hold() -> None:
        with locks.writing(model.path):
            held.set()
            time.sleep(0.1)

    held = threading.Event()
    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    assert model.commit(arrays(5)).name == "iteration-3"
    thread.join()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no shared file locks")
def test_an_hdf5_program_that_has_the_file_open_is_told(model):
    waiting = Model(model.path, "a", wait=0.1)
    with h5py.File(model.path), pytest.raises(Locked, match="open in another HDF5 program"):
        waiting.commit(arrays(5))
    assert model.commit(arrays(5)).name == "iteration-3"


def test_old_states_stay_readable_through_later_commits(model):
    old = store.open(model.path)
    lazy = old["main"]["PT"].arrays(lazy=True)
    for seed in range(2, 30):
        model.commit(arrays(seed))
    assert old["main"].iterations == ("prime", "PT")
    assert same(old["main"]["PT"].arrays(), arrays(1)) and same(lazy, arrays(1))
    old.close()


def test_ctrl_c_during_a_commit_arrives_after_it(model):
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "import numpy as np\n"
        "from jairika_nb.store.disk import Disk\n"
        "from jairika_nb.store.model import Model\n"
        "class Interrupted(Disk):\n"
        "    def write(self, file, offset, data):\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        super().write(file, offset, data)\n"
        "model = Model(Path(sys.argv[1]), 'a', disk=Interrupted())\n"
        "try:\n"
        "    model.commit({'0.weight': np.ones(9)}, name='whole')\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    child = python(program, model.path, stdout=subprocess.PIPE)
    assert child.communicate()[0] == "interrupted\n"
    found = store.open(Path(model.path))["main"]["whole"].arrays()
    assert found["0.weight"].tolist() == [1.0] * 9
