"""A model of 2 GB predicts under a cap of 256 MB, with equal outputs.

``JRK_LONG=1 python -m pytest tests/long/test_store_paging.py -q``; ``JRK_PAGED_LAYERS`` sets how
many layers of 64 MiB. The short form is in tests/store/test_paging.py.
"""

import os
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.skipif(os.environ.get("JRK_LONG") != "1", reason="takes minutes; set JRK_LONG=1"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/status"),
]
LAYERS = int(os.environ.get("JRK_PAGED_LAYERS", "32"))
SIZE = 4096  # a weight of 64 MiB
CAP = 256_000_000
SLACK = 16 << 20  # what activations and bookkeeping may take

MAKE = """
import sys
import numpy as np
from jairika_nb import nn, store
path, layers, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
chosen = np.random.default_rng(0)
net = nn.Sequential(*(nn.Linear(size, size) for _ in range(layers)))
state = {}
for name, value in net.state_dict().items():
    scale = np.float32(0.5 / size**0.5) if name.endswith("weight") else np.float32(0.1)
    state[name] = (chosen.random(value.shape, np.float32) - np.float32(0.5)) * 4 * scale
net.load_state_dict(state)
store.init(path, net).close()
"""
PREDICT = """
import sys
import numpy as np
import jairika_nb as jrk
from jairika_nb import nn, store

def resident(which):
    for line in open("/proc/self/status"):
        if line.startswith(which):
            return int(line.split()[1]) * 1024

path, size, cap, device = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
with jrk.device(device):
    x = np.full((1, size), 0.01, np.float32)
    small = nn.Sequential(nn.Linear(256, 256), nn.Linear(256, 256))
    small(x[:, :256]).numpy()  # the driver is in memory before anything counts
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak of memory is measured from here (proc(5))
    before = resident("VmRSS")
    net = store.open(path)["main"].head.load(lazy=bool(cap), cap=cap or None)
    for _ in range(2):
        found = net(x).numpy()
    print(resident("VmHWM") - before, found.tobytes().hex())
"""


def python(program, *arguments):
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.split()


def test_a_model_of_two_gigabytes_predicts_under_a_cap(tmp_path, capsys, device):
    if device.kind == "gpu":
        pytest.skip("parameters are copied to the memory of the device")
    path = tmp_path / "large.jrk.h5"
    python(MAKE, path, LAYERS, SIZE)
    size = path.stat().st_size
    assert size >= LAYERS * SIZE * SIZE * 4
    capped = python(PREDICT, path, SIZE, CAP, device.id)
    eager = python(PREDICT, path, SIZE, 0, device.id)
    path.unlink()
    with capsys.disabled():
        print(
            f"\n{device.id}: a file of {size:,} bytes, a cap of {CAP:,}: at most "
            f"{int(capped[0]):,} bytes more resident, all in memory {int(eager[0]):,}"
        )
    assert capped[1] == eager[1] and set(capped[1]) != {"0"}
    assert int(capped[0]) < CAP + SLACK
    assert int(eager[0]) > LAYERS * SIZE * SIZE * 4
