"""The ``jrk`` command: the words, in a shell."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import TextIO

from jairika_nb import __version__
from jairika_nb.errors import JairikaError, WordError
from jairika_nb.words import Session, run, shared_options

ASCII = str.maketrans(
    {"✓": "+", "✗": "x", "–": "-", "│": "|", "├": "|", "└": "`", "─": "-", "×": "x", "…": "..."}
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one word and return the exit status.

    0: done; 1: an error of the model, the device or the disk, or bad news such as a damaged
    file; 2: a line that the grammar does not take; 130: stopped by the user.
    """
    try:
        return _run(list(sys.argv[1:] if arguments is None else arguments))
    except WordError as problem:
        return _complain(problem, 2)
    except (JairikaError, OSError) as problem:
        if isinstance(problem, BrokenPipeError):
            return _pipe_closed()
        return _complain(problem, 1)
    except KeyboardInterrupt:
        print("\njrk: stopped", file=sys.stderr)
        return 130


def _run(tokens: list[str]) -> int:
    if tokens[:1] in (["--version"], ["-V"]):
        print(f"jrk {__version__}")
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
    print(text, file=stream, flush=True)


def _complain(problem: Exception, status: int) -> int:
    show("jrk: " + " ".join(str(problem).split()), sys.stderr)
    return status


def _pipe_closed() -> int:
    # The reader went away (`jrk log | head`); the interpreter would complain once more at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
