"""The house keeps its shape: imports point one way, and nothing that runs foreign code comes in."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest

import jairika_nb

PACKAGE = Path(jairika_nb.__file__).parent
FILES = [p for p in sorted(PACKAGE.rglob("*.py")) if "labextension" not in p.parts]
LEVELS = [
    {"errors"},
    {"engine"},
    {"tensors"},
    {"nn", "optim", "data", "metrics"},
    {"zoo"},
    {"train", "store"},
    {"bench"},
    {"words"},
    {"notebook", "server", "cli", "__main__"},
]
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
# What the server of a shared hub may hold: it reads files of others.
SERVER_ALLOWED = {"errors", "store", "server"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
VAGUE = {"utils", "util", "helpers", "misc", "common", "core", "stuff"}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@functools.cache
def used_by(path: Path) -> tuple[set[str], set[str]]:
    """The modules that a file imports, and the functions that it calls by a bare name."""
    imported, called = set(), set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module)
            imported |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called.add(node.func.id)
    return imported, called


def imports(path: Path) -> set[str]:
    return used_by(path)[0]


def rooms_used(path: Path) -> set[str]:
    parts = [name.split(".") for name in imports(path) if name.startswith("jairika_nb.")]
    return {p[1] for p in parts if p[1] in LEVEL}


def test_every_room_has_its_place():
    rooms = {room_of(p) for p in FILES} - {"__init__"}
    assert rooms == set(LEVEL)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    room = room_of(path)
    if room == "__init__":
        pytest.skip("the package itself names every room, lazily")
    above = {used for used in rooms_used(path) if LEVEL[used] > LEVEL[room]}
    beside = {
        used for used in rooms_used(path)
        if LEVEL[used] == LEVEL[room] and used != room and room != "__main__"
    }  # fmt: skip
    # Training keeps checkpoints in the model file, which knows nothing of training.
    allowed = {("optim", "nn"), ("metrics", "nn"), ("metrics", "data"), ("train", "store")}
    assert not above
    assert {(room, used) for used in beside} <= allowed


def test_the_server_holds_nothing_that_computes():
    for path in FILES:
        if room_of(path) == "server":
            assert rooms_used(path) <= SERVER_ALLOWED, path
            assert not {"h5py", "numpy", "pyopencl"} & {n.split(".")[0] for n in imports(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_unpickles_or_evaluates(path):
    assert not {name.split(".")[0] for name in imports(path)} & FORBIDDEN_MODULES
    called = used_by(path)[1]
    if path.name == "autograd.py":
        called = called - {"eval"}
    assert not called & FORBIDDEN_CALLS


def test_files_are_named_for_what_they_hold():
    assert not {p.stem for p in FILES} & VAGUE
