"""The layers hold, and the documentation knows every status and every kind of event."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from django.apps import apps
from django.db.models import ForeignObject, ManyToManyField

from approvals.models import ApprovalStatus
from escalations.models import EscalationStatus
from ledger import patterns
from ledger.models import RunStatus
from reviews.models import ReviewStatus
from tests.support.installation import BASE_DIR

PYPROJECT = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())
APPS = [p for p in PYPROJECT["tool"]["importlinter"]["root_packages"] if p != "hitl_site"]
PATTERNS = [pattern.model._meta.app_label for pattern in patterns.list_patterns()]
STATES = BASE_DIR / "docs" / "states.md"
KIND = re.compile(
    r'"((?:approvals|escalations|reviews|plans|thresholds|knowledge|runs|actions|gates)\.[a-z]+(?:_[a-z]+)*)"'
)
PERMISSION = re.compile(r"\.(add|change|delete|view|decide|answer|cancel|resolve)_")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the imports of the packages in that folder."""
    call = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    return subprocess.run(call, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages and the contracts once more, to be spoiled."""
    shutil.copy(BASE_DIR / "pyproject.toml", tmp_path)
    only_python = shutil.ignore_patterns("__pycache__", "migrations")
    for package in (*APPS, "hitl_site"):
        shutil.copytree(BASE_DIR / package, tmp_path / package, ignore=only_python)
    return tmp_path


def test_imports_point_down_only() -> None:
    done = lint(BASE_DIR)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("package", "line", "broken"),
    [
        ("ledger", "import approvals.models", "apps are layers"),
        ("pages", "import approvals.models", "apps are layers"),
        ("approvals", "import hitl_agents.models", "apps are layers"),
        ("approvals", "import escalations.models", "apps are layers"),
        ("escalations", "import approvals.models", "apps are layers"),
        ("escalations", "import ledger.transitions", "only services move rows"),
        ("approvals", "import reviews.models", "apps are layers"),
        ("reviews", "import approvals.models", "apps are layers"),
        ("approvals", "import dashboard.apps", "apps are layers"),
        ("hitl_agents", "import dashboard.apps", "apps are layers"),
        ("dashboard", "import hitl_agents.models", "apps are layers"),
        ("dashboard", "import approvals.models", "dashboard knows no pattern"),
        ("dashboard", "import ledger.transitions", "only services move rows"),
        ("approvals", "import ledger.transitions", "only services move rows"),
    ],
)
def test_an_import_that_points_elsewhere_is_found(
    copy: Path, package: str, line: str, broken: str
) -> None:
    (copy / package / "newcomer.py").write_text(f"{line}\n")
    done = lint(copy)
    assert done.returncode == 1
    assert f"{broken} BROKEN" in done.stdout


def test_the_dashboard_names_no_pattern() -> None:
    named = re.compile(rf"""\b(?:{"|".join(PATTERNS)})[.:/"'_]""")
    folders = ("dashboard", "templates/dashboard", "templates/statistics", "static/js")
    files = [path for folder in folders for path in (BASE_DIR / folder).rglob("*.*")]
    texts = {path: path.read_text() for path in files if path.suffix in (".py", ".html", ".js")}
    assert len(texts) > 80
    assert {
        str(path): found for path, text in texts.items() if (found := named.findall(text))
    } == {}


def test_foreign_keys_point_down_only() -> None:
    for app in filter(apps.is_installed, APPS):
        below = [] if app == "ledger" else ["ledger"] if app in PATTERNS else ["ledger", *PATTERNS]
        for model in apps.get_app_config(app).get_models():
            for field in model._meta.get_fields():
                if isinstance(field, ForeignObject | ManyToManyField):
                    target = field.remote_field.model._meta.app_label
                    assert target in [app, *below, "auth", "contenttypes"], field


def test_a_page_costs_no_import_of_the_model_client_and_a_command_none_of_the_server() -> None:
    code = (
        "import sys, hitl_site.asgi; from django.urls import get_resolver;"
        "get_resolver().url_patterns; print({'openai', 'twisted'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=BASE_DIR, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def kinds() -> set[str]:
    """Every kind of event that the code can write: dotted names that are nothing else."""
    sources = (path for app in APPS for path in (BASE_DIR / app).rglob("*.py"))
    found = {kind for path in sources for kind in KIND.findall(path.read_text())}
    models = {model._meta.label_lower for model in apps.get_models()}
    return {kind for kind in found - models if not PERMISSION.search(kind)}


def test_the_page_of_states_names_every_status_and_kind_of_event() -> None:
    text = STATES.read_text()
    statuses = {
        str(status) for status in (*RunStatus, *ApprovalStatus, *EscalationStatus, *ReviewStatus)
    }
    assert [name for name in sorted(kinds() | statuses) if name not in text] == []
