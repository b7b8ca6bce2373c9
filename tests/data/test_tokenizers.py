"""Tokenisers: texts come back, merges are those of the tokenizers package, files hold no traps."""

import json
import random
import time
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jairika_nb.data import TokenWindows, read_lines, read_text
from jairika_nb.data.tokenizers import (
    BPETokenizer,
    CharTokenizer,
    HuggingFaceTokenizer,
    WordTokenizer,
    load,
)
from jairika_nb.data.tokenizers.byte_level import pieces
from jairika_nb.errors import DataError

TEXT = "She sells sea shells; the shells she sells are sea shells, I'm sure. 2 + 2 = 4!\n\n Ende"
OF_TEXT = BPETokenizer.train(TEXT, 300)
# Both sides know the categories of characters of Unicode 10, not of all later ones.
OLD = st.characters(exclude_categories=["Cs"]).filter(lambda c: unicodedata.category(c) != "Cn"
      and unicodedata.ucd_3_2_0.category(c) == unicodedata.category(c))  # fmt: skip


def theirs(texts, size, **options):
    """Byte-level BPE as the tokenizers package trains it."""
    package = pytest.importorskip("tokenizers")
    made = package.Tokenizer(package.models.BPE())
    made.pre_tokenizer = package.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = package.decoders.ByteLevel()
    alphabet = package.pre_tokenizers.ByteLevel.alphabet()
    trainer = package.trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=alphabet, show_progress=False, **options
    )
    made.train_from_iterator(texts, trainer)
    return made


def merges(made):
    return [tuple(pair) for pair in json.loads(made.to_str())["model"]["merges"]]


@given(st.text(OLD, max_size=40))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_pieces_are_those_of_the_tokenizers_package(text):
    package = pytest.importorskip("tokenizers")
    cut = package.pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(text)
    assert pieces(text) == [text[a:b] for _, (a, b) in cut]


def test_merges_and_tokens_are_theirs_on_a_real_text(data_dir):
    text = read_text(data_dir / "tinyshakespeare.txt.gz")[:200_000]
    ours, other = BPETokenizer.train(text, 700), theirs([text], 700)
    assert list(ours.merges) == merges(other)
    vocabulary = other.get_vocab()
    assert {token: i for i, token in enumerate(ours.vocabulary)} == vocabulary
    sample = text[50_000:60_000] + TEXT + " grün 🦊 \u0301x"
    assert ours.encode(sample).tolist() == other.encode(sample).ids
    assert ours.to_tokenizers().encode(sample).ids == other.encode(sample).ids
    assert ours.decode(ours.encode(sample)) == sample


def test_merges_are_theirs_on_lines_with_specials_and_a_least_frequency(data_dir):
    names = read_lines(data_dir / "names.txt")[:3000]
    options = {"min_frequency": 40}
    other = theirs(names, 600, special_tokens=["<pad>", "<end>"], **options)
    ours = BPETokenizer.train(names, 600, specials=["<pad>", "<end>"], **options)
    assert list(ours.merges) == merges(other)
    assert 256 + 2 < len(ours) < 600
    assert ours.encode("emmanuel").tolist() == other.encode("emmanuel").ids


@given(st.lists(st.text("ab ", max_size=30), min_size=1, max_size=6), st.integers(256, 290))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_ties_are_broken_as_theirs(texts, size):
    assert list(BPETokenizer.train(texts, size).merges) == merges(theirs(texts, size))


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_text_comes_back_from_its_byte_pairs(text):
    ids = OF_TEXT.encode(text)
    assert ids.dtype == np.int32
    assert OF_TEXT.decode(ids) == text


@given(st.text(min_size=1, max_size=60))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_any_text_comes_back_from_its_characters(text):
    tokenizer = CharTokenizer.train(text, specials=("<pad>",))
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer) == len(set(text)) + 1


def test_a_very_long_word_takes_no_time_in_the_square_of_its_length():
    word = "".join(random.Random(1).choices("abcdefgh", k=60_000))
    ours = BPETokenizer.train(word[:5000], 500)
    start = time.perf_counter()
    ids = ours.encode(word)
    assert time.perf_counter() - start < 10  # the square would take minutes
    assert ours.decode(ids) == word
    assert ids.tolist() == ours.to_tokenizers().encode(word).ids


def test_unknown_characters_are_named_or_stand_for_something():
    strict = CharTokenizer.train("abc")
    with pytest.raises(DataError, match="character 'x' at 2 is not in the vocabulary of 3"):
        strict.encode("abxc")
    lenient = CharTokenizer.train("abc", specials=("?",), unknown="?")
    assert lenient.encode("axc").tolist() == [1, 0, 3]
    assert lenient.decode([1, 0, 3], skip_special_tokens=False) == "a?c"


def test_words_are_ranked_by_frequency_then_by_name():
    tokenizer = WordTokenizer.train(["b a b c", "a b d"], vocab_size=4, specials=("<unk>", "<pad>"))
    assert tokenizer.vocabulary == ("<unk>", "<pad>", "b", "a")
    assert tokenizer.encode("a b c <pad>").tolist() == [3, 2, 0, 0, 0, 0]
    assert WordTokenizer.train("b a b c", min_frequency=2).vocabulary == ("<unk>", "b")
    lower = WordTokenizer.train("The the THE end", lowercase=True, pattern="spaces")
    assert lower.vocabulary == ("<unk>", "the", "end")
    own = WordTokenizer.train("2026-11-28", pattern=r"\d+")
    assert own.words("1-2") == ["1", "2"]


def all_kinds():
    package = pytest.importorskip("tokenizers")
    wordpieces = package.Tokenizer(package.models.WordLevel({"sea": 0, "?": 1}, unk_token="?"))
    wordpieces.pre_tokenizer = package.pre_tokenizers.Whitespace()
    return [
        CharTokenizer.train(TEXT, specials=("<pad>", "<?>"), unknown="<?>"),
        WordTokenizer.train(TEXT, vocab_size=9, lowercase=True),
        BPETokenizer.train(TEXT, 280, specials=("<end>",)),
        HuggingFaceTokenizer(wordpieces),
    ]


def test_all_come_back_from_their_files(tmp_path):
    for tokenizer in all_kinds():
        path = tmp_path / "tokenizer.json"
        tokenizer.save(path)
        again = load(path)
        assert type(again) is type(tokenizer)
        assert again.vocabulary == tokenizer.vocabulary
        assert again.encode(TEXT).tolist() == tokenizer.encode(TEXT).tolist()
        json.loads(path.read_text())
        assert [p.name for p in tmp_path.iterdir()] == ["tokenizer.json"]


def test_files_of_the_tokenizers_package_are_taken(tmp_path):
    path = tmp_path / "theirs.json"
    other = theirs([TEXT], 280)
    other.save(str(path))
    ours = HuggingFaceTokenizer.from_file(path)
    assert ours.encode(TEXT).tolist() == other.encode(TEXT).ids
    assert ours.decode(ours.encode(TEXT)) == TEXT
    path.write_text('{"version": "none"}')
    with pytest.raises(DataError, match="no tokeniser of the tokenizers package"):
        HuggingFaceTokenizer.from_file(path)


GOOD = {"format": "jairika tokenizer 1", "specials": []}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("[" * 100_000, "not JSON"),
        ("[1, 2]", "not a tokeniser"),
        ({**GOOD, "type": "pickle"}, "not a tokeniser"),
        ({**GOOD, "type": "characters", "characters": "abc"}, "'characters' must be a list"),
        ({**GOOD, "type": "characters", "characters": ["ab"]}, "'ab' is no character"),
        ({**GOOD, "type": "characters", "characters": ["a", "a"]}, "has 'a' twice"),
        ({**GOOD, "type": "characters", "characters": ["a"], "unknown": 3}, "'unknown' must be"),
        ({**GOOD, "type": "words", "words": ["a" * 5000]}, "pattern|at most 4096"),
        ({**GOOD, "type": "words", "words": [], "pattern": "(a+)+$"}, "'pattern' must be one of"),
        ({**GOOD, "type": "words", "words": [], "pattern": "words"}, "unknown=''"),
        ({**GOOD, "type": "byte pairs", "merges": [["a"]]}, "merge 0 must be two"),
        ({**GOOD, "type": "byte pairs", "merges": [["a", "bc"]]}, "merge 0 joins 'a' and 'bc'"),
        ({**GOOD, "type": "byte pairs", "merges": [["🦊", "a"]]}, "merge 0 joins"),
        ({**GOOD, "type": "byte pairs", "merges": [], "specials": ["!"]}, "has '!' twice"),
        ({**GOOD, "type": "huggingface", "tokenizer": {"model": 1}}, "no tokeniser of"),
    ],
)
def test_bad_files_are_refused_with_what_is_wrong(tmp_path, data, words):
    path = tmp_path / "bad.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    with pytest.raises(DataError, match=words) as caught:
        load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: CharTokenizer.train(""), "got no text"),
        (lambda: CharTokenizer("ab", unknown="?"), "none of the specials"),
        (lambda: WordTokenizer.train("a b", vocab_size=1), "no word to keep"),
        (lambda: WordTokenizer.train("a", pattern="("), "no regular expression"),
        (lambda: WordTokenizer.train("a", pattern="a").save("x.json"), "cannot be kept in a file"),
        (lambda: BPETokenizer.train("a", 200), "no room for 256 bytes"),
        (lambda: BPETokenizer().encode("a\ud800"), "surrogate"),
        (lambda: BPETokenizer().decode([256]), "token 256: there are 0 to 255"),
        (lambda: BPETokenizer().decode([0.5]), "integers"),
        (lambda: BPETokenizer().token_to_id("<end>"), "no '<end>'"),
        (lambda: load("/nowhere/at/all.json"), "no such file"),
    ],
)
def test_mistakes_are_told(make, words):
    with pytest.raises(DataError, match=words):
        make()


def test_tokens_make_windows(data_dir):
    text = read_text(data_dir / "tinyshakespeare.txt.gz")
    tokenizer = CharTokenizer.train(text)
    assert len(tokenizer) == 65  # as everybody's character model of this text has it
    x, y = TokenWindows(tokenizer.encode(text), 64)[3]
    assert tokenizer.decode(x) == text[192:256]
    assert tokenizer.decode(y) == text[193:257]
