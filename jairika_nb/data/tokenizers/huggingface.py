"""Tokenisers of the ``tokenizers`` package, behind the same few methods."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from jairika_nb.data.tokenizers.tokenizer import Tokenizer
from jairika_nb.errors import DataError, MissingPackage


def package() -> Any:
    """The package, or MissingPackage with the line that installs it."""
    try:
        import tokenizers
    except ImportError as error:
        raise MissingPackage("this needs tokenizers; `pip install tokenizers` adds it") from error
    return tokenizers


class HuggingFaceTokenizer(Tokenizer):
    """A tokeniser of the ``tokenizers`` package, such as one from a model's ``tokenizer.json``.

    What its post-processor adds around a text is left out unless ``add_special_tokens``.

    >>> from tokenizers import Tokenizer, models
    >>> made = HuggingFaceTokenizer(Tokenizer(models.WordLevel({"a": 0, "?": 1}, unk_token="?")))
    >>> made.encode("a").tolist()
    [0]
    """

    type = "huggingface"

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        known = tokenizer.get_vocab(with_added_tokens=True)
        size = max(known.values(), default=-1) + 1
        names = {i: token for token, i in known.items()}
        super().__init__([names.get(i, f"<unused {i}>") for i in range(size)])

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> HuggingFaceTokenizer:
        """The tokeniser in a ``tokenizer.json``."""
        from jairika_nb.data.tokenizers.files import content

        return cls.from_json({"tokenizer": content(path)})

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> HuggingFaceTokenizer:
        """The tokeniser that :meth:`to_json` described."""
        try:
            return cls(package().Tokenizer.from_str(json.dumps(data.get("tokenizer"))))
        except MissingPackage:
            raise
        except Exception as error:
            raise DataError(f"no tokeniser of the tokenizers package ({error})") from error

    def encode(self, text: str, add_special_tokens: bool = False) -> np.ndarray:
        """The tokens of a text, int32 (N,)."""
        return np.array(
            self.tokenizer.encode(text, add_special_tokens=add_special_tokens).ids, np.int32
        )

    def decode(self, ids: Any, skip_special_tokens: bool = True) -> str:
        """The text of tokens."""
        return self.tokenizer.decode(self._checked(ids), skip_special_tokens=skip_special_tokens)

    def to_json(self) -> dict[str, Any]:
        """The package's own description."""
        return {"tokenizer": json.loads(self.tokenizer.to_str())}
