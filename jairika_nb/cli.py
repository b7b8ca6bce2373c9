"""The ``jrk`` command: the words, in a shell."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TextIO

from jairika_nb import __version__
from jairika_nb.errors import JairikaError, WordError
from jairika_nb.words import Session, run, shared_options

ASCII = str.maketrans("✓✗–│├└─×●╯╮╭╰┤┴┼", "+x-||`-x*/\\/\\|++") | {ord("…"): "..."}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one word and return the exit status.

    0: done; 1: an error of the model, the device or the disk, or bad news such as a damaged
    file; 2: a line that the grammar does not take; 130: stopped by the user.
    """
    if sys.stdout is None:  # closed by the shell (`>&-`); its number would go to a model file
        return _complain(OSError("the standard output is closed; redirect it to /dev/null"), 1)
    try:
        return _run(list(sys.argv[1:] if arguments is None else arguments))
    except WordError as problem:
        return _complain(problem, 2)
    except (JairikaError, OSError) as problem:
        if isinstance(problem, BrokenPipeError):
            return _drop_output(0)
        return _complain(problem, _drop_output(1))
    except KeyboardInterrupt:
        print("\njrk: stopped", file=sys.stderr)
        return 130


def _run(tokens: list[str]) -> int:
    if tokens[:1] in (["--version"], ["-V"]):
        show(f"jrk {__version__}", sys.stdout)
        return 0
    session = Session()
    tokens, as_json, _ = shared_options(tokens, session)
    session.quiet = as_json
    result = run(tokens, session)
    text = json.dumps(result.to_json(), indent=2, ensure_ascii=False) if as_json else str(result)
    show(text, sys.stdout)
    return 0 if result.ok else 1


def show(text: str, stream: TextIO) -> None:
    """Print text, in ASCII where the stream cannot carry its signs."""
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(ASCII).encode(encoding, "replace").decode(encoding)
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        raise
    except OSError as problem:
        raise OSError(f"the output cannot be written: {problem.strerror}") from problem


def _complain(problem: Exception, status: int) -> int:
    if sys.stderr is not None:
        with suppress(OSError):  # nobody can be told that nothing can be told
            show("jrk: " + " ".join(str(problem).split()), sys.stderr)
    return status


def _drop_output(status: int) -> int:
    # The reader went away (`jrk log | head`) or the disk is full; the interpreter would complain
    # once more at exit.
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status
