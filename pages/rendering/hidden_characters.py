"""Characters that hide from a reader, and names for them."""

from __future__ import annotations

import unicodedata

# Default_Ignorable_Code_Point (Unicode's DerivedCoreProperties): drawn as nothing.
_IGNORABLE = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
# Drawn as a blank although they are no spaces: the Braille blank and the object placeholder.
_BLANK = "\u2800\ufffc"

_REVERSING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_BREAKING = "\u2028\u2029"

_CONTROLS = (  # U+0000 to U+001F
    "NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB "
    "CAN EM SUB ESC FS GS RS US"
)
_BIDI = "LRE RLE PDF LRO RLO LRI RLI FSI PDI"
SHORT = {
    **{chr(i): short for i, short in enumerate(_CONTROLS.split())},
    **dict(zip(_REVERSING, _BIDI.split(), strict=True)),
    **{chr(0xE0000 + i): f"TAG {chr(i)}" for i in range(0x21, 0x7F) if chr(i) not in "&<>\"'"},
    "\x7f": "DEL",
    "\u00a0": "NBSP",
    "\u2028": "LS",
    "\u2029": "PS",
}
"""Short names that stand in the box beside the number, where there is an established one."""

NAMES = {
    "\x00": "Null",
    "\x07": "Bell",
    "\x08": "Backspace",
    "\r": "Carriage return",
    "\x1b": "Escape: begins a command to a terminal",
    "\x7f": "Delete",
    "\u00a0": "No-break space",
    "\u00ad": "Soft hyphen: invisible unless a line ends here",
    "\u2028": "Line separator",
    "\u2029": "Paragraph separator",
    "\u200b": "Zero width space",
    "\u200e": "Left-to-right mark",
    "\u200f": "Right-to-left mark",
    "\u202a": "Left-to-right embedding: changes the order of the text after it",
    "\u202b": "Right-to-left embedding: changes the order of the text after it",
    "\u202c": "Pop directional formatting: ends a change of order",
    "\u202d": "Left-to-right override: forces the order of the text after it",
    "\u202e": "Right-to-left override: reverses the text after it",
    "\u2066": "Left-to-right isolate: changes the order of the text after it",
    "\u2067": "Right-to-left isolate: changes the order of the text after it",
    "\u2068": "First strong isolate: changes the order of the text after it",
    "\u2069": "Pop directional isolate: ends a change of order",
    "\u2800": "Braille blank, looks like a space",
    "\ufeff": "Zero width no-break space",
    "\ufffc": "Placeholder for an object that is not here",
}
"""What a box says when one points at it, where Unicode's own name would not explain it."""


def is_hidden(c: str) -> bool:
    """Whether a character is invisible, controls its neighbours, or is not known to be visible."""
    if c in "\n\t":
        return False
    # isprintable() is False for Cc, Cf, Cs, Co, Cn, Zl, Zp and every space but the plain one.
    return not c.isprintable() or c in _BLANK or is_ignorable(c)


def is_ignorable(c: str) -> bool:
    """Whether Unicode lets a program draw nothing for a character."""
    return not c.isascii() and any(first <= ord(c) <= last for first, last in _IGNORABLE)


def is_loud(c: str) -> bool:
    """Whether a hidden character does worse than hide: it reverses, controls or smuggles."""
    if c in _REVERSING or c in _BREAKING:
        return True
    if "\U000e0000" <= c <= "\U000e007f":
        return True
    return c != "\r" and unicodedata.category(c) == "Cc"
