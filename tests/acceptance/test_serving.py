"""`pratique serve` as processes on loopback, while something goes wrong; named by rows of docs/threats.md."""

import contextlib
import http.client
import resource
import shutil
import signal
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support_balance import balanced
from tests.support_registry import FakeRegistry, Reply, image
from tests.support_serve import APP, BAD, OTHER, Process, build_lab, free_port, images, process
from tests.support_serving import served
from tests.support_tls import Authority
from tests.support_webhook import HERE, POLICY, Caller, credentials, crowd

DENIAL = "no signatures found"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_lab(tmp_path_factory.mktemp("lab"))


@contextlib.contextmanager
def server(folder: Path, *arguments: str, linger: float = 0.5) -> Iterator[Process]:
    policy = folder / "policy.yaml"
    policy.write_text(POLICY)
    port = free_port()
    command = ["serve", str(policy), "--host", HERE, "--port", str(port), "--linger", str(linger)]
    with process(folder, port, *command, *arguments) as found:
        yield found


def right(name: str, answer: dict[str, Any]) -> bool:
    """Say whether an answer is what the policy says of an image of the lab."""
    if name == BAD:
        return answer["allowed"] is False and DENIAL in answer["status"]["message"]
    return answer["allowed"] is True and "patch" in answer


def slow(lab: Path, registry: FakeRegistry) -> list[str]:
    """Return the options that ask a scripted registry."""
    registry.on("/v2/", Reply())
    return ["--trusted-root", str(lab / "trust/trusted_root.json"), "--insecure-registry"]


def test_f29_requests_in_flight_are_answered_when_the_server_is_told_to_end(
    lab: Path, tmp_path: Path
) -> None:
    """Not ready at once, all that is under way and all that still comes answered, then gone; told twice."""
    authority, certificate = credentials(tmp_path)
    registry = FakeRegistry()
    manifest = image("slow")
    registry.on("/v2/acme/slow/manifests/v1", Reply(body=manifest, delay_s=3))
    answers: list[dict[str, Any]] = []

    def ask(port: int, uid: str) -> None:
        with Caller(port, authority.client_context()) as caller:
            answers.append(caller.admit(f"{registry.host}/acme/slow:v1", uid))

    with served(registry), server(tmp_path, *certificate, *slow(lab, registry), linger=1) as running:
        before = [threading.Thread(target=ask, args=(running.port, f"b{n}")) for n in range(20)]
        for thread in before:
            thread.start()
        _until(lambda: registry.count("/manifests/v1") > 0)
        time.sleep(0.3)
        running.process.send_signal(signal.SIGTERM)
        with Caller(running.port, authority.client_context()) as caller:
            _until(lambda: caller.get("/readyz")[0] == 503)
        assert not answers, "the registry was too quick to show anything"
        running.process.send_signal(signal.SIGTERM)
        after = [threading.Thread(target=ask, args=(running.port, f"a{n}")) for n in range(5)]
        for thread in after:
            thread.start()
        for thread in (*before, *after):
            thread.join(20)
        assert running.process.wait(20) == 0
        with (
            Caller(running.port, authority.client_context()) as late,
            pytest.raises(ConnectionRefusedError),
        ):
            late.admit(APP)
    assert sorted(answer["uid"] for answer in answers) == sorted(
        [*(f"b{n}" for n in range(20)), *(f"a{n}" for n in range(5))]
    )
    assert all(answer["allowed"] is False for answer in answers)
    assert [t for t in (answer["status"]["message"] for answer in answers) if DENIAL not in t] == []


def test_f29_a_replica_that_is_killed_costs_connections_and_no_verdict(lab: Path, tmp_path: Path) -> None:
    authority, certificate = credentials(tmp_path)
    wanted = [(APP, BAD, OTHER)[n % 3] for n in range(1_000)]
    with (
        server(tmp_path, *certificate, *images(lab)) as one,
        server(tmp_path, *certificate, *images(lab)) as two,
    ):

        def kill(count: int) -> None:
            if count == 300:
                one.process.send_signal(signal.SIGKILL)

        with balanced([one.port, two.port]) as port:
            found = crowd(wanted, lambda: Caller(port, authority.client_context()), each=kill)
    assert [name for name, answer in found.answers if not right(name, answer)] == []
    assert len({answer["uid"] for _, answer in found.answers}) == len(found.answers) == 1_000
    assert 0 < found.broken <= 50


def test_a_hundred_pods_of_an_image_that_nobody_knows_are_one_verification(lab: Path, tmp_path: Path) -> None:
    authority, certificate = credentials(tmp_path)
    with server(tmp_path, *certificate, *images(lab)) as running:
        gate = threading.Barrier(100)
        answers: list[dict[str, Any]] = []

        def ask() -> None:
            with Caller(running.port, authority.client_context()) as mine:
                mine.get("/livez")
                gate.wait(30)
                answers.append(mine.admit(APP))

        threads = [threading.Thread(target=ask) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(answers) == 100
        assert all(right(APP, answer) for answer in answers)
        with Caller(running.port, authority.client_context()) as caller:
            assert caller.total("pratique_signature_verifications_total") == 1


def test_f28_certificates_change_and_no_request_is_lost(lab: Path, tmp_path: Path) -> None:
    """Over connections that stay and over new ones; clients trust the old and the new authority meanwhile."""
    authority, _ = credentials(tmp_path)
    (tmp_path / "next").mkdir()
    successor, _ = credentials(tmp_path / "next", "Next CA")
    context = authority.client_context()
    context.load_verify_locations(successor.file)
    shown = tmp_path / "shown.pem"
    shutil.copy(_pair(authority), shown)
    options = ["--tls-certificate", str(shown), "--tls-key", str(shown)]
    with server(tmp_path, *options, *images(lab)) as running:
        before = ssl.get_server_certificate((HERE, running.port))
        faults: list[str] = []
        end, sent = threading.Event(), [0]

        def go_on(*, anew: bool) -> None:
            with Caller(running.port, context) as mine:
                while not end.is_set():
                    try:
                        if not right(APP, mine.admit(APP)):
                            faults.append("another verdict")
                    except (OSError, http.client.HTTPException) as error:
                        faults.append(repr(error))
                    sent[0] += 1
                    if anew:
                        mine.close()
                    time.sleep(0.005)

        threads = [threading.Thread(target=go_on, kwargs={"anew": n % 2 == 0}) for n in range(4)]
        for thread in threads:
            thread.start()
        shutil.copy(_pair(successor), tmp_path / "other.pem")
        (tmp_path / "other.pem").replace(shown)
        try:
            _until(lambda: ssl.get_server_certificate((HERE, running.port)) != before)
            time.sleep(0.3)
        finally:
            end.set()
            for thread in threads:
                thread.join(20)
        with Caller(running.port, successor.client_context()) as trusting:
            assert trusting.get("/readyz")[0] == 200
    assert faults == []
    assert sent[0] > 20


def test_w16_w21_f9_who_waits_for_a_registry_is_answered_in_time_and_keeps_nobody_waiting(
    lab: Path, tmp_path: Path
) -> None:
    authority, certificate = credentials(tmp_path)
    registry = FakeRegistry()
    registry.on("/v2/acme/hangs/manifests/v1", Reply(delay_s=60))
    registry.manifest("acme/app", image("quick"), "v1")
    with served(registry), server(tmp_path, *certificate, *slow(lab, registry)) as running:
        found: list[tuple[float, dict[str, Any]]] = []

        def ask() -> None:
            begun = time.monotonic()
            with Caller(running.port, authority.client_context()) as caller:
                answer = caller.admit(f"{registry.host}/acme/hangs:v1", patience=6)
            found.append((time.monotonic() - begun, answer))

        threads = [threading.Thread(target=ask) for _ in range(20)]
        for thread in threads:
            thread.start()
        _until(lambda: registry.count("/hangs/") > 0)
        with Caller(running.port, authority.client_context()) as caller:
            quick = caller.admit(f"{registry.host}/acme/app:v1")
        assert not found, "those that hang were answered first"
        assert DENIAL in quick["status"]["message"]
        for thread in threads:
            thread.join(20)
    assert len(found) == 20
    assert max(seconds for seconds, _ in found) < 6
    for _, answer in found:
        assert answer["allowed"] is False
        assert f"unfinished: digest of {registry.host}/acme/hangs:v1" in answer["status"]["message"]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read as on Linux")
@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(body=bytes(1 << 16), endless=True), id="endless"),
        pytest.param(Reply(body=b"[" + b" " * ((4 << 20) - 2)), id="malformed"),
    ],
)
def test_f30_fifty_hostile_images_at_once_take_little_memory_and_no_other_s_answer(
    lab: Path, tmp_path: Path, reply: Reply
) -> None:
    authority, certificate = credentials(tmp_path)
    registry = FakeRegistry()
    for number in range(50):
        registry.on(f"/v2/acme/bomb-{number}/manifests/v1", reply)
    registry.manifest("acme/app", image("harmless"), "v1")
    with served(registry), server(tmp_path, *certificate, *slow(lab, registry)) as running:
        with Caller(running.port, authority.client_context()) as caller:
            caller.admit(f"{registry.host}/acme/app:v1")
        before, most, end = _resident(running), [0.0], threading.Event()

        def look() -> None:
            while not end.wait(0.02):
                most[0] = max(most[0], _resident(running))

        looking = threading.Thread(target=look)
        looking.start()
        try:
            names = [f"{registry.host}/acme/bomb-{number}:v1" for number in range(50)]
            found = crowd(names, lambda: Caller(running.port, authority.client_context()), number=50)
        finally:
            end.set()
            looking.join()
        assert len(found.answers) == 50
        assert not any(answer["allowed"] for _, answer in found.answers)
        assert most[0] - before < 128
        with Caller(running.port, authority.client_context()) as caller:
            assert DENIAL in caller.admit(f"{registry.host}/acme/app:v1")["status"]["message"]


def test_f34_f18_without_a_home_and_a_place_to_write_the_server_serves(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, certificate = credentials(tmp_path)
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TMPDIR", "/proc/none")
    with (
        server(tmp_path, *certificate, *images(lab)) as running,
        Caller(running.port, authority.client_context()) as caller,
    ):
        assert right(APP, caller.admit(APP))


def _resident(running: Process) -> float:
    """Return the megabytes of a process that are in memory."""
    pages = int(Path(f"/proc/{running.process.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def _pair(authority: Authority) -> Path:
    (both,) = authority.folder.glob("server-*.pem")
    return both


def _until(holds: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
