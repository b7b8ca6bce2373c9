"""The pinned tree, the JSON behind it, and what reading it costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from states import arrays

from jairika_nb import store
from jairika_nb.store import reader
from jairika_nb.store.show import tree_html, tree_text

PINNED = """\
address: "{address}"
├── variant: "transformer" - created at 2023-10-05T14:23:45Z
│   ├── iteration: "prime" - last trained at 2023-10-05T14:23:45Z
│   └── iteration: "PT" - last trained at 2023-10-27T00:48:04Z
└── variant: "lstm" - created at 2023-09-22T19:11:02Z
    └── iteration: "prime" - last trained at 2023-09-22T19:11:02Z"""


@pytest.fixture
def chatbot(tmp_path: Path) -> Path:
    path = tmp_path / "chatbot-1B.jrk.h5"
    with store.init(path, variant="transformer", time="2023-10-05T14:23:45Z") as model:
        model.commit(arrays(), time="2023-10-05T14:23:45Z")
        model.commit(arrays(1), name="PT", time="2023-10-27T00:48:04Z", metrics={"loss": 0.123456})
        model.derive("lstm", iteration="prime", time="2023-09-22T19:11:02Z")
    return path


def test_the_printed_tree_is_the_pinned_form_byte_for_byte(chatbot):
    wanted = PINNED.format(address=chatbot.as_uri())
    assert tree_text(reader.read_tree(chatbot)) == wanted
    assert tree_text(store.open(chatbot).info()) == wanted


def test_the_tree_is_json_data_with_all_that_a_front_shows(chatbot):
    tree = reader.read_tree(chatbot)
    assert json.loads(json.dumps(tree)) == tree
    assert (tree["name"], tree["path"], tree["format"]) == ("chatbot-1B", str(chatbot), 1)
    assert tree["current"] == "transformer" and tree["address"] == chatbot.as_uri()
    transformer, lstm = tree["variants"]
    assert transformer["parent"] is None
    assert lstm["parent"] == {"variant": "transformer", "iteration": "prime"}
    prime, pt = transformer["iterations"]
    assert pt["parents"] == [prime["id"]] and pt["metrics"] == {"loss": 0.123456}
    assert pt["layers"] == 3 and pt["bytes"] == 8 * 6 * 4 + 8 * 4 + 8 + 6


def test_the_generation_counts_commits(chatbot):
    before = reader.generation(chatbot)
    assert reader.read_tree(chatbot)["generation"] == before
    with store.open(chatbot, "a") as model:
        model.switch("lstm")
    assert reader.generation(chatbot) == before + 1


def test_html_escapes_what_users_wrote(chatbot):
    with store.open(chatbot, "a") as model:
        model.commit(arrays(2), name="<script>", message="<img src=x>", metrics={"<b>": 0.5})
    page = tree_html(reader.read_tree(chatbot))
    for text in ("<script>", "<img", "<b>&lt;"):
        assert text not in page.replace("<b>&quot;", "")
    assert "&lt;script&gt;" in page and "var(--jp-" in page and "in use" in page


def test_reading_a_tree_imports_neither_hdf5_nor_numpy(chatbot):
    program = (
        "import sys\n"
        "from jairika_nb.store import reader, show\n"
        f"print(show.tree_text(reader.read_tree({str(chatbot)!r})))\n"
        "assert not {'h5py', 'numpy', 'filelock'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip("\n") == PINNED.format(address=chatbot.as_uri())


def test_reading_opens_no_other_file(chatbot):
    program = (
        "import sys\n"
        "from jairika_nb.store import reader, show, viewed\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, details: opened.append((event, details[0]))\n"
        "                 if event in ('open', 'exec', 'import', 'subprocess.Popen') else None)\n"
        f"reader.read_tree({str(chatbot)!r})\n"
        f"assert {{str(what) for _, what in opened}} == {{{str(chatbot)!r}}}, opened\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
