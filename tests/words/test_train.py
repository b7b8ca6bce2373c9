"""%%jrk train: the lines of a cell become the arguments of fit."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.errors import WordError
from jairika_nb.notebook.magic import Magic
from jairika_nb.words import Session, run

X = np.random.default_rng(0).normal(size=(32, 3)).astype(np.float32)
CELL = """
data = (X, X)  # inputs and targets
epochs = 2
loss = nn.MSELoss()
optimizer = optim.SGD(
    lr=0.1,
)
progress = False
"""


class Python:
    """Runs expressions in a namespace, as a notebook does."""

    def __init__(self, variables):
        self.variables = variables

    def run(self, text):
        return eval(text, self.variables)

    def show(self, value):
        raise AssertionError("nothing is to be shown")


@pytest.fixture
def session():
    with jrk.device("reference"):
        jrk.random.seed(0)
        variables = {"X": X, "nn": jrk.nn, "optim": jrk.optim, "net": jrk.nn.Linear(3, 3)}
        yield Session(variables=variables, python=Python(variables), body=CELL)


def test_it_trains_as_fit_does(session):
    twin = jrk.nn.Linear(3, 3)
    twin.load_state_dict(session.variables["net"].state_dict())
    jrk.random.seed(1)
    history = run(["train", "net"], session)
    jrk.random.seed(1)
    wanted = jrk.fit(
        twin, (X, X), epochs=2, loss=jrk.nn.MSELoss(), optimizer=jrk.optim.SGD(lr=0.1),
        progress=False,
    )  # fmt: skip
    assert history.epochs == wanted.epochs
    assert session.variables["net"].weight.tolist() == twin.weight.tolist()
    assert "data" not in session.variables
    assert history.ok
    assert history.to_json()["steps"] == 2


def test_a_job_may_run_in_the_background(session):
    session.body = CELL + "background = True"
    job = run(["train", "net"], session)
    assert len(job.wait(30)) == 2
    facts = job.to_json()
    assert (facts["state"], facts["progress"], facts["error"]) == ("done", 1.0, None)


def test_the_model_in_use_keeps_the_run_and_goes_on_with_it(session, tmp_path):
    with pytest.raises(WordError, match="no model is in use here"):
        run(["train", "net", "--checkpoint"], session)
    session.body = None
    run(["init", str(tmp_path / "m.jrk.h5")], session)
    session.body = CELL
    run(["train", "net", "--checkpoint"], session)
    session.variables["net"] = jrk.nn.Linear(3, 3)
    session.body = CELL.replace("epochs = 2", "epochs = 3")
    history = run(["train", "net", "--resume"], session)
    assert len(history) == 3
    with jrk.open(session.address) as model:
        kept = model["main"]["checkpoint"]
        assert kept.arrays()["weight"].tolist() == session.variables["net"].weight.tolist()
    session.body = CELL + "resume = 'other.jrk.h5'"
    with pytest.raises(WordError, match="two runs"):
        run(["train", "net", "--resume"], session)
    session.body = CELL + "callbacks = print"
    with pytest.raises(WordError, match="callbacks takes a list"):
        run(["train", "net", "--checkpoint"], session)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("epochs = 2", "needs a line `data"),
        ("data = X\nepoch = 2", r"'epoch' is no argument of fit \(did you mean 'epochs'"),
        ("data = X\nprint(1)", "line 2 is no NAME = EXPRESSION"),
        ("data, epochs = X, 2", "line 1 is no NAME"),
        ("data = (", "line 1 is not Python"),
    ],
)
def test_mistakes_in_the_cell(session, cell, words):
    session.body = cell
    with pytest.raises(WordError, match=words):
        run(["train", "net"], session)


def test_a_network_that_is_not_there(session):
    with pytest.raises(WordError, match=r"no variable 'nett'.*did you mean 'net'"):
        run(["train", "nett"], session)


def test_it_needs_a_cell(session):
    session.body = None

    class Shell:
        user_ns = session.variables
        _jairika_session = session

    with pytest.raises(WordError, match="needs a cell"):
        Magic(Shell()).run("train net")
