"""Letters of one alphabet that pass for letters of another inside a word."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

# Cyrillic and Greek letters and the Latin ones they pass for.
_CYRILLIC = "АВЕЅІЈКМНОРСТУХҮҺӀԌԚԜавгекмнорстухьѕіјһүӏԁԛԝѵҽпё"
_AS_LATIN = "ABESIJKMHOPCTYXYhIGQWaBrekmhopctyxbsijhyldqwvenë"
_GREEK = "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϳαγικνορσυϲ"
_AS_LATIN_2 = "ABEZHIKMNOPTYXCjayiKvopouc"
# Latin letters of phonetic script that pass for plain ones.
_IMITATIONS = {"\u0251": "a", "\u0261": "g"}
_IMITATION = "LATIN IMITATION"
_LOOKS = {
    **dict(zip(_CYRILLIC, _AS_LATIN, strict=True)),
    **dict(zip(_GREEK, _AS_LATIN_2, strict=True)),
    **_IMITATIONS,
}
_BACK = {latin: other for other, latin in zip(_CYRILLIC, _AS_LATIN, strict=True)}

# First words of Unicode's names of letters that can pass for Latin ones.
_FOREIGN = {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU", "MATHEMATICAL", "ROMAN"}

_WORD = re.compile("(?:[^\\W_]|[\u0300-\u036f])+")
_ADDRESS = re.compile(r"[\w@.:/%+~\-]+")

# A look-alike letter: its position, the word it stands in, the letter it passes for or "".
Found = tuple[int, str, str]


def lookalikes(text: str) -> list[Found]:
    """The letters of a text that pass for letters of another alphabet, in order."""
    if text.isascii():
        return []
    known = {alphabet(c) for c in set(text)}
    if "LATIN" not in known or not known & (_FOREIGN | {_IMITATION}):
        return []
    words = [(m.start(), m[0]) for m in _WORD.finditer(text) if not m[0].isascii()]
    mixed = {word: _find_mixed(word) for word in {word for _, word in words}}
    found = {start + i: (word, looks) for start, word in words for i, looks in mixed[word]}
    for start, word in _find_posing(text, words):
        found |= {start + i: (word, _LOOKS[c]) for i, c in enumerate(word) if c in _LOOKS}
    return [(place, *found[place]) for place in sorted(found)]


@lru_cache(maxsize=8192)
def alphabet(c: str) -> str:
    """The alphabet of a letter as Unicode names it ("LATIN", "CYRILLIC", …); "" for no letter."""
    if not c.isalpha() and unicodedata.category(c) != "Nl":
        return ""
    if c in _IMITATIONS:
        return _IMITATION
    first, _, rest = unicodedata.name(c, "").partition(" ")
    return "ROMAN" if first == "SMALL" and rest.startswith("ROMAN") else first


def alphabets(word: str) -> list[str]:
    """The alphabets of a word by their common names: `["Cyrillic", "Latin"]`."""
    return sorted({alphabet(c).split(" ")[0].capitalize() for c in word if alphabet(c)})


def _find_mixed(word: str) -> list[tuple[int, str]]:
    """Of a word that mixes Latin and another alphabet, the letters of the one that is rarer."""
    latin = [i for i, c in enumerate(word) if alphabet(c) == "LATIN"]
    foreign = [i for i, c in enumerate(word) if _can_pass(c)]
    if not latin or not foreign:
        return []
    rare = latin if len(latin) < len(foreign) else foreign
    return [(i, _LOOKS.get(word[i]) or _BACK.get(word[i], "")) for i in rare]


def _can_pass(c: str) -> bool:
    """Whether a letter can pass for a Latin one. Greek has many that nobody mistakes: μ, Δ, Ω."""
    kind = alphabet(c)
    return c in _LOOKS if kind in ("GREEK", _IMITATION) else kind in _FOREIGN


def _find_posing(text: str, words: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Words wholly of look-alikes: inside an address, or in a text with no other foreign word."""
    foreign = [(start, word) for start, word in words if any(map(_can_pass, word))]
    posing = [(start, word) for start, word in foreign if _can_all_pass(word)]
    if not posing:
        return []
    addresses = set(_words_of_addresses(text))
    alone = len(posing) == len(foreign)
    return [
        (start, word)
        for start, word in posing
        if start in addresses or (alone and sum(map(str.isalpha, word)) > 1)  # one α is maths
    ]


def _can_all_pass(word: str) -> bool:
    return all(c in _LOOKS or not c.isalpha() for c in word)


def _words_of_addresses(text: str) -> Iterator[int]:
    """Where words start that stand beside a dot or an @ in something with Latin letters."""
    for token in _ADDRESS.finditer(text):
        whole = token[0]
        if whole.isascii() or not any(alphabet(c) == "LATIN" for c in whole):
            continue
        for word in _WORD.finditer(whole):
            neighbours = whole[word.start() - 1 : word.start()] + whole[word.end() : word.end() + 1]
            if "." in neighbours or "@" in neighbours:
                yield token.start() + word.start()
