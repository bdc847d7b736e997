"""Code with its words coloured by classes, and every character that hides in it boxed."""

from __future__ import annotations

from functools import lru_cache

from django.utils.safestring import SafeString
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Name, Number, String, _TokenType
from pygments.util import ClassNotFound

from pages.rendering.marks import mark

MAX_BYTES = 64 * 1024  # some lexers take seconds beyond; then it stands there in one colour

CLASSES: tuple[tuple[_TokenType, str], ...] = (
    (Comment, "c"),
    (Keyword, "k"),
    (String, "s"),
    (Number, "m"),
    (Name.Function, "f"),
    (Name.Class, "f"),
    (Name.Tag, "k"),
    (Name.Decorator, "f"),
)


def highlight(code: str, language: str) -> SafeString:
    """The HTML of a piece of code; plain where the language is not known or it is too long."""
    lexer = _lexer(language)
    if lexer is None or len(code.encode()) > MAX_BYTES:
        return mark(code)
    return SafeString("".join(_piece(kind, text) for kind, text in lexer.get_tokens(code)))


@lru_cache(maxsize=256)  # for an unknown name it looks through everything that is installed
def knows(language: str) -> bool:
    """Whether there are rules for a language of that name."""
    return _lexer(language) is not None


def _lexer(language: str) -> Lexer | None:
    if not language:
        return None
    try:
        # As it stands: no line added, none stripped.
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


def _piece(kind: _TokenType, text: str) -> str:
    name = next((css for token, css in CLASSES if kind in token), "")
    return f'<span class="{name}">{mark(text)}</span>' if name else mark(text)
