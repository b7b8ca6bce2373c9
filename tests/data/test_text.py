"""Texts: files, windows of tokens with what follows, and parts that share nothing."""

import gzip

import numpy as np
import pytest

from jairika_nb.data import (
    DataLoader,
    TokenLines,
    TokenWindows,
    read_lines,
    read_text,
    split_lines,
    split_sequence,
)
from jairika_nb.errors import DataError


def test_texts_are_read_plain_and_packed(tmp_path):
    text = "Grüße\nan alle 🦊\n\n  Ende "
    (tmp_path / "plain.txt").write_bytes(text.replace("\n", "\r\n").encode())
    (tmp_path / "packed.txt").write_bytes(gzip.compress(text.encode()))
    assert read_text(tmp_path / "plain.txt") == read_text(tmp_path / "packed.txt") == text
    assert read_lines(tmp_path / "packed.txt") == ["Grüße", "an alle 🦊", "Ende"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"ok \xff", "not text in utf-8"),
        (gzip.compress(b"x" * 5000)[:-9], "damaged gzip"),
        (gzip.compress(bytes(10**6)), "more than 10,000 bytes"),
    ],
    ids=["no text", "cut short", "bomb"],
)
def test_bad_texts_are_refused(tmp_path, content, words):
    (tmp_path / "bad.txt").write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_text(tmp_path / "bad.txt", largest=10_000)
    with pytest.raises(DataError, match="no such file"):
        read_text(tmp_path / "none")


@pytest.mark.parametrize(
    ("count", "length", "stride"), [(11, 3, None), (10, 3, 1), (4, 3, 2), (9, 4, 4)]
)
def test_targets_are_the_tokens_that_follow(count, length, stride):
    tokens = np.random.default_rng(0).integers(0, 100, count)
    windows = TokenWindows(tokens, length, stride)
    step = stride or length
    starts = [s for s in range(0, count, step) if s + length + 1 <= count]
    assert len(windows) == len(starts)
    x, y = windows[:]
    assert x.dtype == y.dtype == np.int32
    for start, inputs, targets in zip(starts, x, y, strict=True):
        assert inputs.tolist() == tokens[start : start + length].tolist()
        assert targets.tolist() == tokens[start + 1 : start + length + 1].tolist()


def test_every_token_is_a_target_once_a_pass():
    tokens = np.arange(101)
    loader = DataLoader(TokenWindows(tokens, 5), 4, shuffle=True, seed=1)
    seen = np.concatenate([y.ravel() for _, y in loader.arrays()])
    assert sorted(seen) == list(range(1, 101))


def test_parts_of_a_sequence_share_no_token():
    tokens = np.arange(1000)
    train, held_out = split_sequence(tokens, [0.9, 0.1])
    seen = set(TokenWindows(train, 8, 1)[:][1].ravel()) | set(train)
    hidden = set(TokenWindows(held_out, 8, 1)[:][1].ravel()) | set(held_out)
    assert not seen & hidden
    assert len(train) + len(held_out) == 1000
    with pytest.raises(DataError, match="add up"):
        split_sequence(tokens, [900, 50])


def test_equal_lines_stay_together(data_dir):
    names = read_lines(data_dir / "names.txt")
    lines = [*names, *names[:500], *names[:100]]
    parts = split_lines(lines, [0.8, 0.1, 0.1], seed=2)
    assert sum(map(len, parts)) == len(lines)
    for i in range(3):
        for j in range(i):
            assert not set(parts[i]) & set(parts[j])
    distinct = len(set(names))
    assert len(set(parts[0])) == round(0.8 * distinct)
    assert split_lines(lines, [0.8, 0.1, 0.1], seed=2) == parts
    assert split_lines(lines, [0.8, 0.1, 0.1], seed=3) != parts


def test_lines_start_end_and_are_filled_up():
    lines = TokenLines([[4, 5, 6], [7]], start=1, end=2)
    x, y = lines[:]
    assert x.tolist() == [[1, 4, 5, 6], [1, 7, 2, 2]]
    assert y.tolist() == [[4, 5, 6, 2], [7, 2, -100, -100]]
    assert TokenLines([[1]], 0, 0, length=5)[0][0].shape == (5,)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: TokenWindows("abc", 1), "encode text by a tokeniser"),
        (lambda: TokenWindows([1.5, 2.0], 1), "integers in a row"),
        (lambda: TokenWindows([1, 2, 3], 3), "3 tokens are too few"),
        (lambda: TokenWindows([1, -2, 3], 1), "token 1 is negative"),
        (lambda: TokenWindows([1, 2, 3], 0), "length 0"),
        (lambda: TokenLines([], 0, 1), "empty or missing"),
        (lambda: TokenLines([[1], []], 0, 1), "sequence 1 is empty"),
        (lambda: TokenLines([[1], [2, 3]], 0, 1, length=2), "sequence 1 has 2 tokens"),
    ],
)
def test_mistakes_are_told(make, words):
    with pytest.raises(DataError, match=words):
        make()
