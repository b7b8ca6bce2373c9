"""The magic without a kernel: how a line is cut, and what is done with the result."""

from types import SimpleNamespace

import pytest

from jairika_nb import notebook
from jairika_nb.errors import WordError
from jairika_nb.notebook.magic import Magic, split


class Shell:
    """What the magic needs of IPython."""

    def __init__(self):
        self.user_ns = {}
        self.Completer = SimpleNamespace(custom_matchers=[])
        self.magics_manager = SimpleNamespace(magics={"line": {}, "cell": {}})

    def register_magic_function(self, function, kind, name):
        self.magics_manager.magics[kind][name] = function


@pytest.mark.parametrize(
    ("line", "tokens"),
    [
        ("", []),
        ("  log  ", ["log"]),
        ('commit net --message "two words"', ["commit", "net", "--message", "two words"]),
        ("log;", ["log"]),
        ("info 'my models/a.jrk.h5' ;", ["info", "my models/a.jrk.h5"]),
    ],
)
def test_a_line_is_cut_as_in_a_shell(line, tokens):
    assert split(line) == tokens


def test_an_open_quote_is_an_error():
    with pytest.raises(WordError, match="cannot be read"):
        split("commit net --message 'open")


def test_results_are_returned_kept_or_hidden():
    shell = Shell()
    magic = Magic(shell)
    assert str(magic.run("log --help")).startswith("usage: %jrk log")
    assert magic.run("log --help --json")["usage"].startswith("%jrk log")
    assert magic.run("log --help;") is None
    magic.run("log --help -o kept")
    assert str(shell.user_ns["kept"]).startswith("usage: %jrk log")


def test_loading_twice_leaves_one_of_each_and_unloading_none():
    shell = Shell()
    notebook.load(shell)
    notebook.load(shell)
    assert len(shell.Completer.custom_matchers) == 1
    assert "jrk" in shell.magics_manager.magics["line"]
    notebook.unload(shell)
    assert shell.Completer.custom_matchers == []
    assert shell.magics_manager.magics == {"line": {}, "cell": {}}


def test_a_shell_without_completion_loads_too():
    shell = Shell()
    shell.Completer = None
    notebook.load(shell)
    notebook.unload(shell)
