"""What a training run left behind: measures by epoch, as data, text, HTML and a curve."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from jairika_nb.train.charts import charts


class History:
    """The record that ``fit`` returns, one row of measures per epoch.

    ``epochs`` holds the rows, ``metrics`` the newest one, ``history["loss"]`` one measure over
    all epochs. ``interrupted`` tells that Ctrl-C ended the run early; the weights are then those
    after the last whole step. Where it came before the end of an epoch, ``partial`` is true and
    the last row holds that epoch's mean loss over the steps done, without validation. A callback
    may set ``stop`` to end the run after its epoch. ``steps`` counts batches,
    ``updates`` steps of the optimiser, ``skipped`` those left out as gradients overflowed in
    float16. ``uncompiled`` says why steps were not
    compiled for replay; it is empty where they were.
    """

    # A result of `%%jrk train`, which is no bad news.
    ok = True

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []
        self.steps = self.updates = self.skipped = 0
        self.seconds = 0.0
        self.interrupted = False
        self.partial = False
        self.stop = False
        self.uncompiled = ""

    @property
    def metrics(self) -> dict[str, float]:
        """The newest value of every measure."""
        return dict(self.epochs[-1]) if self.epochs else {}

    @property
    def names(self) -> list[str]:
        """The measures, in the order in which they first appeared."""
        return list(dict.fromkeys(name for row in self.epochs for name in row))

    def __getitem__(self, name: str) -> list[float]:
        if name not in self.names:
            raise KeyError(f"no measure {name!r}; there are {', '.join(self.names) or 'none'}")
        return [row[name] for row in self.epochs if name in row]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.epochs)

    def to_json(self) -> dict:
        """The record as JSON data."""
        return {
            "epochs": self.epochs,
            "steps": self.steps,
            "updates": self.updates,
            "skipped": self.skipped,
            "seconds": round(self.seconds, 3),
            "interrupted": self.interrupted,
            "partial": self.partial,
        }

    def __str__(self) -> str:
        names = self.names
        head = "".join(f"{n:>14}" for n in names)
        rows = [
            f"{i:>6}" + "".join(f"{format_measure(row.get(n)):>14}" for n in names)
            for i, row in enumerate(self.epochs, 1)
        ]
        return "\n".join([f" epoch{head}", *rows, self.summary()])

    def __repr__(self) -> str:
        return f"<History: {self.summary()}>"

    def summary(self) -> str:
        """The run in one line."""
        whole = len(self) - self.partial
        begun = " and part of one" if self.partial else ""
        ended = ", interrupted" if self.interrupted else ""
        counts = f"{counted(whole, 'epoch')}{begun}, {counted(self.steps, 'step')}"
        return f"{counts} in {self.seconds:.1f} s{ended}"

    def plot(self, *names: str, ax: Any = None) -> Any:
        """Draw measures over epochs, the losses by default, and return matplotlib's Axes."""
        from jairika_nb.train.plot import plot_measures

        chosen = names or tuple(name for name in self.names if name.endswith("loss"))
        return plot_measures({name: self[name] for name in chosen}, ax)

    def _repr_html_(self) -> str:
        names = self.names
        head = "".join(f"<th scope='col'>{escape(n)}</th>" for n in ["epoch", *names])
        rows = "".join(
            f"<tr><td>{i}</td>{''.join(f'<td>{format_measure(r.get(n))}</td>' for n in names)}</tr>"
            for i, r in enumerate(self.epochs, 1)
        )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        return f"<div>{table}{charts(self.epochs)}<div>{escape(self.summary())}</div></div>"


def counted(number: int, thing: str) -> str:
    """A number of things.

    >>> counted(1, "epoch"), counted(2, "epoch")
    ('1 epoch', '2 epochs')
    """
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def format_measure(value: float | None) -> str:
    """Four significant digits, or a dash.

    >>> format_measure(0.93456), format_measure(1e-7), format_measure(None)
    ('0.9346', '1.000e-07', '-')
    """
    if value is None:
        return "-"
    small = value != 0 and abs(value) < 1e-3
    return f"{value:.3e}" if small or abs(value) >= 1e5 else f"{value:.4f}"
