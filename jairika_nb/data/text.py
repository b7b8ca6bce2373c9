"""Texts as tokens to predict: windows of a long one, or lines one by one."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jairika_nb.data.dataset import Dataset, check_index
from jairika_nb.data.idx import GZIP_START
from jairika_nb.data.order import shuffled
from jairika_nb.data.splitting import part_sizes
from jairika_nb.errors import DataError

LARGEST = 1 << 30
IGNORED = -100  # the class that cross_entropy leaves out


def read_text(path: str | os.PathLike[str], encoding: str = "utf-8", largest: int = LARGEST) -> str:
    """The text in a file, plain or gzipped; line ends become ``\\n``.

    ``largest`` bounds the unpacked bytes. Raises DataError for a missing, over-large or damaged
    file, and for bytes that are no text in ``encoding``.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            packed = file.read(2) == GZIP_START
        with (gzip.open if packed else open)(path, "rb") as stream:
            content = stream.read(largest + 1)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: damaged gzip data ({error})") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    if len(content) > largest:
        raise DataError(f"{path}: more than {largest:,} bytes of text; raise `largest` to read it")
    try:
        text = content.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise DataError(f"{path}: not text in {encoding} ({error})") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_lines(
    path: str | os.PathLike[str], encoding: str = "utf-8", largest: int = LARGEST
) -> list[str]:
    """The lines of a text file that are not blank, without blanks at their ends."""
    return [s for line in read_text(path, encoding, largest).split("\n") if (s := line.strip())]


def split_sequence(sequence: Any, sizes: Iterable[int | float]) -> list[Any]:
    """Cut a text or an array of tokens into parts in order, so that none shares a token.

    Windows of one part then never show what another part holds back; a random choice of windows
    would. ``sizes`` add up to the length, or are fractions that add up to 1.

    >>> split_sequence("abcdefghij", [0.8, 0.2])
    ['abcdefgh', 'ij']
    """
    ends = np.cumsum(part_sizes(len(sequence), list(sizes))).tolist()
    return [sequence[a:b] for a, b in zip([0, *ends], ends, strict=False)]


def split_lines(
    lines: Sequence[str], sizes: Iterable[int | float], seed: int = 0
) -> list[list[str]]:
    """Cut lines at random into parts; equal lines stay together, so that none is in two parts.

    ``sizes`` count different lines, or are fractions that add up to 1. The same seed gives the
    same parts.

    >>> train, held_out = split_lines(["a", "b", "a", "c"], [2, 1])
    >>> len(train + held_out), set(train) & set(held_out)
    (4, set())
    """
    place: dict[str, int] = {}
    for line in lines:
        place.setdefault(line, len(place))
    counts = part_sizes(len(place), list(sizes))
    part = np.empty(len(place), np.int64)
    part[shuffled(len(place), seed, 0)] = np.repeat(np.arange(len(counts)), counts)
    return [[s for s in lines if part[place[s]] == k] for k in range(len(counts))]


class TokenWindows(Dataset):
    """Windows of ``length`` tokens with the tokens that follow each as targets.

    Sample ``i`` starts at token ``i * stride``: inputs and targets are (length,) int32, the
    targets one token later. ``stride`` is ``length`` by default, so that every token is seen once
    a pass; 1 gives all windows. Raises DataError for tokens that are no integers from 0 up, or too
    few for a window.

    >>> windows = TokenWindows(np.arange(8), length=3)
    >>> len(windows), [part.tolist() for part in windows[1]]
    (2, [[3, 4, 5], [4, 5, 6]])
    """

    def __init__(self, tokens: Any, length: int, stride: int | None = None) -> None:
        self.tokens, self.length = np.asarray(tokens), length
        self.stride = length if stride is None else stride
        if self.tokens.ndim != 1 or self.tokens.dtype.kind not in "iu":
            raise DataError(
                f"TokenWindows got shape {self.tokens.shape} {self.tokens.dtype}: tokens are "
                "integers in a row; encode text by a tokeniser first"
            )
        if length < 1 or self.stride < 1:
            raise DataError(f"length {length} and stride {self.stride} must be 1 or more")
        if len(self.tokens) <= length:
            raise DataError(f"{len(self.tokens)} tokens are too few for one window of {length} + 1")
        if self.tokens.min() < 0:
            raise DataError(
                f"token {int(np.argmax(self.tokens < 0))} is negative; tokens are 0 or more"
            )

    def __len__(self) -> int:
        return (len(self.tokens) - self.length - 1) // self.stride + 1

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self.batch(np.arange(len(self))[index])
        check_index(index, len(self))
        return tuple(part[0] for part in self.batch(np.array([index % len(self)])))

    def batch(self, indices: np.ndarray) -> Any:
        """Inputs and targets (N, length)."""
        starts = np.asarray(indices)[:, None] * self.stride
        window = self.tokens[starts + np.arange(self.length + 1)].astype(np.int32)
        return np.ascontiguousarray(window[:, :-1]), np.ascontiguousarray(window[:, 1:])

    def __repr__(self) -> str:
        return f"TokenWindows({len(self)} windows of {self.length} of {len(self.tokens)} tokens)"


class TokenLines(Dataset):
    """Short sequences one by one, each to be predicted from its start to its end.

    ``sequences`` are arrays of tokens, ``start`` and ``end`` the tokens around each. Inputs are
    ``start`` and the sequence, targets the sequence and ``end``, both int32 (length,); what is left
    over is filled up with ``end``, and in targets with the class that cross-entropy leaves out.
    ``length`` is that of the longest and one by default. Raises DataError for no sequences, empty
    ones, or longer ones.

    >>> lines = TokenLines([[5, 6], [7]], start=0, end=1)
    >>> [part.tolist() for part in lines[1]]
    [[0, 7, 1], [7, 1, -100]]
    """

    def __init__(
        self, sequences: Sequence[Any], start: int, end: int, length: int | None = None
    ) -> None:
        rows = [np.asarray(s, np.int32) for s in sequences]
        short = next((i for i, row in enumerate(rows) if row.ndim != 1 or not len(row)), None)
        if not rows or short is not None:
            raise DataError(f"sequence {short or 0} is empty or missing; each needs a token")
        longest = max(range(len(rows)), key=lambda i: len(rows[i]))
        self.length = len(rows[longest]) + 1 if length is None else length
        if len(rows[longest]) >= self.length:
            raise DataError(
                f"sequence {longest} has {len(rows[longest])} tokens and one to start or end; "
                f"length {self.length} is too short"
            )
        self.inputs = np.full((len(rows), self.length), end, np.int32)
        self.targets = np.full((len(rows), self.length), IGNORED, np.int32)
        self.inputs[:, 0] = start
        for i, row in enumerate(rows):
            self.inputs[i, 1 : len(row) + 1] = self.targets[i, : len(row)] = row
            self.targets[i, len(row)] = end

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int | slice) -> Any:
        if not isinstance(index, slice):
            check_index(index, len(self))
        return self.inputs[index], self.targets[index]

    def batch(self, indices: np.ndarray) -> Any:
        """Inputs and targets (N, length)."""
        return self.inputs[indices], self.targets[indices]

    def __repr__(self) -> str:
        return f"TokenLines({len(self)} sequences of up to {self.length} tokens)"
