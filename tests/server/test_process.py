"""What the server process must not carry, and what must not keep it waiting."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import jairika_nb
from jairika_nb.server import models

REPOSITORY = Path(__file__).parents[2]
HEAVY = ("h5py", "pyopencl", "matplotlib", "IPython", "jairika_nb.engine", "jairika_nb.nn")

READ_A_TREE = """
import sys
import jairika_nb.server, jairika_nb.server.handlers, jairika_nb.server.watch
from jairika_nb.server.models import tree_text
from pathlib import Path
tree_text(Path(sys.argv[1]), "a.jrk.h5")
print(" ".join(m for m in sys.argv[2].split(",") if m in sys.modules))
"""


def test_reading_a_tree_loads_neither_the_engine_nor_h5py(make):
    root = make("a.jrk.h5", "PT").parent
    command = [sys.executable, "-c", READ_A_TREE, str(root), ",".join(HEAVY)]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert answer.stdout.strip() == ""


def test_a_slow_disk_does_not_hold_up_other_requests(run, jp_fetch, make, monkeypatch):
    make("slow.jrk.h5")
    read = models.tree_text

    def slowly(*given):
        time.sleep(1.0)
        return read(*given)

    async def both() -> tuple[float, float]:
        start = time.monotonic()
        slow = asyncio.ensure_future(
            jp_fetch("jairika-nb", "v1", "tree", params={"path": "slow.jrk.h5"})
        )
        await asyncio.sleep(0.1)
        await jp_fetch("jairika-nb", "v1", "info")
        quick = time.monotonic() - start
        await slow
        return quick, time.monotonic() - start

    monkeypatch.setattr(models, "tree_text", slowly)
    quick, slow = run(both())
    assert quick < 0.6 and slow >= 1.0


def test_sidebar_package_and_python_package_have_one_version():
    package = json.loads((REPOSITORY / "labextension" / "package.json").read_text())
    source = (REPOSITORY / "labextension" / "src" / "version.ts").read_text()
    assert package["version"] == jairika_nb.__version__
    assert f"'{jairika_nb.__version__}'" in source


def test_the_event_that_the_sidebar_waits_for_is_the_one_that_is_sent():
    from jairika_nb.server.watch import SCHEMA

    source = (REPOSITORY / "labextension" / "src" / "freshness.ts").read_text()
    assert f"'{SCHEMA}'" in source


def test_no_lock_file_names_a_host():
    lock = (REPOSITORY / "labextension" / "yarn.lock").read_text()
    assert "://" not in lock
