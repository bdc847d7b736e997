"""The words of a question, the same for both databases: what is indexed and what is searched by.

Plain words cannot be read as a query: no quotes, no operators, whatever a person or a model wrote.
"""

from __future__ import annotations

import re
import unicodedata

MOST = 24  # telling words of a question
LONGEST = 64  # characters of a word
# Scripts that do not put spaces between words: each character counts as one.
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
COMMON = frozenset(
    [
        "a",
        "about",
        "after",
        "all",
        "also",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "been",
        "before",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "her",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "me",
        "my",
        "no",
        "not",
        "of",
        "on",
        "or",
        "our",
        "out",
        "she",
        "should",
        "so",
        "some",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "they",
        "this",
        "to",
        "too",
        "up",
        "us",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
        "aber",
        "als",
        "am",
        "an",
        "auch",
        "auf",
        "aus",
        "bei",
        "bin",
        "das",
        "dass",
        "dem",
        "den",
        "der",
        "des",
        "die",
        "ein",
        "eine",
        "einem",
        "einen",
        "einer",
        "er",
        "es",
        "für",
        "hat",
        "ich",
        "ihr",
        "im",
        "in",
        "ist",
        "kann",
        "mit",
        "nach",
        "nicht",
        "oder",
        "sein",
        "sich",
        "sie",
        "sind",
        "so",
        "soll",
        "um",
        "und",
        "uns",
        "vom",
        "von",
        "war",
        "was",
        "wenn",
        "wer",
        "wie",
        "wir",
        "wird",
        "wo",
        "zu",
        "zum",
        "zur",
    ]
)


def find_words(text: str) -> list[str]:
    """The different words of a text in order, in lower case and without accents."""
    plain = text.casefold()
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", plain).casefold()
        plain = "".join(c for c in plain if not unicodedata.combining(c))
    return list(dict.fromkeys(word[:LONGEST] for word in WORD.findall(plain)))


def find_telling(text: str) -> list[str]:
    """The words that tell what a question is about, the longest first; all if none does."""
    found = find_words(text)
    rare = [word for word in found if word not in COMMON] or found
    return sorted(rare, key=len, reverse=True)[:MOST]


def compute_overlap(wanted: list[str], text: str) -> float:
    """Which share of these words a text has: 0 to 1."""
    found = set(find_words(text))
    return sum(word in found for word in wanted) / len(wanted) if wanted else 0.0
