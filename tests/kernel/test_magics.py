"""The magics in a live kernel: results, completion, help, errors, reloading."""

import re

import pytest

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


@pytest.fixture(scope="module")
def model(kernel):
    """A model made in the notebook, with two iterations and a derived variant."""
    for line in (
        "%jrk init digits.jrk.h5 net",
        'net["0.bias"] = net["0.bias"] + 1',
        '%jrk commit net --name PT --message "two words" --metric accuracy=0.97',
        "%jrk derive wide",
    ):
        reply = kernel.run(line)
        assert reply.status == "ok", reply.error
    return kernel


def test_the_tree_comes_as_text_and_html(model):
    (bundle,) = model.run("%jrk info").bundles
    assert re.fullmatch(
        r'address: "file:///.+/digits\.jrk\.h5"\n'
        rf'├── variant: "main" - created at {TIME}\n'
        rf'│   ├── iteration: "prime" - last trained at {TIME}\n'
        rf'│   └── iteration: "PT" - last trained at {TIME}\n'
        rf'└── variant: "wide" - created at {TIME}\n'
        rf'    └── iteration: "prime" - last trained at {TIME}',
        bundle["text/plain"],
    )
    assert "PT" in bundle["text/html"]
    assert "<script" not in bundle["text/html"]


def test_bare_jrk_shows_the_model_in_use(model):
    (bundle,) = model.run("%jrk").bundles
    assert bundle["text/plain"].startswith("address: ")


def test_commit_tells_what_it_kept(model):
    model.run("%jrk switch wide")
    reply = model.run("%jrk commit net --name tuned --metric loss=0.5")
    assert 'committed "tuned" to variant "wide"' in reply.bundles[0]["text/plain"]
    assert "loss=0.5" in reply.bundles[0]["text/plain"]
    log = model.run("%jrk log").bundles[0]["text/plain"]
    assert "tuned" in log.splitlines()[2]
    model.run("%jrk switch main")


def test_results_are_kept_in_variables(model):
    reply = model.run("history = %jrk log\nprint(history.to_json()['iterations'][0]['message'])")
    assert reply.printed == "two words\n"
    model.run("%jrk log -o kept")
    assert model.run("print(type(kept).__name__)").printed == "Sheet\n"
    assert model.run("%jrk log;").bundles == []


def test_variables_expand_on_the_line(model):
    model.run("chosen = 'main'")
    assert 'variant: "main"' in model.run("%jrk log --variant {chosen}").bundles[0]["text/plain"]


def test_another_model_by_option_leaves_the_one_in_use(model):
    model.run("%jrk init other.jrk.h5")
    model.run("%jrk open digits.jrk.h5")
    assert "other.jrk.h5" in model.run("%jrk info -m other.jrk.h5").bundles[0]["text/plain"]
    assert "digits.jrk.h5" in model.run("%jrk info").bundles[0]["text/plain"]


def test_changing_the_folder_does_not_lose_the_model(model):
    model.run("import os; os.makedirs('below', exist_ok=True); os.chdir('below')")
    try:
        assert model.run("%jrk info").status == "ok"
    finally:
        model.run("os.chdir('..')")


@pytest.mark.parametrize(
    ("line", "offer"),
    [
        ("%jrk com", "commit"),
        ("history = %jrk lo", "log"),
        ("%jrk commit n", "net"),
        ("%jrk commit net --mess", "--message"),
        ("%jrk switch ", "wide"),
        ("%jrk derive b --source ma", "main"),
        ("%jrk derive b --iteration P", "PT"),
        ("%jrk open di", "digits.jrk.h5"),
        ("%jrk info -m ./di", "./digits.jrk.h5"),
    ],
)
def test_completion_in_the_notebook(model, line, offer):
    replaced = model.replaced(line, offer)
    assert replaced.endswith(offer)
    assert replaced.startswith(line[: line.rindex(" ") + 1])


def test_python_completion_is_left_alone(model):
    assert model.run("history_of_mine = 1").status == "ok"
    assert "history_of_mine" in model.complete("histor")
    assert "commit" not in model.complete("com")


def test_question_mark_shows_the_words(kernel):
    content = kernel.inspect("%jrk")
    assert content["found"]
    for part in ("usage: %jrk WORD", "commit", "doctor"):
        assert part in content["data"]["text/plain"]


def test_help_of_a_word(kernel):
    (bundle,) = kernel.run("%jrk commit --help").bundles
    assert bundle["text/plain"].startswith("usage: %jrk commit NET [-m ADDRESS]")


@pytest.mark.parametrize(
    ("line", "kind", "part"),
    [
        ("%jrk comit net", "WordError", "did you mean 'commit'"),
        ("%jrk commit nett", "WordError", "did you mean 'net'"),
        ("%jrk commit net --nam x", "WordError", "did you mean '--name'"),
        ('%jrk commit net --message "open', "WordError", "no closing quotation"),
        ("%jrk open absent.jrk.h5", "NoSuchFile", "absent.jrk.h5"),
        ("%jrk switch nowhere", "NotFound", "nowhere"),
        ("%jrk commit net --name PT", "NameTaken", "PT"),
        ("%%jrk commit net\nx = 1", "WordError", "did you mean `%jrk commit`"),
    ],
)
def test_mistakes_are_one_line_and_stop_run_all(model, line, kind, part):
    reply = model.run(line)
    assert reply.status == "error"
    assert reply.error["ename"] == kind
    assert len(reply.error["traceback"]) == 1
    assert "\n" not in reply.error["traceback"][0]
    assert part in reply.error["traceback"][0]
    assert reply.bundles == []


def test_reloading_doubles_nothing_and_keeps_the_model(model):
    assert model.run("%reload_ext jairika_nb").status == "ok"
    assert model.complete("%jrk com") == ["commit"]
    count = "len([m for m in get_ipython().Completer.custom_matchers])"
    assert model.run(f"print({count})").printed == "1\n"
    assert model.run("%jrk").bundles[0]["text/plain"].startswith("address: ")


def test_unloading_takes_the_magic_away_and_loading_brings_it_back(model):
    model.run("%unload_ext jairika_nb")
    assert "commit" not in model.complete("%jrk com")
    assert "not found" in model.run("%jrk").printed
    assert model.run("%load_ext jairika_nb").status == "ok"
    assert model.run("%jrk").status == "ok"
