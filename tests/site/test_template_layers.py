"""No template loads, includes or extends anything of a layer above its own: imports do not show it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from django.template.engine import Engine

from tests.support.installation import BASE_DIR

TEMPLATES = BASE_DIR / "templates"
PYPROJECT = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())
CONTRACTS = PYPROJECT["tool"]["importlinter"]["contracts"]
(LAYERS,) = [each["layers"] for each in CONTRACTS if each["name"] == "apps are layers"]
RANK = {app.strip(): -rank for rank, layer in enumerate(LAYERS) for app in layer.split("|")}
OF_FOLDER = {"statistics": "dashboard"}  # a folder is named like its app, but for these
NAMED = re.compile(r"""\{%\s*(?:include|extends)\s+["']([^"']+)["']""")
LOADED = re.compile(r"\{%\s*load\s+([^%]+?)\s*%\}")


def app_of(template: str) -> str:
    """The app that a template belongs to; what stands in no app's folder belongs to all pages."""
    folder = template.rpartition("/")[0].partition("/")[0]
    app = OF_FOLDER.get(folder, folder)
    return app if app in RANK else "pages"


def libraries() -> dict[str, str]:
    """The app of each of our tag libraries, by the library's name."""
    modules = {
        name: path.partition(".")[0] for name, path in Engine.get_default().libraries.items()
    }
    return {name: app for name, app in modules.items() if app in RANK}


def references(text: str) -> Iterator[tuple[str, str]]:
    """What a template needs: the app and the name."""
    for name in NAMED.findall(text):
        yield app_of(name), name
    known = libraries()
    for names in LOADED.findall(text):
        for name in names.partition(" from ")[2].split() or names.split():
            if name in known:
                yield known[name], name


def misplaced(template: str, text: str) -> list[str]:
    """What of that stands above the template's layer, or in another app beside it."""
    own = app_of(template)
    return [name for app, name in references(text) if app != own and not RANK[app] < RANK[own]]


def test_templates_point_down_only() -> None:
    files = sorted(TEMPLATES.rglob("*.html"))
    assert len(files) > 100
    names = {str(path.relative_to(TEMPLATES)): path.read_text() for path in files}
    found = {name: misplaced(name, text) for name, text in names.items()}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_a_template_that_points_elsewhere_is_found() -> None:
    assert misplaced("approvals/x.html", '{% include "dashboard/_lane.html" %}')
    assert misplaced("approvals/x.html", '{% include "reviews/_row.html" with item=item only %}')
    assert misplaced("_x.html", '{% extends "plans/index.html" %}')
    assert misplaced("_x.html", "{% load look runs %}") == ["runs"]
    assert misplaced("reviews/x.html", "{% load look approvals %}") == ["approvals"]
    assert (
        misplaced("statistics/x.html", '{% load look %}{% include "dashboard/_rows.html" %}') == []
    )
    assert misplaced("approvals/x.html", '{% load look approvals %}{% extends "base.html" %}') == []


def test_every_tag_library_is_named_once() -> None:
    """Of two with one name Django takes the last, without a word."""
    files = [path for app in RANK for path in Path(BASE_DIR / app).glob("templatetags/*.py")]
    names = [path.stem for path in files if path.stem != "__init__"]
    assert sorted(names) == sorted(set(names))
    assert set(names) == set(libraries())
