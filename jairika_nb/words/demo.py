"""The word ``demo``: the main job, start to end, without a browser."""

from __future__ import annotations

import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from jairika_nb.words import page
from jairika_nb.words.models import check_free
from jairika_nb.words.results import Tree
from jairika_nb.words.session import Session
from jairika_nb.words.spelling import spelled
from jairika_nb.words.word import Argument

WANTED = 0.95
EPOCHS = 20
HELD_OUT = 0.2


@dataclass(frozen=True, repr=False)
class Demonstration:
    """What the demo reached; ``ok`` where the accuracy on held-out digits is at least 0.95."""

    tree: dict[str, Any]
    accuracy: float
    held_out: int
    device: str
    seconds: float
    then: str

    @property
    def ok(self) -> bool:
        return self.accuracy >= WANTED

    @property
    def sentence(self) -> str:
        reached = f"accuracy {self.accuracy:.3f} on {self.held_out} held-out digits"
        short = "" if self.ok else f", less than the {WANTED} it should reach"
        return f"{reached}{short}; trained on {self.device} in {self.seconds:.1f} s"

    def __str__(self) -> str:
        return f"{Tree(self.tree)}\n{self.sentence}\nnext: {self.then}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        facts = page.block(
            page.paragraph(self.sentence), page.paragraph("next: ", page.prose(self.then))
        )
        return Tree(self.tree)._repr_html_() + facts

    def to_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "accuracy": self.accuracy,
            "held_out": self.held_out,
            "device": self.device,
            "seconds": round(self.seconds, 3),
            "tree": self.tree,
        }


def demo(
    session: Session,
    address: Annotated[
        str | None, Argument("the new model file; default: demo.jrk.h5", "folder", "ADDRESS")
    ] = None,
) -> Demonstration:
    """Train a network on handwritten digits and keep it: two iterations and a variant."""
    import jairika_nb as jrk
    from jairika_nb import data, optim
    from jairika_nb.engine.device import default

    if address:
        check_free(session, address)
    device = f"{default().name} ({default().driver})"
    session.say(f"device: {device}")
    training, held_out = data.split(data.digits(), [1 - HELD_OUT, HELD_OUT], seed=1)
    session.say(f"data: {len(training)} handwritten digits to train on, {len(held_out)} held out")
    net, optimizer = _network(), optim.Adam(lr=3e-3)
    with jrk.init(address or _free(session), net, message="initial weights") as model:
        session.say(f'model: {model.address}, iteration "prime" holds the initial weights')
        history = jrk.fit(
            net,
            training,
            epochs=EPOCHS,
            optimizer=optimizer,
            validation=held_out,
            progress=not session.quiet,
        )
        if history.interrupted:
            raise KeyboardInterrupt
        measures = jrk.evaluate(net, held_out)
        model.commit(
            net, name="PT", message="trained on digits", metrics=measures, optimizer=optimizer
        )
        model.derive("experiment", iteration="PT")
        # Measured once more on what the file holds: the figure stands for the kept weights.
        accuracy = jrk.evaluate(model["main"]["PT"].load(), held_out)["accuracy"]
        tree, then = model.info(), _next(session, model.path)
        session.address = session.address or model.address
    return Demonstration(tree, accuracy, len(held_out), device, history.seconds, then)


def _network() -> Any:
    import jairika_nb as jrk
    from jairika_nb import nn

    jrk.random.seed(1)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 128), nn.ELU(), nn.Dropout(0.2), nn.Linear(128, 10)
    )


def _free(session: Session) -> str:
    """``demo.jrk.h5``, or the first ``demo-N.jrk.h5`` that is not taken."""
    names = ["demo.jrk.h5"]
    while Path(names[-1]).exists():
        names.append(f"demo-{len(names) + 1}.jrk.h5")
    if len(names) > 1:
        session.say(f"{names[0]} is there already and is left as it is; writing {names[-1]}")
    return names[-1]


def _next(session: Session, path: Path) -> str:
    if session.notebook and session.address:
        return (
            f"`%jrk open {spelled(str(path))}` uses the model that was made; "
            f"the one in use is still {session.address}"
        )
    if session.notebook:
        return "`%jrk log` shows the history, `%jrk switch experiment` goes on with the variant"
    beside = ", with this tree in its sidebar" if path.is_relative_to(Path.cwd()) else ""
    return f"`{command()} lab` opens JupyterLab on the tutorials{beside}"


def command() -> str:
    """What runs the words in this terminal: ``jrk`` where the path leads to this very script."""
    script = Path(sys.argv[0])
    if script.stem != "jrk":
        return shlex.join([sys.executable, "-m", "jairika_nb"])
    found = shutil.which("jrk")
    on_path = found is not None and Path(found).absolute() == script.absolute()
    return "jrk" if on_path else shlex.quote(sys.argv[0])
