import os
from dataclasses import replace
from pathlib import Path

import pytest

from jairika_nb.server.scan import Limits, scan


def put(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")


def test_models_are_found_by_name_in_all_folders(tmp_path):
    put(tmp_path, "b.jrk.h5", "x/y/a.jrk.h5", "x/other.txt", "x/data.h5")
    found = scan(tmp_path)
    assert found.paths == ("b.jrk.h5", "x/y/a.jrk.h5")
    assert not found.truncated


@pytest.mark.parametrize("folder", [".ipynb_checkpoints", ".git", "node_modules", "__pycache__"])
def test_folders_that_nobody_works_in_are_skipped(tmp_path, folder):
    put(tmp_path, f"{folder}/a.jrk.h5", f"deep/{folder}/a.jrk.h5")
    assert scan(tmp_path).paths == ()


@pytest.mark.parametrize("mark", ["pyvenv.cfg", "conda-meta/history"])
def test_environments_are_skipped_whatever_their_name(tmp_path, mark):
    put(tmp_path, f"mine/{mark}", "mine/lib/a.jrk.h5")
    assert scan(tmp_path).paths == ()


def test_a_loop_of_links_ends(tmp_path):
    put(tmp_path, "x/a.jrk.h5")
    (tmp_path / "x" / "loop").symlink_to(tmp_path)
    assert scan(tmp_path).paths == ("x/a.jrk.h5",)


def test_too_many_models_are_cut_short_and_said(tmp_path):
    put(tmp_path, *(f"{n}.jrk.h5" for n in range(5)))
    found = scan(tmp_path, replace(Limits(), models=3))
    assert len(found.paths) == 3 and found.truncated


def test_shallow_models_come_before_deep_ones_at_a_limit(tmp_path):
    put(tmp_path, "a/b/c/deep.jrk.h5", "z.jrk.h5")
    assert scan(tmp_path, replace(Limits(), models=1)).paths == ("z.jrk.h5",)


def test_too_many_entries_are_cut_short_and_said(tmp_path):
    put(tmp_path, *(f"{n}.txt" for n in range(50)))
    assert scan(tmp_path, replace(Limits(), entries=10)).truncated


def test_time_ends_a_scan(tmp_path):
    put(tmp_path, "a.jrk.h5")
    assert scan(tmp_path, replace(Limits(), seconds=-1.0)).truncated


def test_depth_ends_a_scan(tmp_path):
    put(tmp_path, "1/2/3/a.jrk.h5", "1/b.jrk.h5")
    assert scan(tmp_path, replace(Limits(), depth=2)).paths == ("1/b.jrk.h5",)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_without_permission_is_passed_over(tmp_path):
    put(tmp_path, "closed/a.jrk.h5", "open/b.jrk.h5")
    (tmp_path / "closed").chmod(0)
    try:
        assert scan(tmp_path).paths == ("open/b.jrk.h5",)
    finally:
        (tmp_path / "closed").chmod(0o700)


def test_a_root_that_is_gone_has_no_models(tmp_path):
    assert scan(tmp_path / "gone").paths == ()
