"""A fifth pattern: agents wish for something, people grant it. Nothing outside this folder knows it.

`settings.py` installs it with one line; `check_wishes.py` looks for it on the pages of everything.
"""

from __future__ import annotations
