"""The sidebar in JupyterLab, in a real browser, over a real server."""

import re
import shutil
from pathlib import Path

import pytest

from jairika_nb.store import keys

from . import lab_models as models

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

AXE = Path(__file__).parents[2] / "labextension/node_modules/axe-core/axe.min.js"
VIOLATIONS = """async () => (await axe.run('#jairika-nb-models')).violations.map(
    found => `${found.id}: ${found.nodes.map(node => node.html).join(' ')}`)"""


def test_the_tree_of_a_model_is_shown(sidebar, folder):
    models.digits(folder)
    sidebar.open()
    expect(sidebar.rows).to_have_count(8)
    names = ["digits", "main", "PT", "epoch-4", "epoch-2", "prime", "wide", "prime"]
    assert sidebar.labels() == names
    expect(sidebar.row("main")).to_contain_text("in use")
    expect(sidebar.row("PT")).to_contain_text("0.971")
    expect(sidebar.row("PT")).to_have_attribute("aria-level", "3")


def test_a_commit_of_another_process_appears_by_itself(sidebar, folder, page):
    path = models.digits(folder)
    sidebar.open()
    expect(sidebar.row("PT")).to_be_visible()
    page.evaluate("window.notReloaded = true")
    models.commit_elsewhere(path, "fine-tuned")
    # Sooner than the sidebar would ask on its own: the event told it.
    expect(sidebar.row("fine-tuned")).to_be_visible(timeout=5_000)
    expect(sidebar.row("fine-tuned")).to_contain_text("0.980")
    assert page.evaluate("window.notReloaded")


def test_a_new_model_appears_and_a_removed_one_goes(sidebar, folder):
    sidebar.open()
    expect(sidebar.panel).to_contain_text("%jrk init my.jrk.h5")
    path = models.digits(folder)
    expect(sidebar.row("digits")).to_be_visible(timeout=12_000)
    path.unlink()
    expect(sidebar.panel).to_contain_text("No models yet", timeout=12_000)


def test_the_keyboard_reaches_and_does_everything(sidebar, folder, page):
    models.digits(folder)
    sidebar.open()
    expect(sidebar.row("PT")).to_be_visible()
    page.get_by_label("Filter models, variants and iterations").focus()
    sidebar.press("Tab", "Tab")
    assert sidebar.focused() == "digits"
    sidebar.press("ArrowDown", "ArrowDown")
    assert sidebar.focused() == "PT"
    sidebar.press("ArrowLeft")
    assert sidebar.focused() == "main"
    sidebar.press("ArrowLeft")
    expect(sidebar.row("main")).to_have_attribute("aria-expanded", "false")
    sidebar.press("ArrowRight", "End", "ArrowLeft")
    assert sidebar.focused() == "wide"
    sidebar.press("Home", "p")
    assert sidebar.focused() == "PT"
    sidebar.press("Enter")
    details = page.get_by_role("region", name="Details of PT")
    expect(details).to_contain_text("pre-trained for four epochs")
    expect(details).to_contain_text("0.9711")
    assert sidebar.focused() == "PT"
    sidebar.press("Escape")
    expect(details).to_have_count(0)


def test_details_copy_the_id_and_lines_to_run(sidebar, folder, page):
    path = models.digits(folder)
    sidebar.open()
    sidebar.row("PT").click()
    page.get_by_role("button", name="Copy the line that switches to this variant").click()
    assert clipboard(page) == f"%jrk switch file://{path} main"
    page.get_by_role("button", name="Copy Python to load it").click()
    assert clipboard(page).endswith('["main"]["PT"].load()')
    page.get_by_role("button", name="Copy the id").click()
    assert len(bytes.fromhex(clipboard(page))) == 32


def test_the_context_menu_copies_the_address(sidebar, folder, page):
    path = models.digits(folder)
    sidebar.open()
    sidebar.row("epoch-4").click(button="right")
    page.get_by_role("menuitem", name="Copy Address").click()
    assert clipboard(page) == f"file://{path}"


def test_a_filter_leaves_what_matches(sidebar, folder, page):
    models.digits(folder)
    sidebar.open()
    expect(sidebar.row("PT")).to_be_visible()
    page.get_by_label("Filter models, variants and iterations").fill("epoch-")
    expect(sidebar.rows).to_have_count(4)
    assert sidebar.labels() == ["digits", "main", "epoch-4", "epoch-2"]


def test_what_was_folded_is_folded_after_a_reload(sidebar, folder, page):
    models.digits(folder)
    sidebar.open()
    sidebar.row("main").locator(".jrk-Row-chevron").click()
    expect(sidebar.row("PT")).to_have_count(0)
    page.wait_for_timeout(2500)  # the layout is saved some time after it changed
    page.reload()
    expect(sidebar.panel).to_be_visible(timeout=60_000)
    expect(sidebar.row("main")).to_have_attribute("aria-expanded", "false")


COUNT_NEW_ROWS = """() => {
  window.newRows = 0;
  const rows = node =>
    node instanceof Element
      ? Number(node.matches("[role=treeitem]")) + node.querySelectorAll("[role=treeitem]").length
      : 0;
  new MutationObserver(changes => {
    for (const change of changes)
      for (const node of change.addedNodes) window.newRows += rows(node);
  }).observe(document.body, { childList: true, subtree: true });
}"""


def test_thousands_of_iterations_stay_smooth(sidebar, page):
    tree = models.long_tree(5_000)
    row = {"path": tree["path"], "name": "long", "bytes": 9, "modified": "2023-10-05T14:23:45Z"}
    listing = {"models": [{**row, "generation": 1}], "truncated": False}
    page.route("**/jairika-nb/v1/models*", lambda route: route.fulfill(json=listing))
    page.route("**/jairika-nb/v1/tree*", lambda route: route.fulfill(json=tree))
    sidebar.open()
    sidebar.row("step-4999").wait_for()
    assert sidebar.rows.count() < 80
    sidebar.rows.first.focus()
    page.evaluate(COUNT_NEW_ROWS)
    sidebar.press("End")
    assert sidebar.focused() == "step-0"
    assert 0 < page.evaluate("window.newRows") < 80
    sidebar.press(*["ArrowUp"] * 50)
    assert sidebar.focused() == "step-50"
    # A key costs about a row, however long the list is.
    assert page.evaluate("window.newRows") < 80 + 2 * 50
    assert sidebar.rows.count() < 80


def test_a_missing_server_part_says_what_to_run(sidebar, page):
    page.route("**/jairika-nb/v1/**", lambda route: route.fulfill(status=404, json={}))
    sidebar.open()
    expect(sidebar.panel).to_contain_text("jupyter server extension list")
    page.unroute("**/jairika-nb/v1/**")
    page.get_by_role("button", name="Try again").click()
    expect(sidebar.panel).to_contain_text("No models yet")
    page.errors.clear()


def test_the_palette_opens_the_sidebar(sidebar, folder, page):
    models.digits(folder)
    sidebar.open()
    page.get_by_role("tab", name="File Browser").click()
    expect(sidebar.panel).to_be_hidden()
    page.keyboard.press("Control+Shift+C")
    page.keyboard.type("Show Jairika")
    page.locator(".lm-CommandPalette-item", has_text="Show Jairika Models").click()
    expect(sidebar.row("digits")).to_be_visible()


def test_a_double_click_opens_the_tree_and_reads_no_bytes_of_the_file(sidebar, folder, page):
    path = models.digits(folder)
    sidebar.open()
    page.get_by_role("tab", name="File Browser").click()
    asked = []
    page.on("request", lambda request: path.name in request.url and asked.append(request.url))
    page.locator("[data-file-type='jairika-model']").dblclick()
    opened = page.locator(".jp-Document .jrk-Row", has_text="epoch-4")
    expect(opened).to_be_visible()
    models.commit_elsewhere(path, "fine-tuned")
    expect(page.locator(".jp-Document .jrk-Row", has_text="fine-tuned")).to_be_visible()
    contents = [url for url in asked if "/api/contents/" in url and "content=" in url]
    assert contents and all("content=0" in url for url in contents)
    assert list(folder.glob(".ipynb_checkpoints/*")) == []


@pytest.fixture
def signed(folder, server, tmp_path, monkeypatch):
    """A model whose iterations are signed by the server's user, by somebody else, by nobody."""
    pytest.importorskip("cryptography")
    monkeypatch.setenv("JRK_CONFIG_DIR", str(tmp_path / "theirs"))
    theirs = keys.new("bob")
    monkeypatch.setenv("JRK_CONFIG_DIR", str(server.keys))
    (server.keys / "keys").exists() and shutil.rmtree(server.keys / "keys")
    return models.signed(folder, keys.new("alice"), theirs), theirs


def test_who_signed_is_told_by_a_shield_with_words(sidebar, signed, folder, page):
    models.digits(folder)
    sidebar.open()
    wanted = {
        "mine": "signed by alice",
        "both": "signed by alice",
        "theirs": f"signed by unknown key {signed[1].public.fingerprint}",
        "forged": "bad signature of alice",
        "plain": "unsigned",
    }
    for name, words in wanted.items():
        seal = sidebar.row(name).get_by_role("img")
        expect(seal).to_have_attribute("title", words)
        expect(seal.locator("svg")).to_be_visible()
    assert sidebar.row("epoch-4").get_by_role("img").count() == 0
    sidebar.row("theirs").click()
    details = page.get_by_role("region", name="Details of theirs")
    expect(details).to_contain_text(wanted["theirs"])
    box, text = details.bounding_box(), details.locator(".jrk-Details-signature").bounding_box()
    assert text["x"] + text["width"] <= box["x"] + box["width"]


def test_shields_stand_out_in_light_and_dark(sidebar, signed, page, screenshots):
    sidebar.open()
    sidebar.row("theirs").click()
    page.get_by_role("region", name="Details of theirs").wait_for()
    backgrounds = set()
    for theme in sidebar.themes():
        sidebar.panel.screenshot(path=screenshots(f"signatures-{theme}"))
        for name in ("mine", "theirs", "forged", "plain"):
            shield = sidebar.row(name).locator(".jrk-Seal-shield")
            colours = shield.evaluate(COLOURS)
            assert contrast(*map(colour, colours)) >= 3, (theme, name, colours)  # WCAG 2.2, 1.4.11
            backgrounds.add(colours[1])
    assert len(backgrounds) == 2


COLOURS = """shield => [
  getComputedStyle(shield).stroke,
  getComputedStyle(shield.closest('.jrk-Panel').parentElement).backgroundColor,
]"""


def colour(text: str) -> tuple[float, ...]:
    """Red, green and blue from 0 to 1."""
    numbers = [float(each) for each in re.findall(r"[\d.]+", text)][:3]
    return tuple(numbers) if text.startswith("color(") else tuple(n / 255 for n in numbers)


def contrast(one: tuple[float, ...], two: tuple[float, ...]) -> float:
    """The ratio of two colours' luminances, as WCAG 2.2 defines both."""

    def luminance(parts: tuple[float, ...]) -> float:
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(two)))
    return (light + 0.05) / (dark + 0.05)


def test_looks_in_light_and_dark(sidebar, folder, page, screenshots):
    models.digits(folder)
    sidebar.open()
    sidebar.row("PT").click()
    page.get_by_role("region", name="Details of PT").wait_for()
    for theme in sidebar.themes():
        page.screenshot(path=screenshots(f"lab-{theme}"))
        sidebar.panel.screenshot(path=screenshots(f"sidebar-{theme}"))


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is absent: jlpm install in labextension")
def test_no_rule_of_axe_is_broken(sidebar, folder, page):
    models.digits(folder)
    sidebar.open()
    sidebar.row("PT").click()
    page.get_by_role("region", name="Details of PT").wait_for()
    page.add_script_tag(path=AXE)
    for theme in sidebar.themes():
        assert page.evaluate(VIOLATIONS) == [], theme


def clipboard(page) -> str:
    return page.evaluate("navigator.clipboard.readText()")
