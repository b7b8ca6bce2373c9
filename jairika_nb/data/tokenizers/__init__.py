"""Texts as integers and back: by characters, words or pairs of bytes, or by another package."""

from jairika_nb.data.tokenizers.byte_pairs import BPETokenizer
from jairika_nb.data.tokenizers.characters import CharTokenizer
from jairika_nb.data.tokenizers.files import load, save
from jairika_nb.data.tokenizers.huggingface import HuggingFaceTokenizer
from jairika_nb.data.tokenizers.tokenizer import Tokenizer
from jairika_nb.data.tokenizers.words import WordTokenizer

__all__ = [
    "BPETokenizer",
    "CharTokenizer",
    "HuggingFaceTokenizer",
    "Tokenizer",
    "WordTokenizer",
    "load",
    "save",
]
