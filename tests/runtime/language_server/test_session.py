from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from pratique.compiler import ir
from pratique.runtime.language_server import session
from pratique.runtime.language_server.analysis import Analysis
from pratique.runtime.language_server.documents import OpenDocument
from pratique.runtime.language_server.neighbours import MAX_POLICIES
from pratique.runtime.language_server.session import Session
from tests.support_lint import patterns, policy_text

URI = "file:///nowhere/p.yaml"
TIMEOUT_S = 60


class Editor:
    """What a session tells its editor."""

    def __init__(self) -> None:
        self.shown: list[Analysis] = []
        self.notes: list[str] = []
        self.last = 0
        self.session = Session(self.shown.append, self.notes.append, settle_s=0)

    def put(self, text: str, version: int = 1, uri: str = URI) -> None:
        self.last = version
        self.session.put(OpenDocument.of(uri, version, text))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that must happen."""

        async def poll() -> None:
            while not condition():
                await asyncio.sleep(0.005)

        await asyncio.wait_for(poll(), TIMEOUT_S)

    @property
    def versions(self) -> list[int | None]:
        return [each.document.version for each in self.shown]


def run(talk: Callable[[Editor], Awaitable[None]]) -> None:
    async def whole() -> None:
        editor = Editor()
        try:
            await talk(editor)
        finally:
            editor.session.stop()

    asyncio.run(whole())


def test_an_answer_about_a_text_that_has_changed_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(document: OpenDocument, _: Mapping[str, tuple[ir.Policy, ...]]) -> Analysis:
        if document.version == 1:
            begun.set()
            assert go_on.wait(TIMEOUT_S)
        return Analysis(document=document)

    monkeypatch.setattr(session, "analyse", slow)

    async def talk(editor: Editor) -> None:
        editor.put("one")
        await editor.until(begun.is_set)
        editor.put("two", 2)
        go_on.set()
        await editor.until(lambda: bool(editor.shown))
        found = await editor.session.analysis(URI)
        assert found is not None
        assert found.document.version == 2
        assert editor.versions == [2]

    run(talk)


def test_a_defect_costs_one_analysis(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(document: OpenDocument, _: Mapping[str, tuple[ir.Policy, ...]]) -> Analysis:
        if "bad" in document.source.text:
            raise ZeroDivisionError
        return Analysis(document=document)

    monkeypatch.setattr(session, "analyse", broken)

    async def talk(editor: Editor) -> None:
        editor.put("bad")
        await editor.until(lambda: bool(editor.notes))
        editor.put("good", 2)
        await editor.until(lambda: bool(editor.shown))
        assert editor.versions == [2]
        assert editor.notes == ["pratique could not analyse a document; its log says why"]

    run(talk)
    assert "ZeroDivisionError" in caplog.text


def test_a_document_that_was_closed_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk(editor: Editor) -> None:
        editor.put("a")
        editor.session.close(URI)
        assert await editor.session.analysis(URI) is None
        editor.put("b", uri="file:///nowhere/other.yaml")
        await editor.until(lambda: bool(editor.shown))
        assert [each.document.uri for each in editor.shown] == ["file:///nowhere/other.yaml"]

    run(talk)


def test_a_question_uses_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0

    def counting(document: OpenDocument, _: Mapping[str, tuple[ir.Policy, ...]]) -> Analysis:
        nonlocal count
        count += 1
        return Analysis(document=document)

    monkeypatch.setattr(session, "analyse", counting)

    async def talk(editor: Editor) -> None:
        editor.put("a")
        await editor.until(lambda: bool(editor.shown))
        assert await editor.session.analysis(URI) is editor.shown[0]
        assert await editor.session.analysis(URI) is editor.shown[0]
        assert count == 1

    run(talk)


def test_the_nearest_folder_counts(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    tags = policy_text(patterns("ghcr.io/acme/app:*"))
    digests = policy_text(patterns("ghcr.io/acme/app@*")).replace("name: example", "name: other")
    (tmp_path / "digests.yaml").write_text(digests)

    async def talk(editor: Editor) -> None:
        editor.session.set_folders([tmp_path, inner])
        for folder, alone in ((inner, True), (tmp_path, False)):
            uri = (folder / "tags.yaml").as_uri()
            editor.put(tags, uri=uri)
            found = await editor.session.analysis(uri)
            assert found is not None
            assert ("PRQ003" in [each.code for each in found.findings]) is alone
            editor.session.close(uri)

    run(talk)


def test_too_many_policies_are_said_once(tmp_path: Path) -> None:
    policy = policy_text(patterns("ghcr.io/acme/*"))
    texts = [policy.replace("example", f"p{number}") for number in range(MAX_POLICIES + 1)]
    for half in (texts[:200], texts[200:]):
        (tmp_path / f"{len(half)}.yaml").write_text("---\n".join(half))
    uri = (tmp_path / "here.yaml").as_uri()

    async def talk(editor: Editor) -> None:
        editor.session.set_folders([tmp_path])
        for count in (1, 2):
            editor.put(policy, count, uri)
            await editor.until(lambda: bool(editor.notes) and editor.versions[-1:] == [editor.last])
        assert editor.notes == [f"{tmp_path} holds more than {MAX_POLICIES} policies: some are left out"]

    run(talk)


def test_a_configuration_with_mistakes_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "pratique.toml").write_text("[lint]\nignor = []\n")

    async def talk(editor: Editor) -> None:
        text = policy_text(patterns("ghcr.io/*"))
        for version in (1, 2):
            editor.put(text, version, (tmp_path / "p.yaml").as_uri())
            await editor.until(lambda version=version: version in editor.versions)  # type: ignore[misc]
        await editor.until(lambda: bool(editor.notes))
        assert len(editor.notes) == 1
        assert "there is no setting `ignor`" in editor.notes[0]

    run(talk)
