"""The pages of reference name every setting and every command that there is, and no other."""

from __future__ import annotations

import re

import pytest
from django.core.management import get_commands, load_command_class

from tests.support.installation import BASE_DIR

SETTINGS = (BASE_DIR / "docs/settings.md").read_text()
COMMANDS = (BASE_DIR / "docs/commands.md").read_text()
CODE = (BASE_DIR / "hitl_site/settings.py").read_text()
READ = sorted(set(re.findall(r'env\.\w+\(\s*"(\w+)"', CODE)))
# For those who develop it, or for tests: named where they are used.
NOT_FOR_USERS = {"HITL_DEBUG", "HITL_TEST_DB_SUFFIX"}
NOT_OURS = {"migrate"}  # Django's own by what it does


def our_commands() -> dict[str, str]:
    """Each command of our own apps, and its app."""
    ours = {path.name for path in BASE_DIR.iterdir() if (path / "apps.py").is_file()}
    return {name: app for name, app in get_commands().items() if app in ours}


@pytest.mark.parametrize("name", [name for name in READ if name not in NOT_FOR_USERS])
def test_the_page_of_settings_names_every_variable_that_is_read(name: str) -> None:
    assert f"`{name}`" in SETTINGS


@pytest.mark.parametrize("name", sorted(set(our_commands()) - NOT_OURS))
def test_the_page_of_commands_names_every_command_with_its_options(name: str) -> None:
    line = next(line for line in COMMANDS.splitlines() if line.startswith(f"| `{name}"))
    parser = load_command_class(our_commands()[name], name).create_parser("manage.py", name)
    django = {"--help", "--version", "--verbosity", "--settings", "--pythonpath", "--traceback"}
    django |= {"--no-color", "--force-color", "--skip-checks"}
    for action in parser._actions:
        for option in set(action.option_strings) - django:
            if option.startswith("--"):
                assert option in line, option
