"""Graph, kernels and profile in JupyterLab, in a notebook that nobody trusts."""

import nbformat
import pytest

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
# Pictures have arrived and were drawn.
DRAWN = """() => {
    const images = [...document.querySelectorAll('.jp-OutputArea img')];
    return images.length === 2 && images.every(image => image.complete && image.naturalWidth > 99);
}"""


@pytest.fixture(scope="module")
def views():
    """What a graph, its kernels and a profile show, as (source, text, page)."""
    import jairika_nb as jrk

    if jrk.devices()[0].is_reference:
        pytest.skip("no OpenCL driver works here")
    x = jrk.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    z = (x + jrk.tensor([0.1, 0.2, 0.3])).exp() - x * 2.5
    graph, kernels = z.graph(), z.kernels()
    with jrk.profile() as profile:
        for _ in range(20):
            (z * 1.5).softmax(axis=-1).numpy()
    rows = {"z.graph()": graph, "z.kernels()": kernels, "profile": profile}
    return [(source, str(view), view._repr_html_()) for source, view in rows.items()]


def notebook(views) -> nbformat.NotebookNode:
    cells = []
    for source, text, html in views:
        data = {"text/plain": text, "text/html": html}
        output = nbformat.v4.new_output("execute_result", data, execution_count=1)
        cells.append(nbformat.v4.new_code_cell(source, outputs=[output]))
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec})


def test_views_survive_in_a_notebook_that_is_not_trusted(views, sidebar, folder, page, screenshots):
    nbformat.write(notebook(views), folder / "views.ipynb")
    sidebar.open("lab/tree/views.ipynb")
    expect(page.locator(".jp-OutputArea img")).to_have_count(2, timeout=30_000)
    page.wait_for_function(DRAWN)
    outputs = page.locator(".jp-OutputArea-output")
    expect(outputs.nth(1)).to_contain_text("kernel void")
    expect(outputs.nth(1)).to_contain_text("float32[2, 3]")
    expect(outputs.nth(2)).to_contain_text("GFLOP/s")
    keyword = outputs.nth(1).locator("pre span", has_text="kernel").first
    plain = outputs.nth(1).locator("pre").first
    assert colour(keyword) != colour(plain)
    for theme in sidebar.themes():
        page.wait_for_timeout(500)  # colours fade over
        for number, name in enumerate(("graph", "kernels", "profile")):
            outputs.nth(number).scroll_into_view_if_needed()
            path = screenshots(f"view-{name}-{theme}")
            outputs.nth(number).screenshot(path=path)


def colour(element) -> str:
    return element.evaluate("element => getComputedStyle(element).color")
