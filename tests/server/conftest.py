"""A Jupyter server with our part loaded, and model files under its root."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytest_jupyter.jupyter_server import *  # noqa: F403  (its fixtures)

from jairika_nb import store

sys.path.insert(0, str(Path(__file__).parent))  # the tests share a plain module


@pytest.fixture
def jp_server_config() -> dict:
    """Load our part, and let no endpoint go without a check of who asks."""
    return {
        "ServerApp": {
            "jpserver_extensions": {"jairika_nb.server": True},
            "allow_unauthenticated_access": False,
            "terminals_enabled": False,
        }
    }


@pytest.fixture(scope="session")
def serving(tmp_path_factory):
    """A server in a process of its own, with the users olga, ann and bob."""
    from served import Serving

    made = Serving(tmp_path_factory.mktemp("serving"))
    yield made
    made.kill()


@pytest.fixture(scope="session")
def single(tmp_path_factory):
    """An ordinary server, which knows one person by one token, at a base of its own."""
    from served import Serving

    made = Serving(tmp_path_factory.mktemp("single"), people=False, base="/user/me/")
    yield made
    made.kill()


@pytest.fixture
def here(tmp_path):
    """A model of this side."""
    from served import arrays

    with store.init(tmp_path / "mine.jrk.h5") as made:
        made.commit(arrays(0), metrics={"loss": 0.5})
        made.commit(arrays(1), name="PT", optimizer={"m": np.ones(4)})
        yield made


@pytest.fixture
def place(serving, request):
    """A name under the server's root, and what is typed for it."""
    name = f"p{abs(hash(request.node.name))}.jrk.h5"
    return serving.root / name, serving.address(name)


@pytest.fixture
def make(jp_root_dir: Path) -> Callable[..., Path]:
    """Make a model under the root with one iteration for each name."""

    def made(relative: str, *names: str) -> Path:
        path = jp_root_dir / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        with store.init(path) as model:
            for place, name in enumerate(names):
                model.commit({"0.weight": np.full((2, 3), place, "f4")}, name=name)
        return path

    return made


@pytest.fixture
def run(jp_asyncio_loop) -> Callable:
    """Run a coroutine in the loop of the server, which stands still otherwise."""
    return jp_asyncio_loop.run_until_complete


@pytest.fixture
def fetch(run, jp_fetch) -> Callable:
    """Ask an endpoint; return the answer as it came, refusals too."""

    def fetched(endpoint: str, **options: object):
        path = ("jairika-nb", "v1", endpoint)
        return run(jp_fetch(*path, raise_error=False, **options))

    return fetched


@pytest.fixture
def ask(fetch) -> Callable:
    """Ask an endpoint; return its status and its JSON."""

    def asked(endpoint: str, **arguments: str) -> tuple[int, dict]:
        answer = fetch(endpoint, params=arguments)
        return answer.code, json.loads(answer.body)

    return asked
