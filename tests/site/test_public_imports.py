"""The short imports that the documents use, and the name that is left to others."""

from __future__ import annotations

import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.installation import BASE_DIR

PACKAGES = ("approvals", "escalations", "hitl_agents", "reviews")
NAMES = {
    "approvals": ["ApprovalGate", "ApprovalRequest", "ApprovalStatus"],
    "escalations": ["Escalation", "EscalationManager"],
    "hitl_agents": [
        "ApprovalGatedAgent",
        "EscalatingAgent",
        "InteractiveAgent",
        "ReviewedAgent",
        "RunContext",
    ],
    "reviews": ["ReviewItem", "ReviewQueue"],
}
SETUP = "import django; django.setup()\n"


def python(tmp_path: Path, code: str, *path: Path | str) -> subprocess.CompletedProcess[str]:
    """Run that in a new process whose imports are looked for in `path`, in this order."""
    env = {
        "PATH": os.environ["PATH"],
        "HITL_DATA_DIR": str(tmp_path / "data"),
        "DJANGO_SETTINGS_MODULE": "hitl_site.settings",
    }
    code = f"import sys; sys.path[:0] = {[str(p) for p in path]!r}\n{code}"
    call = [sys.executable, "-P", "-c", code]
    return subprocess.run(call, env=env, cwd="/", capture_output=True, text=True, check=False)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_offers_the_names_of_its_pattern(package: str) -> None:
    module = importlib.import_module(package)
    assert module.__all__ == NAMES[package]
    for name in module.__all__:
        assert inspect.isclass(getattr(module, name))
        assert getattr(module, name).__name__ == name


@pytest.mark.parametrize("package", PACKAGES)
def test_another_name_is_no_attribute(package: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'Nothing'"):
        importlib.import_module(package).Nothing  # noqa: B018


def test_the_short_imports_work_in_a_program_of_ones_own(tmp_path: Path) -> None:
    imports = [f"from {package} import {', '.join(names)}" for package, names in NAMES.items()]
    done = python(tmp_path, SETUP + "\n".join(imports), BASE_DIR)
    assert done.returncode == 0, done.stderr


def test_importing_the_packages_alone_asks_for_no_settings(tmp_path: Path) -> None:
    code = f"import {', '.join(PACKAGES)}; assert 'django' not in sys.modules"
    assert python(tmp_path, code, BASE_DIR).returncode == 0


@pytest.fixture
def sdk(tmp_path: Path) -> Path:
    """A folder with a package `agents` of somebody else's, as the OpenAI Agents SDK has."""
    package = tmp_path / "sdk" / "agents"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("class Agent: pass\n")
    return package.parent


@pytest.mark.parametrize("comes_first", [True, False])
def test_the_import_name_agents_is_left_to_the_sdk(
    tmp_path: Path, sdk: Path, comes_first: bool
) -> None:
    path = (sdk, BASE_DIR) if comes_first else (BASE_DIR, sdk)
    code = f"""
from django.core.management import call_command
{SETUP}
import hitl_site.asgi, hitl_agents.runner.runner
call_command("check")
assert "agents" not in sys.modules, "ours imports a package that is not ours"
from agents import Agent
assert Agent.__module__ == "agents"
assert sys.modules["agents"].__file__.startswith({str(sdk)!r})
"""
    done = python(tmp_path, code, *path)
    assert done.returncode == 0, done.stderr
