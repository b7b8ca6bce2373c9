"""The first tutorial in JupyterLab: Run All, and the sidebar follows without a reload."""

import importlib.util
import shutil
from pathlib import Path

import pytest

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

FIRST = Path(__file__).parents[2] / "tutorials" / "01-first-network.ipynb"
TRAINING = 300_000
# The notebook's own indicator says "idle" before there is a kernel as well.
IDLE = """() => {
    const session = window.jupyterapp.shell.currentWidget?.context?.sessionContext;
    return session?.isReady && session.session?.kernel?.status === 'idle';
}"""

pytestmark = [
    pytest.mark.skipif(not FIRST.is_file(), reason="the tutorial is not in this checkout"),
    pytest.mark.skipif(
        importlib.util.find_spec("sklearn") is None, reason="its digits come with scikit-learn"
    ),
]


def test_running_the_first_tutorial_grows_the_tree(sidebar, folder, page, screenshots):
    shutil.copy(FIRST, folder)
    sidebar.open(f"lab/tree/{FIRST.name}")
    expect(sidebar.panel).to_contain_text("No models yet")
    page.evaluate("window.notReloaded = true")
    run_all(page)
    expect(sidebar.row("prime").first).to_be_visible(timeout=TRAINING)
    expect(sidebar.row("PT").first).to_be_visible(timeout=TRAINING)
    expect(sidebar.row("wide")).to_contain_text("in use", timeout=TRAINING)
    expect(sidebar.row("PT")).to_have_count(2, timeout=TRAINING)
    assert sidebar.labels() == ["digits", "main", "PT", "prime", "wide", "PT", "prime"]
    assert page.evaluate("window.notReloaded")
    accuracy = float(sidebar.row("PT").last.locator(".jrk-Row-badge").inner_text())
    assert accuracy >= 0.95
    wait_until_idle(page)
    expect(page.locator(".jp-RenderedText[data-mime-type*='error']")).to_have_count(0)
    sidebar.row("PT").last.click()
    last_tree = page.locator(".jp-CodeCell", has_text="%jrk commit wide")
    last_tree.evaluate("cell => cell.scrollIntoView({block: 'center'})")
    for theme in sidebar.themes():
        page.screenshot(path=screenshots(f"tutorial-{theme}"))


def run_all(page) -> None:
    """Choose Run All Cells from the menu, once the kernel is there."""
    wait_until_idle(page)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def wait_until_idle(page) -> None:
    page.wait_for_function(IDLE, timeout=TRAINING)
