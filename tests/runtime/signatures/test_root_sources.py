from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.errors import TransportError, UsageError
from pratique.runtime.signatures import root_sources
from pratique.runtime.signatures.root_cache import RETRY_AFTER, RootCache
from pratique.runtime.signatures.root_sources import (
    FRESH_FOR,
    age,
    describe,
    find_mirror,
    load_roots,
    names,
    obtain,
    register,
    remove,
    save,
)
from pratique.runtime.signatures.trust_root import Source, TrustRoot
from pratique.runtime.signatures.tuf import Mirror, refresh
from pratique.runtime.trust_options import RootChoice, TrustOptions
from tests.support_signatures import Instance
from tests.support_tuf import TufRepository, now, serving

ROOT = Instance().trusted_root()
DAY = timedelta(days=1)
Log = pytest.LogCaptureFixture


@pytest.fixture
def repository() -> TufRepository:
    return TufRepository(ROOT)


@pytest.fixture
def mirror(repository: TufRepository) -> Iterator[Mirror]:
    with serving(repository) as mirror:
        yield mirror


@pytest.fixture
def public() -> Mirror:
    """The public-good repository behind a mirror that nobody answers for."""
    return find_mirror("public")


def take(mirror: Mirror, cache: Path, *, offline: bool = False, later: timedelta = timedelta(0)) -> TrustRoot:
    return obtain(mirror, offline=offline, cache=cache, now=datetime.now(UTC) + later)


def test_one_refresh_a_day(repository: TufRepository, mirror: Mirror, tmp_path: Path) -> None:
    first = take(mirror, tmp_path)
    assert (first.name, first.origin.source, first.origin.place) == ("acme", Source.MIRROR, mirror.url)
    repository.requests.clear()
    for later in (timedelta(0), FRESH_FOR - timedelta(minutes=1)):
        again = take(mirror, tmp_path, later=later)
        assert (again.origin.source, again.version) == (Source.CACHE, first.version)
        assert again.origin.checked_at == first.origin.checked_at
    assert repository.requests == []
    assert take(mirror, tmp_path, later=FRESH_FOR).origin.source is Source.MIRROR
    assert repository.requests == ["2.root.json", "timestamp.json"]


def test_f22_a_copy_from_the_future_is_checked(
    repository: TufRepository, mirror: Mirror, tmp_path: Path
) -> None:
    take(mirror, tmp_path)
    repository.requests.clear()
    assert take(mirror, tmp_path, later=-2 * 365 * DAY).origin.source is Source.MIRROR
    assert repository.requests


def test_f17_an_unreachable_mirror_leaves_the_last_good_root(
    repository: TufRepository, mirror: Mirror, tmp_path: Path, caplog: Log
) -> None:
    first = take(mirror, tmp_path)
    repository.answer = lambda _: 503
    root = take(mirror, tmp_path, later=2 * DAY)
    assert (root.version, root.origin.source) == (first.version, Source.CACHE)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "HTTP status 503; the last good one is used: acme" in record.message
    assert "checked 2 days ago" in record.message


def test_a_mirror_that_failed_is_left_alone_for_a_while(
    repository: TufRepository, mirror: Mirror, tmp_path: Path
) -> None:
    take(mirror, tmp_path)
    repository.answer = lambda _: 503
    take(mirror, tmp_path, later=2 * DAY)
    repository.requests.clear()
    take(mirror, tmp_path, later=2 * DAY + RETRY_AFTER - timedelta(minutes=1))
    assert repository.requests == []
    take(mirror, tmp_path, later=2 * DAY + RETRY_AFTER)
    assert repository.requests
    repository.answer = lambda _: None
    assert take(mirror, tmp_path, later=2 * DAY + 2 * RETRY_AFTER).origin.source is Source.MIRROR
    assert not list(tmp_path.rglob("*.failed"))


def test_f19_a_mirror_that_lies_leaves_the_last_good_root(
    repository: TufRepository, mirror: Mirror, tmp_path: Path, caplog: Log
) -> None:
    first = take(mirror, tmp_path)
    repository.rotate(honest=False)
    root = take(mirror, tmp_path, later=2 * DAY)
    assert (root.version, root.origin.source) == (first.version, Source.CACHE)
    assert "does not verify" in caplog.text
    repository.content = b"{}"


def test_f19_a_published_root_that_is_none_is_not_kept(
    repository: TufRepository, mirror: Mirror, tmp_path: Path
) -> None:
    first = take(mirror, tmp_path)
    repository.content = b'{"mediaType": "text/plain"}'
    repository.publish()
    assert take(mirror, tmp_path, later=2 * DAY).version == first.version
    with pytest.raises(TransportError, match="cannot be used") as caught:
        take(mirror, tmp_path / "new")
    assert caught.value.code == "trust-invalid"


def test_f17_past_the_word_of_the_publisher_it_is_an_error(
    repository: TufRepository, mirror: Mirror, tmp_path: Path
) -> None:
    kept = refresh(mirror, None).kept
    repository.life = {"timestamp": -DAY}
    repository.publish()
    files = {"timestamp.json": repository.files["timestamp.json"]}
    files |= {f"{role}.json": repository.files[f"2.{role}.json"] for role in ("snapshot", "targets")}
    RootCache(folder=tmp_path, mirror=mirror).write(replace(kept, files={**kept.files, **files}))
    for offline in (True, False):
        with pytest.raises(TransportError, match="expired") as caught:
            take(mirror, tmp_path, offline=offline)
        assert caught.value.code == "trust-stale"


def test_f18_first_start_without_network(public: Mirror, mirror: Mirror, tmp_path: Path, caplog: Log) -> None:
    assert take(public, tmp_path, offline=True) is TrustRoot.production()
    assert caplog.records == []
    assert take(public, tmp_path) is TrustRoot.production()
    assert "cannot be fetched from http://127.0.0.1:9" in caplog.text
    assert "the last good one is used: public" in caplog.text
    with pytest.raises(TransportError, match="pratique root update acme") as caught:
        take(mirror, tmp_path, offline=True)
    assert caught.value.code == "trust-unavailable"


def test_f17_what_was_seen_is_not_forgotten_for_an_older_embedded_root(
    public: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = TransportError("trust-stale", "expired")

    def prove(*_: object) -> None:
        raise stale

    monkeypatch.setattr("pratique.runtime.signatures.tuf.prove", prove)
    document = json.loads(TrustRoot.production().content)
    for start, usable in [("2020-01-01T00:00:00Z", True), ("2999-01-01T00:00:00Z", False)]:
        document["tlogs"][0]["publicKey"]["validFor"]["start"] = start
        kept = root_sources_kept(json.dumps(document).encode())
        RootCache(folder=tmp_path, mirror=public).write(kept)
        if usable:
            assert take(public, tmp_path, offline=True) is TrustRoot.production()
        else:
            with pytest.raises(TransportError) as caught:
                take(public, tmp_path, offline=True)
            assert caught.value is stale


def root_sources_kept(target: bytes) -> Any:
    from pratique.runtime.signatures.tuf import Kept

    return Kept(files={}, target=target, checked_at=now())


def test_f24_a_poisoned_cache_gives_nothing(
    repository: TufRepository, mirror: Mirror, tmp_path: Path, caplog: Log
) -> None:
    evil = Instance("evil").trusted_root()
    first = take(mirror, tmp_path)
    cache = RootCache(folder=tmp_path, mirror=mirror)
    kept = cache.read()
    assert kept is not None
    cache.write(replace(kept, target=evil))
    with pytest.raises(TransportError):
        take(mirror, tmp_path, offline=True)
    assert take(mirror, tmp_path).version == first.version
    (path,) = tmp_path.rglob("*.json")
    for damage in (b"", b"{}", b"[" * 100_000, b'{"version": 1}', path.read_bytes()[:-9]):
        path.write_bytes(damage)
        assert take(mirror, tmp_path).version == first.version
    assert "is no copy of a trust root and is not used" in caplog.text


def test_the_copy_of_one_repository_is_not_that_of_another(mirror: Mirror, tmp_path: Path) -> None:
    take(mirror, tmp_path)
    for other in (
        replace(mirror, url=mirror.url + "/x"),
        replace(mirror, anchor=b"{}"),
        replace(mirror, target="y"),
    ):
        assert RootCache(folder=tmp_path, mirror=other).read() is None


def test_f20_n5_a_cache_that_cannot_be_written_costs_a_warning(
    mirror: Mirror, tmp_path: Path, caplog: Log
) -> None:
    (tmp_path / "trust").write_bytes(b"a file where a folder should be")
    assert take(mirror, tmp_path).origin.source is Source.MIRROR
    (record,) = caplog.records
    assert "the trust root acme is not kept" in record.message


def test_f34_without_a_home_nothing_is_kept(
    repository: TufRepository, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(variable, raising=False)
    for _ in range(2):
        assert obtain(mirror, offline=False, cache=None, now=now()).origin.source is Source.MIRROR
    assert len(repository.requests) == 10


def test_f20_several_refresh_one_cache_at_once(mirror: Mirror, tmp_path: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        roots = list(pool.map(lambda _: take(mirror, tmp_path), range(12)))
    assert len({root.version for root in roots}) == 1
    assert len(list(tmp_path.rglob("*"))) == 2  # the folder and one whole file
    assert take(mirror, tmp_path, offline=True).origin.source is Source.CACHE


# --- names -----------------------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config/pratique/roots"


def test_well_known_names(config: Path) -> None:
    assert names() == ("public", "staging", "github")
    for name in names():
        found = find_mirror(name)
        assert found.url.startswith("https://tuf-repo")
        assert found.anchor
    assert len({find_mirror(name).anchor for name in names()}) == 3


@pytest.mark.parametrize("name", ["public", "staging", "github"])
def test_first_roots_are_roots_and_sign_themselves(name: str) -> None:
    from tuf.api.metadata import Metadata

    metadata: Any = Metadata.from_bytes(find_mirror(name).anchor)
    metadata.verify_delegate("root", metadata)
    assert metadata.signed.roles["root"].threshold >= 2


def test_a_name_for_a_mirror(config: Path, mirror: Mirror, repository: TufRepository) -> None:
    made = register("acme", mirror.url + "/", repository.anchor, "trusted_root.json")
    assert made == mirror
    assert save(made) == config / "acme.json"
    assert find_mirror("acme") == mirror
    assert names() == ("public", "staging", "github", "acme")
    (root,) = load_roots(TrustOptions(roots=(RootChoice(name="acme"),)))
    assert root.content == ROOT
    assert remove("acme") == config / "acme.json"
    with pytest.raises(UsageError, match="there is no trust root 'acme'"):
        find_mirror("acme")
    with pytest.raises(UsageError):
        remove("acme")


def test_another_mirror_of_a_well_known_root_keeps_its_first_root(config: Path) -> None:
    anchor = find_mirror("public").anchor
    save(register("public", "https://mirror.test", None, "trusted_root.json"))
    assert find_mirror("public").url == "https://mirror.test"
    assert find_mirror("public").anchor == anchor
    assert json.loads((config / "public.json").read_text())["root"] is None


def test_there_is_no_trust_on_first_use(config: Path) -> None:
    with pytest.raises(UsageError, match="--root FILE is needed"):
        register("acme", "https://mirror.test", None, "trusted_root.json")


@pytest.mark.parametrize(
    "url", ["", "mirror.test", "file:///x", "https://", "https://me:pw@x.test", "https://x.test/?a"]
)
def test_what_is_no_mirror(url: str) -> None:
    with pytest.raises(UsageError, match="is not the"):
        register("public", url, None, "trusted_root.json")


@pytest.mark.parametrize("text", ["", "{}", "[", '{"mirror": 1}', '{"mirror": "x", "more": 1}'])
def test_a_damaged_registration_is_named(config: Path, text: str) -> None:
    config.mkdir(parents=True)
    (config / "acme.json").write_text(text)
    with pytest.raises(UsageError, match="pratique root remove acme"):
        find_mirror("acme")


def test_ages() -> None:
    spans = {59: "59 min", 119: "119 min", 120: "2 h", 47 * 60: "47 h", 48 * 60: "2 days", -5: "0 min"}
    assert {minutes: age(timedelta(minutes=minutes)) for minutes in spans} == spans


def test_roots_are_described_in_the_log(caplog: Log, mirror: Mirror, tmp_path: Path) -> None:
    root = take(mirror, tmp_path)
    text = describe(root, datetime.now(UTC) + 3 * DAY)
    assert text.startswith(
        f"acme (sha256:{root.version[:12]}) from mirror {mirror.url}, checked 3 days ago, "
    )
    assert "vouched for until 20" in text
    assert text.endswith("newest entry of 2020-01-01T00:00:00Z")
    with caplog.at_level(logging.DEBUG, root_sources.__name__):
        load_roots(TrustOptions(offline=True))
    assert "trusted root public (sha256:" in caplog.text
