"""BLEU: how many runs of words of a translation stand in one of its references.

Sources: K. Papineni, S. Roukos, T. Ward, W.-J. Zhu, BLEU: a method for automatic evaluation of
machine translation, ACL 2002; smoothing after B. Chen, C. Cherry, A systematic comparison of
smoothing techniques for sentence-level BLEU, WMT 2014.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from jairika_nb.errors import DataError, OutOfRange, ShapeError
from jairika_nb.metrics.metric import Metric, function_of, one_of, whole_from

Tokens = tuple[Any, ...]
MOST_WORDS = 16


@dataclass(eq=False, repr=False)
class Bleu(Metric):
    """Corpus BLEU, from 0 to 1: counts are added over all sentences before they are divided.

    Predictions are sentences, targets the references of each: one in the sentence's form or a
    list of such. A sentence is a string, split at white space, or a sequence of tokens (words or
    numbers). ``n`` is the longest run of tokens counted, ``weights`` theirs from 1 to n, equal by
    default. A sentence of fewer tokens than a run has none of it. The length to reach is that of
    the closest reference, the shorter of two.

    ``smoothing`` of precisions for which nothing matched: None leaves BLEU 0; "floor" counts
    ``epsilon`` matches; "add_k" adds ``k`` to matches and runs from two tokens up, matched or
    not; "exp" halves the count of one match each time. ``update`` takes no mask.

    >>> measure = Bleu(n=2).update(["the cat sat here"], [["the cat sat", "a cat sat here"]])
    >>> round(measure.value(), 4)
    1.0
    """

    n: int = 4
    weights: Sequence[float] | None = None
    smoothing: str | None = None
    epsilon: float = 0.1
    k: float = 1.0

    name = "bleu"
    parts = ("count", "matches", "runs", "length", "reference_length")

    def check(self) -> None:
        whole_from("n", self.n, 1)
        if self.n > MOST_WORDS:
            raise OutOfRange(f"n={self.n} is longer than {MOST_WORDS} tokens")
        one_of("smoothing", self.smoothing, (None, "floor", "add_k", "exp"))
        if not (self.epsilon > 0 and self.k > 0):
            raise OutOfRange(f"epsilon={self.epsilon!r} and k={self.k!r} must be above 0")
        if self.weights is None:
            return
        self.weights = tuple(map(float, self.weights))
        if len(self.weights) != self.n or min(self.weights) < 0:
            raise OutOfRange(f"weights={self.weights} must be {self.n} numbers from 0 up")

    def reset(self) -> None:
        """Forget all batches."""
        self.count = self.length = self.reference_length = 0
        self.matches, self.runs = np.zeros((2, self.n), np.int64)

    def update(self, predictions: Any, targets: Any, mask: Any = None) -> Self:
        """Take in some sentences and the references of each."""
        if mask is not None:
            raise DataError("bleu takes no mask: leave sentences or tokens out beforehand")
        if isinstance(predictions, str) or isinstance(targets, str):
            raise DataError("bleu takes lists of sentences, not one string; put it into a list")
        predictions, targets = list(predictions), list(targets)
        if len(predictions) != len(targets):
            raise ShapeError(f"{len(predictions)} sentences have {len(targets)} references")
        pairs = [
            (tokens_of(sentence), references_of(sentence, references))
            for sentence, references in zip(predictions, targets, strict=True)
        ]
        for sentence, references in pairs:
            self._add(sentence, references)
        return self

    def _add(self, sentence: Tokens, references: list[Tokens]) -> None:
        for size in range(1, self.n + 1):
            found, most = runs_of(sentence, size), Counter[Tokens]()
            for reference in references:
                most |= runs_of(reference, size)
            self.matches[size - 1] += (found & most).total()
            self.runs[size - 1] += found.total()
        lengths = (len(reference) for reference in references)
        self.reference_length += min(lengths, key=lambda m: (abs(m - len(sentence)), m))
        self.length += len(sentence)
        self.count += 1

    def value(self) -> float:
        """BLEU of all sentences so far; DataError before the first."""
        self.some()
        precisions, weights = self.precisions(), self.weights or (1 / self.n,) * self.n
        used = [(p, w) for p, w in zip(precisions, weights, strict=True) if w]
        if not self.matches[0] or not all(p for p, _ in used):
            return 0.0
        return self.brevity() * math.exp(math.fsum(w * math.log(p) for p, w in used))

    def precisions(self) -> list[float]:
        """The share of runs of 1, 2, ... n tokens that stand in a reference, smoothed."""
        found, misses = [], 0
        for size, (right, runs) in enumerate(zip(self.matches, self.runs, strict=True), 1):
            above, below = float(right), float(max(runs, 1))
            if self.smoothing == "add_k" and size > 1:
                above, below = above + self.k, below + self.k
            elif not right and self.smoothing == "floor":
                above = self.epsilon
            elif not right and self.smoothing == "exp":
                misses += 1
                above = 2.0**-misses
            found.append(above / below)
        return found

    def brevity(self) -> float:
        """The penalty for translations shorter than their references, 1 where they are not."""
        if self.length > self.reference_length:
            return 1.0
        return math.exp(1 - self.reference_length / self.length) if self.length else 0.0

    def rows(self) -> list[tuple[str, Any]]:
        pairs = enumerate(self.precisions(), 1)
        precisions = [(f"precision, {n} token{'s' * (n > 1)}", p) for n, p in pairs]
        lengths = [("length", self.length), ("length of references", self.reference_length)]
        return [(self.name, self.value()), *precisions, ("brevity", self.brevity()), *lengths]

    def consistent(self) -> bool:
        same = self.matches.shape == self.runs.shape == (self.n,)
        return bool(same and (self.matches <= self.runs).all())


def runs_of(tokens: Tokens, size: int) -> Counter[Tokens]:
    """How often each run of ``size`` tokens stands in a sentence."""
    return Counter(tokens[i : i + size] for i in range(len(tokens) - size + 1))


def tokens_of(sentence: Any) -> Tokens:
    """A sentence as its tokens; raises DataError for what is none."""
    if isinstance(sentence, str):
        return tuple(sentence.split())
    plain = sentence.tolist() if hasattr(sentence, "tolist") else sentence
    if not isinstance(plain, list | tuple) or not all(
        isinstance(t, str | int | np.integer) for t in plain
    ):
        raise DataError(
            f"{sentence!r:.60} is no sentence: give a string, or a sequence of words or numbers"
        )
    return tuple(plain)


def references_of(sentence: Any, references: Any) -> list[Tokens]:
    """The references of a sentence: one in its form, or a list of such."""
    plain = references.tolist() if hasattr(references, "tolist") else references
    words = not isinstance(sentence, str) and isinstance(plain, list | tuple) and len(plain)
    if isinstance(plain, str) or (words and isinstance(plain[0], str | int | np.integer)):
        return [tokens_of(plain)]
    if not isinstance(plain, list | tuple) or not plain:
        raise DataError(f"{references!r:.60} are no references of {sentence!r:.60}")
    return [tokens_of(reference) for reference in plain]


bleu = function_of(Bleu, "bleu")
