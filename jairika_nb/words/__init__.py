"""The words: one grammar behind the ``jrk`` command and the ``%jrk`` magic.

Each word is a row of one table: a function with typed arguments that gives back a result which
shows itself as text, as static HTML and as JSON. The fronts only read a line and show a result.
"""

from jairika_nb.words.grammar import run, shared_options
from jairika_nb.words.help import help_for
from jairika_nb.words.session import Session
from jairika_nb.words.table import WORDS
from jairika_nb.words.word import Argument, Word

__all__ = ["WORDS", "Argument", "Session", "Word", "help_for", "run", "shared_options"]
