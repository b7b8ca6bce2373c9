"""The words that look back or go back, as a notebook and a shell type them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from jairika_nb import nn, store
from jairika_nb.errors import JairikaError, NotFound, WordError
from jairika_nb.words import Session, run
from jairika_nb.words.completion import complete

SHELL = Session()


@pytest.fixture
def model(tmp_path):
    """``main`` with prime and PT, ``wide`` derived from PT, and the address."""
    path = tmp_path / "digits.jrk.h5"
    with store.init(path) as made:
        made.commit({"0.weight": np.zeros((2, 2)), "1.bias": np.ones(2)}, metrics={"loss": 1.0})
        made.commit(
            {"0.weight": np.ones((2, 2)), "1.bias": np.ones(2)}, name="PT", metrics={"loss": 0.5}
        )
        made.derive("wide")
    return str(path)


def say(*tokens):
    """The three forms of a result, of which JSON must be JSON and HTML be one block."""
    result = run(tokens, SHELL)
    json.dumps(result.to_json(), allow_nan=False)
    assert result._repr_html_().startswith("<div")
    return str(result)


def test_diff(model):
    assert "0      changed" in say("diff", model) and "1 layer unchanged" in say("diff", model)
    assert "no difference" in say("diff", model, "PT", "wide")
    with pytest.raises(NotFound):
        say("diff", model, "PT", "nothing")


def test_tag_and_its_list(model):
    assert "no tags yet" in say("tag", model)
    assert 'tagged "main/prime" as "v1"' in say("tag", model, "v1", "prime")
    assert "main/prime" in say("tag", model)
    assert say("rm", model, "--tag", "v1") == 'removed the tag "v1"'


def test_revert_and_rm_and_back(model):
    assert 'is back at "prime", as iteration "iteration-3"' in say("revert", model, "prime")
    answer = say("rm", model, "PT")
    line = answer.splitlines()[1]
    assert line.startswith("next: jrk revert ")
    assert "main/PT" in say("reflog", model)
    assert "is back at" in say(*line.removeprefix("next: jrk ").split())
    answer = say("rm", model, "--variant", "wide")
    assert 'variant "wide" (1 iteration)' in answer
    line = answer.splitlines()[1].removeprefix("next: jrk ")
    assert line.startswith("derive ") and "derived variant" in say(*line.split())
    with pytest.raises(WordError, match="--variant or --tag"):
        say("rm", model)
    with pytest.raises(JairikaError, match="in use"):
        store.open(model, "a").derive("x")
        say("rm", model, "--variant", "main")


def test_derive_says_from_where(model):
    say("tag", model, "v1", "PT")
    assert 'from "main" at iteration "PT"' in say("derive", model, "a", "--iteration", "v1")
    told = say("derive", model, "b", "--source", "wide", "--iteration", "main/prime")
    assert 'from "main" at iteration "prime"' in told


def test_merge(model):
    with store.open(model, "a") as opened:
        opened.commit({"0.weight": np.full((2, 2), 3.0), "1.bias": np.ones(2)})
        opened.commit({"0.weight": np.full((2, 2), 5.0), "1.bias": np.zeros(2)}, variant="wide")
    with pytest.raises(JairikaError, match="both sides changed '0'"):
        say("merge", model, "wide")
    answer = say("merge", model, "wide", "--strategy", "mean", "--weight", "0.75")
    assert "0      mean" in answer and "1      theirs" in answer
    assert store.open(model)["main"].head.arrays()["0.weight"][0, 0] == 4.5
    assert "nothing to merge" in say("merge", model, "wide")
    assert "fast-forward" in say("merge", model, "main", "--into", "wide")


def test_merge_by_layer_and_the_author_of_a_commit(model, tmp_path):
    with store.open(model, "a") as opened:
        opened.commit({"0.weight": np.full((2, 2), 3.0), "1.bias": np.full(2, 4.0)})
        opened.commit({"0.weight": np.full((2, 2), 5.0), "1.bias": np.zeros(2)}, variant="wide")
    say("merge", model, "wide", "--strategy", "0=theirs,1=ours")
    found = store.open(model)["main"].head.arrays()
    assert found["0.weight"][0, 0] == 5 and found["1.bias"][0] == 4
    np.savez(tmp_path / "net.npz", **found)
    say("commit", model, str(tmp_path / "net.npz"), "--author", "Ada")
    assert store.open(model)["main"].head.author == "Ada"


def test_gc_and_reflog(model):
    say("rm", model, "--variant", "wide")
    assert "1 removed iteration dropped" in say("gc", model, "--days", "0")
    assert "gc" in say("reflog", model, "--count", "1") and "more" in say(
        "reflog", model, "--count", "1"
    )


def test_gc_makes_old_iterations_cold_and_plain_again(model):
    chosen = np.random.default_rng(0).standard_normal((40, 40))
    with store.open(model, mode="a") as opened:
        for step in range(3):
            opened.commit({"0.weight": chosen + 1e-9 * step}, variant="wide", name=f"s{step}")
    assert "as differences: 2 tensors of 25,600 bytes kept in" in say("gc", model, "--cold")
    assert "as differences: 2" in say("gc", model) and "as" not in say("gc", model, "--plain")
    with pytest.raises(WordError, match="give one"):
        say("gc", model, "--cold", "--plain")


def test_gc_thins_by_rules_after_telling_what_goes(model):
    with store.open(model, mode="a") as opened:
        for loss in (0.1, 0.3, 0.2):
            opened.commit(
                {"0.weight": np.full((2, 2), loss)}, metrics={"loss": loss}, name=f"l{loss}"
            )
    rules = "--keep-last", "1", "--keep-best", "loss"
    told = say("gc", model, *rules, "--dry-run")
    assert "main/l0.3" in told and "main/l0.1 stays: best loss" in told
    assert "main/PT stays: continued elsewhere" in told and "l0.3" in say("log", model)
    answer = say("gc", model, *rules)
    assert "2 iterations removed" in answer and "had back by its id for 30 days" in answer
    assert "l0.3" not in say("log", model) and "l0.1" in say("log", model)
    with pytest.raises(JairikaError, match="from 1 up"):
        say("gc", model, "--keep-every", "0")
    answer = say("space", model)
    assert "main/l0.1" in answer and "removed" in answer and "not shared" in answer


def test_the_graph_of_a_log(model):
    answer = say("log", model, "--graph")
    assert answer.count("●") == 3 and "[main *" in answer and "[wide" in answer


def test_switching_says_what_is_not_committed_and_keeps_it(tmp_path):
    net = nn.Linear(2, 2)
    session = Session(variables={"net": net})
    run(["init", str(tmp_path / "a.jrk.h5")], session)
    run(["commit", "net"], session)
    run(["derive", "wide"], session)
    assert str(run(["switch", "wide"], session)) == 'switched to variant "wide"'
    net.load_state_dict({"weight": np.full((2, 2), 9, np.float32), "bias": np.zeros(2, np.float32)})
    told = run(["switch", "main"], session)
    assert "net is kept as it is" in str(told) and '"wide" (weight, bias)' in str(told)
    assert told.then == "%jrk commit net --variant wide"
    assert np.asarray(net.weight).tolist() == [[9, 9], [9, 9]]


def test_completion_of_names(model):
    notebook = Session(address=model, variables={})
    store.open(model, "a").tag("v1")
    assert complete("diff ", notebook) == ["prime", "PT", "main", "wide", "v1"]
    assert complete("diff PT wide/", notebook) == ["wide/prime"]
    assert complete("merge w", notebook) == ["wide", "wide/prime"]
    assert complete("rm --tag ", notebook) == ["v1"]
    assert complete("rm --variant ", notebook) == ["main", "wide"]
    assert complete("rm --variant wide p", notebook) == ["prime"]
    assert complete(f"revert {model} P", SHELL) == ["PT"]
    assert complete("tag v2 P", notebook) == ["PT"]


def test_push_and_pull(model, tmp_path):
    there = str(tmp_path / "there.jrk.h5")
    assert "2 to variant 'main'; 1 to variant 'wide'" in say("push", model, there)
    store.open(there, "a").commit({"0.weight": np.zeros((2, 2)), "1.bias": np.zeros(2)})
    assert "pulled 1 to variant 'main'" in say("pull", model, there)
    assert "pulled nothing new" in say("pull", model, there, "--variant", "main")
    assert "made " in say("pull", str(tmp_path / "third.jrk.h5"), there)
    assert store.open(tmp_path / "third.jrk.h5").variants == ("main", "wide")
    alone = str(tmp_path / "alone.jrk.h5")
    assert "1 to variant 'wide'" in say("pull", alone, model, "--variant", "wide")
    with store.open(alone) as made:
        assert list(made) == ["wide"]


def test_export_and_import(model, tmp_path):
    file = str(tmp_path / "out.npz")
    assert f'exported "main/PT" to {file}' in say("export", model, file)
    with pytest.raises(JairikaError, match="give --force"):
        say("export", model, file)
    assert "main/prime" in say("export", model, file, "--iteration", "prime", "--force")
    assert 'imported 2 arrays as "wide/iteration-2"' in say(
        "import", model, file, "--variant", "wide"
    )
    assert store.open(model)["wide"].head.arrays()["0.weight"][0, 0] == 0


def test_the_graph_can_be_drawn_in_ascii(model):
    from jairika_nb.cli import ASCII

    answer = say("log", model, "--graph").translate(ASCII)
    assert answer.isascii() and answer.count("*") >= 3


def test_refusals_speak_the_language_of_the_line(model):
    with pytest.raises(WordError, match=r"reflog: cannot show -3 lines; give --count 1 or more"):
        say("reflog", model, "--count", "-3")
    with pytest.raises(JairikaError, match="or give --force"):
        say("rm", model, "--variant", "main")
