"""write_file: it really writes, inside the workspace, and nowhere else."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_django import Settings

from approvals import actions
from approvals.actions import ActionContext, ActionFailed, OutcomeUnknown
from hitl_agents.actions import files
from ledger.errors import BadInput

CONTEXT = ActionContext("run-1/step-1", 1, 1)


@pytest.fixture
def workspace(settings: Settings) -> Path:
    return Path(settings.HITL_WORKSPACE)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    place = tmp_path / "outside"
    place.mkdir()
    (place / "secret.txt").write_text("untouched")
    return place


def write(path: str, content: str = "hello\n") -> dict[str, Any]:
    declared = actions.get("write_file")
    assert declared is not None
    found: dict[str, Any] = declared.run(
        declared.validate({"path": path, "content": content}), CONTEXT
    )
    return found


def test_a_file_is_written_and_its_digest_reported(workspace: Path) -> None:
    text = "Grüße, 世界\n"
    assert write("notes/today.md", text) == {
        "path": "notes/today.md",
        "bytes": len(text.encode()),
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    assert (workspace / "notes/today.md").read_bytes() == text.encode()


def test_folders_are_made_and_nothing_else_is_left_behind(workspace: Path) -> None:
    write("a/b/c.txt")
    assert sorted(path.name for path in workspace.rglob("*")) == ["a", "b", "c.txt"]


def test_a_file_is_replaced_as_a_whole(workspace: Path) -> None:
    write("a.txt", "a much longer text")
    write("a.txt", "short")
    assert (workspace / "a.txt").read_text() == "short"


def test_writing_twice_is_the_same_as_once(workspace: Path) -> None:
    assert write("a.txt") == write("a.txt")
    assert [path.name for path in workspace.iterdir()] == ["a.txt"]


def test_the_workspace_is_made_when_it_is_missing(settings: Settings, tmp_path: Path) -> None:
    settings.HITL_WORKSPACE = tmp_path / "not" / "yet"
    write("a.txt")
    assert (tmp_path / "not/yet/a.txt").read_text() == "hello\n"


def test_the_content_is_not_translated(workspace: Path) -> None:
    write("a.txt", "one\r\ntwo\n")
    assert (workspace / "a.txt").read_bytes() == b"one\r\ntwo\n"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "//etc/passwd",
        "..",
        "../a.txt",
        "a/../../b.txt",
        "a/..",
        ".",
        "./a.txt",
        "a//b.txt",
        "a/",
        "a\0.txt",
        "a\n.txt",
        "a\x1b[2J.txt",
        "a\u202etxt.exe",
        "a\u200b.txt",
        "a\u2028.txt",
        "..\\a.txt",
        "a\\b.txt",
        "C:a.txt",
        "c:/a.txt",
        "file://a.txt",
        "a.txt ",
        " a.txt",
        "a /b.txt",
        "a.",
        "CON",
        "nul.txt",
        "a/Com1.log",
        "LPT9",
        "x" * 256,
        "é" * 128,
        "a/" * 501 + "b",
    ],
)
def test_a_path_that_could_mean_another_place_is_refused_when_asked(path: str) -> None:
    with pytest.raises(BadInput) as refused:
        write(path)
    assert refused.value.field in ("path", "details")


@pytest.mark.parametrize("path", ["console.txt", "a.b.c", ".gitignore", "ä/ö.txt", "a..b", "com"])
def test_harmless_paths_are_accepted(workspace: Path, path: str) -> None:
    write(path)
    assert (workspace / path).read_text() == "hello\n"


def test_a_link_as_the_file_is_refused(workspace: Path, outside: Path) -> None:
    (workspace / "a.txt").symlink_to(outside / "secret.txt")
    with pytest.raises(ActionFailed, match=r"a\.txt was not written"):
        write("a.txt")
    assert (outside / "secret.txt").read_text() == "untouched"


def test_a_dangling_link_as_the_file_is_refused(workspace: Path, outside: Path) -> None:
    (workspace / "a.txt").symlink_to(outside / "new.txt")
    with pytest.raises(ActionFailed):
        write("a.txt")
    assert not (outside / "new.txt").exists()


@pytest.mark.parametrize("path", ["link/a.txt", "link/deeper/a.txt", "real/link/a.txt"])
def test_a_link_anywhere_in_the_path_is_refused(workspace: Path, outside: Path, path: str) -> None:
    (workspace / "real").mkdir()
    for place in (workspace / "link", workspace / "real/link"):
        place.symlink_to(outside)
    with pytest.raises(ActionFailed, match="symbolic link"):
        write(path)
    assert [one.name for one in outside.iterdir()] == ["secret.txt"]


def test_a_link_that_stays_inside_is_refused_too(workspace: Path) -> None:
    (workspace / "real").mkdir()
    (workspace / "link").symlink_to("real")
    with pytest.raises(ActionFailed):
        write("link/a.txt")


def test_a_workspace_behind_a_link_is_the_operators_word(
    settings: Settings, workspace: Path, tmp_path: Path
) -> None:
    (tmp_path / "ws").symlink_to(workspace)
    settings.HITL_WORKSPACE = tmp_path / "ws"
    write("a.txt")
    assert (workspace / "a.txt").exists()


def test_a_hard_link_is_cut_and_the_other_name_keeps_its_content(
    workspace: Path, outside: Path
) -> None:
    os.link(outside / "secret.txt", workspace / "a.txt")
    write("a.txt")
    assert (outside / "secret.txt").read_text() == "untouched"
    assert (workspace / "a.txt").read_text() == "hello\n"


def test_a_folder_or_a_pipe_in_the_way_is_refused(workspace: Path) -> None:
    (workspace / "folder").mkdir()
    os.mkfifo(workspace / "pipe")
    for name in ("folder", "pipe"):
        with pytest.raises(ActionFailed, match="no plain file"):
            write(name)
    assert stat.S_ISFIFO((workspace / "pipe").stat().st_mode)


def test_a_file_where_a_folder_is_needed_is_refused(workspace: Path) -> None:
    write("a")
    with pytest.raises(ActionFailed, match="needs a folder"):
        write("a/b.txt")


@pytest.mark.parametrize("verb", ["mkdir", "open", "stat", "rename", "fsync"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_folder_swapped_for_a_link_at_any_step_leads_nowhere(
    workspace: Path, outside: Path, monkeypatch: pytest.MonkeyPatch, verb: str, nth: int
) -> None:
    (workspace / "a/b").mkdir(parents=True)
    (outside / "b").mkdir()
    real = getattr(os, verb)
    steps = 0

    def swap_first(*args: Any, **kwargs: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps == nth:
            (workspace / "a").rename(workspace / "was-a")
            (workspace / "a").symlink_to(outside)
        return real(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(files, "os", SimpleNamespace(**{**vars(os), verb: swap_first}))
        with contextlib.suppress(ActionFailed):
            write("a/b/secret.txt")
    assert sorted(path.name for path in outside.rglob("*")) == ["b", "secret.txt"]
    assert (outside / "secret.txt").read_text() == "untouched"


@pytest.mark.parametrize("broken", ["fsync", "rename"])
def test_a_write_that_fails_leaves_the_old_file_and_no_rest(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    write("a.txt", "old")

    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(files, "os", SimpleNamespace(**{**vars(os), broken: fail}))
        with pytest.raises(ActionFailed, match="No space left"):
            write("a.txt", "new")
    assert [path.name for path in workspace.iterdir()] == ["a.txt"]
    assert (workspace / "a.txt").read_text() == "old"


def test_a_folder_that_cannot_be_synced_after_the_rename_leaves_the_outcome_unknown(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def fail_on_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    patched = SimpleNamespace(**{**vars(os), "fsync": fail_on_folders})
    monkeypatch.setattr(files, "os", patched)
    with pytest.raises(OutcomeUnknown):
        write("a.txt")


def test_no_descriptor_stays_open(workspace: Path) -> None:
    (workspace / "link").symlink_to("/")
    before = len(os.listdir("/proc/self/fd"))
    for path in ("a/b/c.txt", "link/x.txt", "a/b/c.txt/d.txt"):
        try:
            write(path)
        except ActionFailed:
            continue
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_preview_says_where_and_how_much() -> None:
    declared = actions.get("write_file")
    assert declared is not None
    line = declared.preview_line({"path": "a.md", "content": "one\ntwo\n"})
    assert line == "a.md: 2 lines, 8 bytes"
    assert declared.preview_line({"path": "a.md", "content": "é"}) == "a.md: 1 line, 2 bytes"


@pytest.mark.parametrize(
    "path",
    [
        "re\u0301sume\u0301.md",
        "notes\uff0fa.md",
        "a\u2215b.md",
        "a\u2024md",
        "a  .md",
        "c\uff1a.md",
    ],
)
def test_a_name_that_looks_like_another_is_refused(path: str) -> None:
    declared = actions.get("write_file")
    assert declared is not None
    with pytest.raises(BadInput):
        declared.validate({"path": path, "content": ""})
