"""Fixtures for tests in a real browser; each says why it skips where something is absent."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from . import lab_server as servers
from .lab_sidebar import Sidebar

SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Noise of the page that is none of ours: a kernel's socket that closes as the page goes away.
HARMLESS = ("WebSocket", "favicon", "ERR_CONNECTION_REFUSED")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.ui)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium: install one, or name it in the variable CHROMIUM")
    return path


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """A JupyterLab with our sidebar, on a folder of its own."""
    if importlib.util.find_spec("jupyterlab") is None:
        pytest.skip("JupyterLab is not installed")
    if not servers.installed() and not (servers.BUILT / "package.json").is_file():
        pytest.skip("the sidebar is neither installed nor built: pip install '.[lab]'")
    process, running = servers.start(tmp_path_factory.mktemp("jupyter"))
    yield running
    servers.stop(process)


# Not for the whole session: while Playwright is there, no other test can run an event loop.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[object]:
    """One browser for the tests of a module."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as drive:
        running = drive.chromium.launch(executable_path=chromium, args=list(SWITCHES))
        yield running
        running.close()


@pytest.fixture
def page(browser, server) -> Iterator[object]:
    """A page of its own; the test fails where its console shows an error."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 800},
        locale="en-GB",
        timezone_id="Europe/Berlin",
        permissions=["clipboard-read", "clipboard-write"],
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    errors: list[str] = []
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.errors = errors
    yield page
    context.close()
    assert [each for each in errors if not any(word in each for word in HARMLESS)] == []


@pytest.fixture
def folder(server) -> Iterator[Path]:
    """The server's root, empty before and after the test."""
    yield server.root
    for left in server.root.iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()


@pytest.fixture
def sidebar(page, server, folder) -> Sidebar:
    """The sidebar, not opened yet."""
    return Sidebar(page, server)


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Where a picture of this name goes: the folder in ``JRK_SCREENSHOTS``, else a passing one."""
    chosen = os.environ.get("JRK_SCREENSHOTS")
    target = Path(chosen) if chosen else tmp_path_factory.mktemp("screenshots")
    target.mkdir(parents=True, exist_ok=True)
    return lambda name: target / f"{name}.png"
