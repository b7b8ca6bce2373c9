"""BLEU against nltk's, on sentences of few words, so that many runs match."""

import math
import warnings

import numpy as np
import pytest

from jairika_nb.errors import DataError, ShapeError
from jairika_nb.metrics import Bleu, bleu

nltk = pytest.importorskip("nltk.translate.bleu_score")
METHODS = {"floor": "method1", "add_k": "method2", "exp": "method3"}


def corpus(seed, words, sentences=12):
    rng = np.random.default_rng(seed)

    def sentence():
        return [f"w{i}" for i in rng.integers(0, words, rng.integers(4, 12))]

    said = [sentence() for _ in range(sentences)]
    return said, [[sentence()[1:] for _ in range(rng.integers(1, 4))] for _ in said]


def theirs(said, references, weights, smoothing=None, **options):
    function = nltk.SmoothingFunction(**options)
    method = getattr(function, METHODS.get(smoothing, "method0"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of precisions that are 0
        return nltk.corpus_bleu(references, said, weights, smoothing_function=method)


@pytest.mark.parametrize("n", [1, 2, 4])
@pytest.mark.parametrize("smoothing", [None, "floor", "add_k", "exp"])
def test_equals_nltk(smoothing, n):
    for seed, words in enumerate([2, 3, 6, 40]):
        said, references = corpus(seed, words)
        expected = theirs(said, references, (1 / n,) * n, smoothing)
        assert bleu(said, references, n=n, smoothing=smoothing) == pytest.approx(
            expected, rel=1e-12, abs=1e-70
        )


def test_weights_and_single_sentences():
    said, references = corpus(5, 3)
    weights = (0.5, 0.3, 0.2)
    assert bleu(said, references, n=3, weights=weights) == pytest.approx(
        theirs(said, references, weights)
    )
    for sentence, group in zip(said, references, strict=True):
        ours = bleu([sentence], [group], smoothing="floor", epsilon=0.3)
        assert ours == pytest.approx(
            theirs([sentence], [group], (0.25,) * 4, "floor", epsilon=0.3), rel=1e-12
        )


def test_the_paper_counts_a_word_no_oftener_than_a_reference():
    # Papineni et al., example 2 of section 2.1: modified unigram precision 2/7, bigrams 0.
    said = "the the the the the the the"
    references = ["The cat is on the mat".lower(), "There is a cat on the mat".lower()]
    measure = Bleu(n=2).update([said], [references])
    assert measure.precisions() == [2 / 7, 0.0]
    assert measure.value() == 0.0


def test_short_translations_are_punished():
    measure = Bleu(n=1).update(["a b"], [["a b c", "a b c d e"]])
    assert measure.value() == pytest.approx(math.exp(1 - 3 / 2))
    assert Bleu(n=1).update([""], [["a b"]]).value() == 0.0


def test_a_sentence_shorter_than_a_run_has_none():
    # nltk counts one run that did not match for it; the paper's sum has no such term.
    measure = Bleu(n=2).update(["a b c d", "a"], [["a b c d"], ["a"]])
    assert measure.precisions() == [1.0, 1.0]


def test_forms_of_sentences():
    expected = bleu(["a b c d"], [["a b c e"]], smoothing="exp")
    for said, references in (
        (["a b c d"], ["a b c e"]),
        ([list("abcd")], [list("abce")]),
        ([list("abcd")], [[list("abce")]]),
        (np.array([[1, 2, 3, 4]]), np.array([[1, 2, 3, 5]])),
        (np.array([[1, 2, 3, 4]]), np.array([[[1, 2, 3, 5]]])),
    ):
        assert bleu(said, references, smoothing="exp") == expected


def test_what_is_refused():
    for said, references, error in (
        ("a b", ["a b"], DataError),
        (["a b"], "a b", DataError),
        (["a b"], ["a b", "c"], ShapeError),
        (["a b"], [[]], DataError),
        ([3.5], [["a"]], DataError),
        ([[0.5, 1.0]], [["a"]], DataError),
        (["a b"], [None], DataError),
    ):
        measure = Bleu()
        with pytest.raises(error):
            measure.update(said, references)
        assert measure.count == 0
    with pytest.raises(DataError, match="no mask"):
        Bleu().update(["a"], ["a"], [True])
