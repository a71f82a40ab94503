from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.errors import TransportError
from pratique.runtime.signatures import tuf
from pratique.runtime.signatures.tuf import MAX_FILE_BYTES, Kept, Mirror, prove, refresh
from tests.support_tuf import TufRepository, now, serving

ONE, TWO = b'{"root": 1}', b'{"root": 2}'
DAY = timedelta(days=1)


@pytest.fixture
def repository() -> TufRepository:
    return TufRepository(ONE)


@pytest.fixture
def mirror(repository: TufRepository) -> Iterator[Mirror]:
    with serving(repository) as mirror:
        yield mirror


def refused(mirror: Mirror, kept: Kept | None = None, **limits: float) -> TransportError:
    with pytest.raises(TransportError) as caught:
        refresh(mirror, kept, **limits)
    error = caught.value
    assert "--trusted-root FILE" in error.message  # every one has its cure
    return error


def test_a_target_is_proved_from_the_first_root_on(repository: TufRepository, mirror: Mirror) -> None:
    proved = refresh(mirror, None)
    assert proved.kept.target == ONE
    assert abs(proved.expires - (now() + 7 * DAY)) < timedelta(minutes=1)
    assert abs(proved.kept.checked_at - now()) < timedelta(minutes=1)
    assert set(proved.kept.files) == {
        "root_history/1.root.json",
        "timestamp.json",
        "snapshot.json",
        "targets.json",
    }
    assert len(repository.requests) == 5  # next root, timestamp, snapshot, targets, target


def test_what_was_kept_proves_the_same_without_a_request(repository: TufRepository, mirror: Mirror) -> None:
    first = refresh(mirror, None)
    repository.requests.clear()
    assert prove(mirror, first.kept) == first
    assert repository.requests == []


def test_what_was_kept_is_not_fetched_again(repository: TufRepository, mirror: Mirror) -> None:
    kept = refresh(mirror, None).kept
    repository.requests.clear()
    assert refresh(mirror, kept).kept.target == ONE
    assert repository.requests == ["2.root.json", "timestamp.json"]


def test_a_new_target_is_found(repository: TufRepository, mirror: Mirror) -> None:
    kept = refresh(mirror, None).kept
    repository.content = TWO
    repository.publish()
    assert refresh(mirror, kept).kept.target == TWO


def test_keys_of_the_root_may_change(repository: TufRepository, mirror: Mirror) -> None:
    kept = refresh(mirror, None).kept
    for _ in range(3):
        repository.rotate()
        repository.content += b" "
        repository.publish()
    for known in (kept, None):
        found = refresh(mirror, known)
        assert found.kept.target == ONE + b"   "
        assert "root_history/4.root.json" in found.kept.files
        assert prove(mirror, found.kept) == found


def test_c25_a_root_that_the_one_before_does_not_vouch_for(repository: TufRepository, mirror: Mirror) -> None:
    kept = refresh(mirror, None).kept
    repository.rotate(honest=False)
    repository.publish()
    assert refused(mirror, kept).code == "trust-invalid"
    assert refused(mirror).code == "trust-invalid"


def test_another_first_root_believes_nothing(mirror: Mirror) -> None:
    stranger = replace(mirror, anchor=TufRepository(ONE).anchor)
    assert refused(stranger).code == "trust-invalid"
    assert refused(replace(mirror, anchor=b"{}")).code == "trust-invalid"


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
def test_f17_expired_metadata(repository: TufRepository, mirror: Mirror, role: str) -> None:
    repository.life[role] = -DAY
    if role == "root":
        repository.rotate(roles=())
    repository.publish()
    error = refused(mirror)
    assert error.code == "trust-stale"
    assert "expired" in error.message
    assert "clock" in error.message


def test_f22_a_clock_that_is_years_ahead(repository: TufRepository, mirror: Mirror) -> None:
    """The clock of the client cannot be turned, so the repository is signed years back."""
    kept = refresh(mirror, None).kept
    repository.life = dict.fromkeys(["timestamp", "snapshot", "targets", "root"], -700 * DAY)
    repository.publish()
    error = refused(mirror, kept)
    assert error.code == "trust-stale"
    assert "the clock of this machine says 20" in error.message
    assert "Set the clock if it is wrong" in error.message


def test_f17_an_expired_copy_proves_nothing_and_can_be_refreshed(
    repository: TufRepository, mirror: Mirror
) -> None:
    repository.life["timestamp"] = timedelta(seconds=2)
    repository.publish()
    kept = refresh(mirror, None).kept
    time.sleep(2.1)
    with pytest.raises(TransportError) as caught:
        prove(mirror, kept)
    assert caught.value.code == "trust-stale"
    repository.life.clear()
    repository.publish()
    assert refresh(mirror, kept).kept.target == ONE


def test_f19_c24_rollback(repository: TufRepository, mirror: Mirror) -> None:
    old = dict(repository.files)
    repository.publish()
    kept = refresh(mirror, None).kept
    repository.files = old
    assert refused(mirror, kept).code == "trust-invalid"
    assert refresh(mirror, None).kept.target == ONE  # who has seen nothing newer cannot know


def test_c24_rollback_under_a_new_timestamp(repository: TufRepository, mirror: Mirror) -> None:
    repository.publish()
    repository.publish()
    kept = refresh(mirror, None).kept
    repository.version = 1
    timestamp = repository.files["timestamp.json"]
    repository.publish()  # version 2 of all
    assert repository.files["timestamp.json"] != timestamp
    assert refused(mirror, kept).code == "trust-invalid"


def test_f19_a_tampered_target(repository: TufRepository, mirror: Mirror) -> None:
    repository.content = TWO
    repository.publish(tampered=b'{"root": 3}')
    assert refused(mirror).code == "trust-invalid"


@pytest.mark.parametrize("path", ["timestamp.json", "1.snapshot.json", "1.targets.json"])
def test_f19_bad_signatures(repository: TufRepository, mirror: Mirror, path: str) -> None:
    document = json.loads(repository.files[path])
    document["signatures"][0]["sig"] = "00" * 64
    repository.files[path] = json.dumps(document).encode()
    assert refused(mirror).code == "trust-invalid"


def twice(document: dict[str, Any]) -> None:
    """Two signatures are asked for, and one stands there twice."""
    document["signatures"] *= 2


def thrice(document: dict[str, Any]) -> None:
    document["signed"]["roles"]["timestamp"]["threshold"] = 0


@pytest.mark.parametrize("change", [twice, thrice])
def test_c24_thresholds(repository: TufRepository, mirror: Mirror, change: Any) -> None:
    repository.root.roles["root"].threshold = 2
    repository.rotate(roles=())
    document = json.loads(repository.files["2.root.json"])
    change(document)
    repository.files["2.root.json"] = json.dumps(document).encode()
    assert refused(mirror).code == "trust-invalid"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"signed": {}}', b"<html>", b"[" * 16_000])
@pytest.mark.parametrize("path", ["2.root.json", "timestamp.json", "1.targets.json"])
def test_c24_malformed_answers(repository: TufRepository, mirror: Mirror, body: bytes, path: str) -> None:
    repository.files[path] = body
    assert refused(mirror).code == "trust-invalid"


@pytest.mark.parametrize("path", ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"])
def test_f19_endless_metadata(repository: TufRepository, mirror: Mirror, path: str) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 64 << 20:
            sent += 1 << 16
            yield b" " * (1 << 16)

    repository.answer = lambda asked: endless() if asked == path else None
    error = refused(mirror)
    assert error.code == "trust-invalid"
    assert "more than is allowed" in error.message
    assert sent < MAX_FILE_BYTES + (16 << 20)  # what socket buffers hold comes on top


def test_f19_a_target_that_claims_to_be_huge(repository: TufRepository, mirror: Mirror) -> None:
    repository.publish(length=1 << 40)
    assert "is larger than" in refused(mirror).message
    assert not any(path.startswith("targets/") for path in repository.requests)


def test_f9_an_answer_in_drops_ends_in_time(repository: TufRepository, mirror: Mirror) -> None:
    def drops() -> Iterator[bytes]:
        for _ in range(100):
            time.sleep(0.05)
            yield b" "

    repository.answer = lambda asked: drops() if asked == "timestamp.json" else None
    start = time.monotonic()
    error = refused(mirror, deadline_s=0.5)
    assert time.monotonic() - start < 3
    assert error.code == "trust-unavailable"
    assert "no answer within 0.5 s" in error.message


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_f17_a_mirror_that_is_down(repository: TufRepository, mirror: Mirror, status: int) -> None:
    repository.answer = lambda _: status
    error = refused(mirror)
    assert error.code == "trust-unavailable"
    assert f"HTTP status {status}" in error.message


def test_f8_a_mirror_that_is_not_there(repository: TufRepository) -> None:
    with serving(repository) as mirror:
        pass
    error = refused(mirror)
    assert error.code == "trust-unavailable"
    assert mirror.url in error.message


def test_a_repository_without_the_target(mirror: Mirror) -> None:
    error = refused(replace(mirror, target="other.json"))
    assert "it has no target other.json" in error.message


@pytest.mark.parametrize("target", ["../../x", "/x", "a/../../../x"])
def test_c23_a_target_is_never_a_path(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "a" / "b"))
    (tmp_path / "a/b").mkdir(parents=True)
    repository = TufRepository(ONE, target=target)
    repository.answer = lambda asked: ONE if "targets/" in asked or asked.endswith(".x") else None
    # Whether the HTTP client asks for such a path at all is its own affair.
    with serving(repository) as mirror, suppress(TransportError):
        assert refresh(mirror, None).kept.target == ONE
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


@pytest.mark.parametrize("name", ["../evil.json", "root_history/../../evil.json", "/evil.json", "root.json"])
def test_f24_names_in_a_copy_are_never_paths(mirror: Mirror, name: str, tmp_path: Path) -> None:
    good = refresh(mirror, None)
    kept = replace(good.kept, files={**good.kept.files, name: b"{}"})
    assert prove(mirror, kept) == good


def other(data: bytes) -> bytes:
    return data.replace(b"1", b"2", 1)


@pytest.mark.parametrize("part", ["target", "timestamp.json", "snapshot.json", "targets.json"])
def test_f24_an_edited_copy_proves_nothing(mirror: Mirror, part: str) -> None:
    kept = refresh(mirror, None).kept
    if part == "target":
        edited = replace(kept, target=other(kept.target))
    else:
        edited = replace(kept, files={**kept.files, part: other(kept.files[part])})
    with pytest.raises(TransportError):
        prove(mirror, edited)
    assert refresh(mirror, edited).kept.target == ONE  # and stands in nobody's way
    with pytest.raises(TransportError):
        prove(mirror, replace(kept, files={}))


def test_f34_no_place_to_work(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: Any) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(tuf, "TemporaryDirectory", full)
    error = refused(mirror)
    assert error.code == "trust-unavailable"
    assert "No space left on device" in error.message
