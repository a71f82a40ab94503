"""Files that are believed, files that are not, and how many there are (F20, F23, F24, N5)."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pratique.runtime.registry import disk_cache
from pratique.runtime.registry.disk_cache import DiskCache, Record, Usage

KEY = ("audience", "reg.example", "app", "manifest", "v1")
BODY = b'{"a": 1}\nsecond line\x00\xff'


def files(cache: DiskCache) -> list[Path]:
    return sorted(path for path in cache.folder.rglob("*") if path.is_file())


def read(cache: DiskCache, key: tuple[str, ...] = KEY, **more: Any) -> Record | None:
    return cache.read(key, **{"max_age": None, "max_bytes": 1 << 20, **more})


def test_what_was_written_is_read_by_another_process(tmp_path: Path) -> None:
    DiskCache(tmp_path / "deep" / "cache").write(KEY, "note", BODY)
    assert read(DiskCache(tmp_path / "deep" / "cache")) == Record("note", BODY)
    assert read(DiskCache(tmp_path / "deep" / "cache"), (*KEY[:-1], "v2")) is None
    assert DiskCache(tmp_path / "deep" / "cache").usage().files == 1


def test_only_the_user_can_look_into_it(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path)
    cache.write(KEY, "", BODY)
    (file,) = files(cache)
    assert [path.stat().st_mode & 0o777 for path in (cache.folder, file.parent, file)] == [
        0o700,
        0o700,
        0o600,
    ]
    cache.folder.chmod(0o755)
    assert read(DiskCache(tmp_path)) is not None
    assert cache.folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("later", "max_age", "expected"),
    [
        (0, None, True),
        (10**9, None, True),
        (299, 300.0, True),
        (300, 300.0, False),
        (-1, 300.0, False),
        (0, 0.0, False),
    ],
)
def test_age(tmp_path: Path, later: int, max_age: float | None, expected: bool) -> None:
    now = [2_000_000_000.0]
    cache = DiskCache(tmp_path, clock=lambda: now[0])
    cache.write(KEY, "", BODY)
    now[0] += later
    assert (read(cache, max_age=max_age) is not None) is expected


def test_a_limit_on_what_is_read(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path)
    cache.write(KEY, "", bytes(1000))
    assert read(cache, max_bytes=999) is None
    assert read(cache, max_bytes=1000) is not None


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content + b"x",
        lambda content: content[:40],
        lambda content: content.replace(b"second", b"forged"),
        lambda content: content.replace(b'"note"', b'"nope"'),
        lambda content: content.replace(b'"v1"', b'"v2"'),
        lambda content: content.replace(b"\n", b" "),
        lambda content: b"[" * 30_000 + content,
        lambda content: b"null\n" + BODY,
        lambda content: b'{"key": [], "key": []}\n' + BODY,
        lambda content: b"\xff" + content,
        lambda content: (
            content[: content.index(b'"stored": ') + 10] + b'"x"' + content[content.index(b', "note"') :]
        ),
    ],
)
def test_f24_damaged_and_foreign_files_are_misses_and_deleted(tmp_path: Path, damage: Any) -> None:
    cache = DiskCache(tmp_path)
    cache.write(KEY, "", BODY)
    (file,) = files(cache)
    changed = damage(file.read_bytes())
    assert changed != file.read_bytes()
    file.write_bytes(changed)
    assert read(cache) is None
    assert not file.exists()
    cache.write(KEY, "", BODY)
    assert read(cache) == Record("", BODY)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.binary(max_size=200), st.integers(0, 400))
def test_f24_no_bytes_in_a_file_are_taken_for_others(tmp_path: Path, noise: bytes, at: int) -> None:
    cache = DiskCache(tmp_path)
    cache.write(KEY, "note", BODY)
    (file,) = files(cache)
    content = file.read_bytes()
    file.write_bytes(content[:at] + noise + content[at + len(noise) :])
    found = read(cache)
    assert found is None or found.body == BODY


def test_an_entry_of_another_key_under_this_name_is_deleted(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path)
    other = (*KEY[:-1], "v2")
    cache.write(KEY, "", BODY)
    (mine,) = files(cache)
    cache.write(other, "", b"of another tag")
    (theirs,) = [file for file in files(cache) if file != mine]
    theirs.replace(mine)
    assert read(cache) is None
    assert not mine.exists()


def test_links_and_other_kinds_of_files_are_not_followed(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path)
    cache.write(KEY, "", BODY)
    (file,) = files(cache)
    elsewhere = tmp_path / "elsewhere"
    file.replace(elsewhere)
    file.symlink_to(elsewhere)
    assert read(cache) is None
    file.unlink(missing_ok=True)
    os.mkfifo(file)
    started = time.monotonic()
    assert read(cache) is None
    assert time.monotonic() - started < 5
    assert elsewhere.exists()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda folder: folder.chmod(0o770), "others may write it"),
        (lambda folder: folder.chmod(0o702), "others may write it"),
        (
            lambda folder: (folder.rename(folder.with_name("x")), folder.symlink_to(folder.with_name("x"))),
            "not a folder",
        ),
        (lambda folder: (folder.rename(folder.with_name("x")), folder.write_text("")), "not a folder"),
    ],
)
def test_a_folder_that_cannot_be_trusted_is_told_once_and_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, spoil: Any, reason: str
) -> None:
    DiskCache(tmp_path).write(KEY, "", BODY)
    spoil(tmp_path / disk_cache.FOLDER)
    cache = DiskCache(tmp_path)
    for _ in range(3):
        assert read(cache) is None
        cache.write(KEY, "", BODY)
        cache.trim()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert reason in record.getMessage()
    assert cache.usage() == Usage(0, 0)


def test_a_folder_of_another_user_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    DiskCache(tmp_path).write(KEY, "", BODY)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert read(DiskCache(tmp_path)) is None
    assert "belongs to another user" in caplog.text


def test_n5_f20_a_folder_that_cannot_be_written_is_told_once_and_read_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = DiskCache(tmp_path)
    cache.write(KEY, "", BODY)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    for number in range(3):
        cache.write((*KEY, str(number)), "", BODY)
    (record,) = caplog.records
    assert "No space left on device" in record.getMessage()
    assert read(cache) == Record("", BODY)


def test_a_file_in_the_place_of_the_folder(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    cache = DiskCache(tmp_path / "file")
    cache.write(KEY, "", BODY)
    assert read(cache) is None
    assert len(caplog.records) == 1


def test_an_interrupted_writer_leaves_no_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    cache = DiskCache(tmp_path)
    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cache.write(KEY, "", BODY)
    assert files(cache) == []
    assert read(cache) is None


def test_the_least_recently_used_files_go_first(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, max_bytes=10_000)
    for number in range(8):
        cache.write((str(number),), "", bytes(1000))
        os.utime(cache._path((str(number),)), (1000 + number,) * 2)
    assert read(cache, ("0",)) is not None  # which makes it the youngest
    cache.write(("more",), "", bytes(5000))
    cache.trim()
    kept = [number for number in range(8) if read(cache, (str(number),))]
    assert 0 in kept
    assert kept[1:] == list(range(8 - len(kept) + 1, 8))
    assert len(kept) < 8
    assert cache.usage().bytes <= 10_000


def test_the_number_of_files_is_bounded_without_being_asked(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, max_bytes=8000, max_files=20)
    for number in range(100):
        cache.write((str(number),), "", bytes(100))
    assert cache.usage().files < 60
    cache.trim()
    assert cache.usage().files <= 20


def test_what_dead_writers_left_is_swept_up(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path)
    cache.write(KEY, "", BODY)
    (file,) = files(cache)
    old, young = file.with_name(".writing-old"), file.with_name(".writing-young")
    for path in (old, young):
        path.write_bytes(b"x")
    os.utime(old, (1, 1))
    cache.trim()
    assert (old.exists(), young.exists(), file.exists()) == (False, True, True)


def test_clearing_touches_nothing_else(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path)
    cache.write(KEY, "", BODY)
    (cache.folder / "mine.txt").write_text("keep")
    (tmp_path / "other").mkdir()
    cleared = cache.clear()
    assert cleared.files == 1
    assert cleared.bytes > len(BODY)
    assert (cache.folder / "mine.txt").read_text() == "keep"
    (cache.folder / "mine.txt").unlink()
    DiskCache(tmp_path).clear()
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
    assert DiskCache(tmp_path).clear() == Usage(0, 0)


WRITER = """
import sys
from pathlib import Path
from pratique.runtime.registry.disk_cache import DiskCache
cache = DiskCache(Path(sys.argv[1]), max_bytes=1 << 20)
for round in range(60):
    for key in range(8):
        body = (str(key) + sys.argv[2]).encode() * 5000
        cache.write((str(key),), "", body)
        found = cache.read((str(key),), max_age=None, max_bytes=1 << 20)
        assert found is None or (set(found.body) & set(b"abc") and len(found.body) == 10000), found
    cache.trim()
"""


def test_f20_processes_share_a_folder(tmp_path: Path) -> None:
    def start(name: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", WRITER, str(tmp_path), name]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    with ThreadPoolExecutor() as pool:
        ends = list(pool.map(start, "abc"))
    assert [end.stderr for end in ends] == [""] * 3
    cache = DiskCache(tmp_path)
    for key in range(8):
        found = read(cache, (str(key),))
        assert found is not None
        assert found.body in [f"{key}{name}".encode() * 5000 for name in "abc"]
    assert not [path for path in files(cache) if path.name.startswith(".writing-")]


def test_the_header_names_the_question(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, clock=lambda: 7.9)
    cache.write(KEY, "application/x", BODY)
    (file,) = files(cache)
    header = json.loads(file.read_bytes().partition(b"\n")[0])
    assert (header["key"], header["stored"], header["note"]) == (list(KEY), 7, "application/x")
