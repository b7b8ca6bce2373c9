"""The grammar: from a line to a call, and what a wrong line says."""

import math
from typing import Annotated

import pytest

from jairika_nb.errors import WordError
from jairika_nb.words import WORDS, Argument, Session, Word, run, shared_options
from jairika_nb.words.grammar import arguments
from jairika_nb.words.results import Done

BUILT = [
    *("info", "init", "open", "commit", "derive", "switch"),
    *("log", "verify", "devices", "doctor", "bench", "tune", "demo", "lab"),
    *("diff", "merge", "revert", "tag", "rm", "reflog", "gc", "space"),
    *("push", "pull", "export", "import"),
    *("rules", "allow", "deny"),
    *("key", "sign", "encrypt", "readers"),
    *("graph", "kernels", "profile", "kernel", "train"),
]
NOTEBOOK_ONLY = {
    "graph": "%jrk",
    "kernels": "%jrk",
    "profile": "%jrk",
    "kernel": "%%jrk",
    "train": "%%jrk",
}


def paint(
    session,
    model: Annotated[str, Argument("m", show="ADDRESS", current=True)],
    colour: Annotated[str, Argument("c")],
    *,
    coats: Annotated[int, Argument("how many")] = 1,
    glossy: Annotated[bool, Argument("shine")] = False,
    metric: Annotated[dict[str, float] | None, Argument("m")] = None,
) -> Done:
    return Done("painted")


PAINT = Word("paint", paint, "help", "paint {model} red", "group")
SHELL = Session()


def notebook(address=None, **variables):
    return Session(address, variables)


def test_only_the_words_that_exist_are_in_the_table():
    assert sorted(WORDS) == sorted(BUILT)


@pytest.mark.parametrize("name", NOTEBOOK_ONLY)
def test_words_on_variables_say_in_a_terminal_that_they_need_a_notebook(name):
    with pytest.raises(WordError, match=f"notebook.*%jrk {name}"):
        run([name, "x"], SHELL)


def test_types_of_the_signature_are_applied():
    places, options = arguments(
        PAINT,
        ["a.h5", "red", "--coats", "3", "--glossy", "--metric", "a=1", "--metric", "b=0.5"],
        SHELL,
    )
    assert places == ["a.h5", "red"]
    assert options == {"coats": 3, "glossy": True, "metric": {"a": 1.0, "b": 0.5}}


def test_metrics_may_be_what_python_takes_too():
    metric = arguments(PAINT, ["a", "b", "--metric", "x=nan", "--metric", "y=-inf"], SHELL)[1][
        "metric"
    ]
    assert math.isnan(metric["x"])
    assert metric["y"] == -math.inf


def test_defaults_of_the_signature_hold():
    assert arguments(PAINT, ["a.h5", "red"], SHELL) == (
        ["a.h5", "red"],
        {"coats": 1, "glossy": False, "metric": None},
    )


def test_a_notebook_fills_in_the_model_in_use():
    assert arguments(PAINT, ["red"], notebook("open.h5"))[0] == ["open.h5", "red"]
    assert arguments(PAINT, ["red", "-m", "b.h5"], notebook("open.h5"))[0] == ["b.h5", "red"]


def test_a_word_with_the_model_alone_takes_it_as_a_place_in_a_notebook():
    assert arguments(WORDS["info"], ["a.h5"], notebook())[0] == ["a.h5"]
    assert arguments(WORDS["info"], ["--model", "a.h5"], notebook("b.h5"))[0] == ["a.h5"]
    with pytest.raises(WordError, match="two models"):
        arguments(WORDS["info"], ["a.h5", "-m", "b.h5"], notebook())


def test_without_a_model_in_use_the_way_out_is_named():
    with pytest.raises(WordError, match=r"%jrk open ADDRESS.*%jrk init ADDRESS"):
        run(["info"], notebook())


@pytest.mark.parametrize(
    ("wrong", "meant"), [("comit", "commit"), ("inof", "info"), ("dev", "devices")]
)
def test_unknown_words_get_did_you_mean(wrong, meant):
    with pytest.raises(WordError, match=f"did you mean '{meant}'"):
        run([wrong], SHELL)


def test_a_word_of_no_likeness_gets_no_guess():
    with pytest.raises(WordError) as caught:
        run(["xylophone"], SHELL)
    assert "did you mean" not in str(caught.value)
    assert "jrk --help" in str(caught.value)


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("a.h5", "it needs COLOUR"),
        ("a.h5 red blue", "'blue' is one argument too many"),
        ("a.h5 red --coast 2", r"no option --coast \(did you mean '--coats'"),
        ("a.h5 red --coats two", "'two' is not a whole number"),
        ("a.h5 red --coats", "--coats: expected one argument; usage"),
        ("a.h5 red --coats -x", r"expected one argument .* written as --coats=-x\)"),
        ("a.h5 red --metric a", "'a' is not NAME=NUMBER"),
        ("a.h5 red --metric a=high", "'a=high' is not NAME=NUMBER"),
        ("a.h5 red --metric =1", "'=1' is not NAME=NUMBER"),
        ("a.h5 red --glossy=yes", "ignored explicit argument 'yes'"),
        ("a.h5 red --coat 2", "no option --coat"),
    ],
)
def test_wrong_arguments_are_one_line_with_the_usage(line, part):
    with pytest.raises(WordError, match=part) as caught:
        arguments(PAINT, line.split(), SHELL)
    assert "usage: jrk paint ADDRESS COLOUR" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", BUILT)
@pytest.mark.parametrize("session", [SHELL, notebook()], ids=["shell", "notebook"])
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_each_word_helps(name, session, flag):
    text = str(run([name, flag], session))
    sign = NOTEBOOK_ONLY.get(name, session.sign)
    assert text.startswith(f"usage: {sign} {name}")
    for parameter in WORDS[name].parameters:
        if parameter.option:
            assert parameter.flag in text
    assert f"example: {sign} {name}" in text


@pytest.mark.parametrize("name", BUILT)
@pytest.mark.parametrize("session", [SHELL, notebook("a.h5", net=1)], ids=["shell", "notebook"])
def test_each_example_is_a_line_the_grammar_takes(name, session):
    import shlex

    example = str(run([name, "-h"], session)).rpartition("example: ")[2]
    arguments(WORDS[name], shlex.split(example)[2:], session)


def test_help_wins_over_missing_arguments_but_not_after_two_dashes():
    assert "usage: jrk derive" in str(run(["derive", "--help"], SHELL))
    with pytest.raises(WordError):
        run(["derive", "--", "--help"], SHELL)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("derive a.h5 -dash", r"it needs NAME \(.*goes last: -- -dash\); usage"),
        ("derive a.h5 --switch -dash", "-- -dash"),
        ("tag a.h5 -v1", r"no option -v1 \(.*goes last: -- -v1\)"),
        ("derive a.h5 x --sorce y", r"no option --sorce \(did you mean '--source'\?\); usage"),
        ("derive a.h5", "it needs NAME; usage"),
        ("derive a.h5 --switch", "it needs NAME; usage"),
        ("derive --", "it needs ADDRESS, NAME; usage"),
        ("devices -x", "no option -x; usage"),
    ],
)
def test_a_name_with_a_dash_in_front_is_told_how_to_go(line, told):
    with pytest.raises(WordError, match=told):
        run(line.split(), SHELL)


def test_the_list_of_words_shows_each_once():
    text = str(run([], SHELL))
    assert [sum(line.split()[:1] == [name] for line in text.splitlines()) for name in BUILT] == [
        1
    ] * len(BUILT)


def test_shared_options_come_off_the_line():
    assert shared_options(["log", "-o", "kept", "--json"], notebook()) == (["log"], True, "kept")
    assert shared_options(["log", "-o", "kept"], SHELL) == (["log", "-o", "kept"], False, None)
    for line in (["log", "-o"], ["log", "-o", "not-a-name"]):
        with pytest.raises(WordError, match="name of a variable"):
            shared_options(line, notebook())


def test_lab_passes_on_what_it_does_not_know():
    places, _ = arguments(WORDS["lab"], ["--no-browser", "--port", "9999"], SHELL)
    assert places == ["--no-browser", "--port", "9999"]
