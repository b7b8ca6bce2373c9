"""Models kept like Git repositories, each in one HDF5 file that a power cut does not harm.

>>> import numpy, tempfile
>>> from jairika_nb import store
>>> folder = tempfile.TemporaryDirectory()
>>> with store.init(folder.name + "/net.jrk.h5") as model:
...     made = model.commit({"0.weight": numpy.eye(2)}, name="PT", metrics={"accuracy": 0.5})
>>> store.open(folder.name + "/net.jrk.h5")["main"]["PT"].arrays()["0.weight"].tolist()
[[1.0, 0.0], [0.0, 1.0]]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jairika_nb.store.iteration import Iteration
    from jairika_nb.store.model import Model
    from jairika_nb.store.opening import init, open
    from jairika_nb.store.retention import Keep
    from jairika_nb.store.sharing import clone
    from jairika_nb.store.variant import Variant

__all__ = ["Iteration", "Keep", "Model", "Variant", "clone", "init", "open"]

HOMES = {"Model": "model", "init": "opening", "open": "opening", "clone": "sharing"} | {
    "Variant": "variant",
    "Iteration": "iteration",
    "Keep": "retention",
}


def __getattr__(name: str) -> Any:
    # Not imported here: the server reads trees without paying for h5py and numpy.
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
