"""The sidebar in Notebook 7, which shows sidebars from its View menu."""

import importlib.util
import json

import pytest

from . import lab_models as models

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

CELL = {"cell_type": "code", "id": "a", "metadata": {}, "source": "", "outputs": []}
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
NOTEBOOK = {
    "cells": [{**CELL, "execution_count": None}],
    "metadata": {"kernelspec": KERNEL},
    "nbformat": 4,
    "nbformat_minor": 5,
}

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("notebook") is None, reason="Notebook 7 is not installed"
)


def test_the_tree_is_shown_beside_a_notebook(sidebar, folder, page, server, screenshots):
    path = models.digits(folder)
    (folder / "a.ipynb").write_text(json.dumps(NOTEBOOK))
    page.goto(server.url("notebooks/a.ipynb"))
    page.locator(".jp-NotebookPanel").wait_for(timeout=60_000)
    # Notebook 7.6 reports one of its own while it starts, with or without our sidebar.
    page.errors[:] = [each for each in page.errors if "reading 'schema'" not in each]
    page.get_by_role("menuitem", name="View", exact=True).click()
    page.locator(".lm-Menu-item", has_text="Left Sidebar").first.hover()
    page.get_by_text("Show Jairika models").click()
    expect(sidebar.row("PT")).to_be_visible()
    models.commit_elsewhere(path, "fine-tuned")
    expect(sidebar.row("fine-tuned")).to_be_visible(timeout=5_000)
    page.screenshot(path=screenshots("notebook7"))
