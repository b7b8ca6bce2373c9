"""Tokenisers in JSON files: plain data, looked at before anything is made of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jairika_nb.data.tokenizers.byte_pairs import BPETokenizer
from jairika_nb.data.tokenizers.characters import CharTokenizer
from jairika_nb.data.tokenizers.huggingface import HuggingFaceTokenizer
from jairika_nb.data.tokenizers.tokenizer import LARGEST_VOCABULARY, LONGEST_TOKEN, Tokenizer
from jairika_nb.data.tokenizers.words import PATTERNS, WordTokenizer
from jairika_nb.errors import DataError

FORMAT = "jairika tokenizer 1"
LARGEST_FILE = 256 << 20


def save(tokenizer: Tokenizer, path: str | os.PathLike[str]) -> None:
    """Write a tokeniser as JSON, all of it or nothing.

    Raises DataError for words found by an expression of yours, which a file does not keep.
    """
    data = {"format": FORMAT, "type": tokenizer.type, **tokenizer.to_json()}
    pattern = data.get("pattern", "words")
    if pattern not in PATTERNS:
        raise DataError(
            f"the expression {pattern!r} cannot be kept in a file, from which nothing may run; use "
            f"pattern={' or '.join(map(repr, PATTERNS))}, or keep the words by themselves"
        )
    path = Path(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        draft.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def load(path: str | os.PathLike[str]) -> Tokenizer:
    """The tokeniser in a file that ``save`` wrote.

    Raises DataError for a missing, foreign or over-large file and for parts that do not fit
    together, naming them.
    """
    data = content(path)
    kind = data.get("type") if isinstance(data, dict) else None
    if not isinstance(data, dict) or data.get("format") != FORMAT or kind not in BUILDERS:
        raise DataError(f"{path}: not a tokeniser that was saved by this package")
    try:
        return BUILDERS[kind](data)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def content(path: str | os.PathLike[str]) -> Any:
    """The data in a JSON file of bounded size."""
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise DataError(f"{path}: larger than {LARGEST_FILE:,} bytes")
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON ({error})") from error


def _texts(data: dict[str, Any], key: str) -> list[str]:
    values = data.get(key)
    if not isinstance(values, list) or len(values) > LARGEST_VOCABULARY:
        raise DataError(f"{key!r} must be a list of at most {LARGEST_VOCABULARY:,} texts")
    if not all(isinstance(v, str) and len(v) <= LONGEST_TOKEN for v in values):
        raise DataError(f"{key!r} must hold texts of at most {LONGEST_TOKEN} characters")
    return values


def _text(data: dict[str, Any], key: str) -> str | None:
    value = data.get(key)
    if value is not None and not isinstance(value, str):
        raise DataError(f"{key!r} must be a text")
    return value


def _characters(data: dict[str, Any]) -> Tokenizer:
    return CharTokenizer(
        _texts(data, "characters"), _texts(data, "specials"), _text(data, "unknown")
    )


def _words(data: dict[str, Any]) -> Tokenizer:
    pattern = _text(data, "pattern")
    if pattern not in PATTERNS:
        raise DataError(f"'pattern' must be one of {', '.join(PATTERNS)}")
    return WordTokenizer(
        _texts(data, "words"), _texts(data, "specials"), _text(data, "unknown") or "", pattern,
        data.get("lowercase") is True,
    )  # fmt: skip


def _byte_pairs(data: dict[str, Any]) -> Tokenizer:
    merges = data.get("merges")
    if not isinstance(merges, list) or len(merges) > LARGEST_VOCABULARY:
        raise DataError(f"'merges' must be a list of at most {LARGEST_VOCABULARY:,} pairs")
    for number, pair in enumerate(merges):
        whole = isinstance(pair, list) and len(pair) == 2 and all(isinstance(p, str) for p in pair)
        if not whole or sum(map(len, pair)) > LONGEST_TOKEN:
            raise DataError(f"merge {number} must be two short texts")
    return BPETokenizer([(a, b) for a, b in merges], _texts(data, "specials"))


BUILDERS: dict[str, Callable[[dict[str, Any]], Tokenizer]] = {
    CharTokenizer.type: _characters,
    WordTokenizer.type: _words,
    BPETokenizer.type: _byte_pairs,
    HuggingFaceTokenizer.type: HuggingFaceTokenizer.from_json,
}
