"""The notebook front: ``%load_ext jairika_nb`` puts ``%jrk`` and its completion in place."""

from __future__ import annotations

from typing import Any

from jairika_nb.notebook.completion import Completion
from jairika_nb.notebook.magic import Magic


def load(shell: Any) -> None:
    """Put ``%jrk``, ``%%jrk`` and Tab completion in place; doing so again changes nothing."""
    unload(shell)
    magic = Magic(shell)
    completion = Completion(magic.session)
    shell.register_magic_function(magic.line, "line", "jrk")
    shell.register_magic_function(magic.cell, "cell", "jrk")
    if shell.Completer is not None:
        shell.Completer.custom_matchers.append(completion)


def unload(shell: Any) -> None:
    """Take everything away again that ``load`` put in place."""
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("jrk", None)
    if shell.Completer is not None:
        matchers = shell.Completer.custom_matchers
        matchers[:] = [each for each in matchers if not isinstance(each, Completion)]
