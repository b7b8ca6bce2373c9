"""A loader shows how far it is, in a terminal, a notebook or a log."""

import io
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import numpy as np
import pytest

from jairika_nb.data import DataLoader, IterableDataset, TensorDataset, bars
from jairika_nb.data import progress as shown
from jairika_nb.errors import ArgumentError


class Count(IterableDataset):
    def __iter__(self):
        return iter(range(6))


def loader(size=6):
    return DataLoader(TensorDataset(np.arange(size)), batch_size=2)


@pytest.fixture
def clock(monkeypatch):
    """One second goes by with every look at the clock."""
    ticks = iter(range(10_000))
    monkeypatch.setattr(shown.time, "perf_counter", lambda: float(next(ticks)))


@pytest.fixture
def terminal(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True)
    system = SimpleNamespace(stderr=stream, modules={})
    for module in (bars, shown):
        monkeypatch.setattr(module, "sys", system)
    return stream


def test_batches_are_those_of_the_loader():
    plain = [batch.tolist() for (batch,) in loader()]
    watched = loader().progress(progress="none")
    assert len(watched) == 3
    for _ in range(2):
        assert [batch.tolist() for (batch,) in watched] == plain


def test_a_terminal_has_one_line_that_stays(clock, terminal):
    for _ in loader().progress("reading"):
        pass
    assert terminal.getvalue().count("\n") == 1
    first, *_, last = (line.rstrip() for line in terminal.getvalue().split("\r") if line)
    # Begun at 0; the first batch is done at 1 and shown at 2, and two more are to come.
    assert first == "████████" + "░" * 16 + " reading batch 1/3 ETA 4.0 s"
    assert last == "█" * 24 + " reading batch 3/3 7.0 s"


def test_who_leaves_early_is_told_so(clock, terminal):
    for _ in loader().progress():
        break
    assert "batch 0/3 stopped after 1.0 s" in terminal.getvalue()
    with pytest.raises(ZeroDivisionError):
        for n, _ in enumerate(loader().progress()):
            1 / (1 - n)
    assert "batch 1/3 stopped after" in terminal.getvalue()


def test_a_stream_has_no_end_that_is_known(clock, terminal):
    for _ in DataLoader(Count(), batch_size=2).progress():
        pass
    lines = [line.rstrip() for line in terminal.getvalue().split("\r") if line]
    assert lines[0] == "░" * 24 + " batch 1 2.0 s so far"
    assert lines[-1] == "█" * 24 + " batch 3 7.0 s"


def test_a_log_has_one_line(capsys):
    for _ in loader().progress("held out", progress="log"):
        pass
    out = capsys.readouterr().out
    assert out.startswith("held out batch 3/3 ") and out.count("\n") == 1


def test_a_notebook_has_html_that_is_replaced(clock, monkeypatch):
    display = pytest.importorskip("IPython.display")
    texts = []

    class Handle:
        def update(self, html):
            texts.append(html.data)

    monkeypatch.setattr(display, "display", lambda html, display_id: Handle())
    for _ in loader().progress("<digits>", progress="notebook"):
        pass
    assert len(texts) == 4
    tree = ElementTree.fromstring(texts[0])
    (bar,) = [e for e in tree.iter() if e.get("role") == "progressbar"]
    assert bar.get("aria-valuenow") == "33"
    assert "<digits> batch 1/3 ETA" in "".join(tree.itertext())
    assert "batch 3/3" in texts[-1] and "--jp-success-color1" in texts[-1]


def test_another_place_is_refused():
    with pytest.raises(ArgumentError, match="progress='bar' is unknown; use True, False or one"):
        loader().progress(progress="bar")
