"""The sidebar as a person uses it, for tests to speak of."""

from __future__ import annotations

from collections.abc import Iterator

from .lab_server import Server

CHANGE_THEME = "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})"


class Sidebar:
    """The panel with the models in one page."""

    def __init__(self, page, server: Server) -> None:
        self.page = page
        self.server = server
        self.panel = page.locator("#jairika-nb-models")
        self.tree = self.panel.get_by_role("tree")
        self.rows = self.panel.get_by_role("treeitem")

    def open(self, path: str = "lab") -> Sidebar:
        """Load JupyterLab with a fresh layout and show the panel."""
        self.page.goto(self.server.url(f"{path}?reset"), timeout=60_000)
        self.page.wait_for_function("window.jupyterapp?.restored", timeout=60_000)
        self.page.evaluate("window.jupyterapp.restored.then(() => null)")
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")
        # The main area takes the focus when it comes, some time after the rest.
        self.page.locator(".jp-Launcher, .jp-Notebook").first.wait_for()
        self.page.get_by_role("tab", name="Jairika models").click()
        self.panel.wait_for()
        return self

    def use(self, theme: str) -> None:
        """Change to the theme of this name."""
        self.page.evaluate(CHANGE_THEME, f"JupyterLab {theme}")
        self.page.wait_for_timeout(500)  # colours fade over

    def themes(self) -> Iterator[str]:
        """Change to one theme after another."""
        for theme in ("Light", "Dark"):
            self.use(theme)
            yield theme.lower()

    def row(self, name: str):
        """Return the row with this label."""
        label = self.page.locator(".jrk-Row-label", has_text=name)
        return self.rows.filter(has=label)

    def labels(self) -> list[str]:
        """Return the labels on screen, top to bottom."""
        boxes = [(row.bounding_box()["y"], row) for row in self.rows.all()]
        ordered = sorted(boxes, key=lambda each: each[0])
        return [row.locator(".jrk-Row-label").inner_text() for _, row in ordered]

    def focused(self) -> str:
        """Return the label of the row that has the keyboard."""
        return self.page.evaluate(
            "document.activeElement.querySelector('.jrk-Row-label')?.textContent ?? ''"
        )

    def press(self, *keys: str) -> None:
        """Press keys one after another."""
        for key in keys:
            self.page.keyboard.press(key)
