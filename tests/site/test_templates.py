"""Templates and style sheets can be read: `make format` lays them out, and no line is too long."""

from __future__ import annotations

from tests.support.installation import BASE_DIR

LONGEST = 120  # characters, as djangofmt has it


def test_no_line_of_a_template_or_style_sheet_is_longer_than_a_screen_is_wide() -> None:
    files = [*BASE_DIR.glob("templates/**/*.html"), *BASE_DIR.glob("static/look/*.css")]
    assert files
    too_long = [
        f"{path.relative_to(BASE_DIR)}:{number}"
        for path in sorted(files)
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if len(line) > LONGEST
    ]
    assert too_long == []
