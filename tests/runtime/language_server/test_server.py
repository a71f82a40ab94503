"""The server as editors meet it: a process, asked over pipes by another implementation's client."""

from __future__ import annotations

import subprocess
from collections.abc import Awaitable, Sequence
from pathlib import Path

import pytest
from lsprotocol import types

from tests.support_language_server import COMMAND, FULL, TIMEOUT_S, Editor, with_editor
from tests.support_lint import patterns, policy_text

LOST = policy_text(patterns("registry.k8s.io/"))
GOOD = policy_text(patterns("registry.k8s.io/*"))
HERE = "file:///nowhere/policy.yaml"


def codes(found: list[types.Diagnostic]) -> list[object]:
    return [diagnostic.code for diagnostic in found]


def test_diagnostics_while_a_policy_is_written() -> None:
    async def talk(editor: Editor) -> None:
        assert "PRQ001" in codes(await editor.check(HERE, LOST))
        editor.change(HERE, GOOD, 2)
        assert "PRQ001" not in codes(await editor.diagnostics(HERE, 2))
        editor.change(HERE, GOOD[:-3] + "\t[", 3)
        assert codes(await editor.diagnostics(HERE, 3)) == ["yaml-syntax"]
        editor.change(HERE, LOST, 4)
        assert "PRQ001" in codes(await editor.diagnostics(HERE, 4))
        editor.client.text_document_did_close(
            types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(HERE))
        )
        assert await editor.diagnostics(HERE, None) == []

    with_editor(talk)


def test_many_changes_at_once_are_answered_once_with_the_last() -> None:
    async def talk(editor: Editor) -> None:
        await editor.check(HERE, GOOD)
        for version in range(2, 40):
            editor.change(HERE, LOST if version % 2 else GOOD, version)
        assert "PRQ001" in codes(await editor.diagnostics(HERE, 39))
        assert editor.published.empty()

    with_editor(talk)


def test_positions_are_in_utf_16() -> None:
    text = policy_text(patterns("registry.k8s.io/")).replace('- "reg', '- "😋reg')

    async def talk(editor: Editor) -> None:
        (found,) = [each for each in await editor.check(HERE, text) if each.code == "PRQ001"]
        assert found.range == types.Range(types.Position(15, 8), types.Position(15, 28))

    with_editor(talk)


def test_an_editor_may_count_code_points() -> None:
    text = policy_text(patterns("registry.k8s.io/")).replace('- "reg', '- "😋reg')
    capabilities = types.ClientCapabilities(
        general=types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind.Utf32])
    )

    async def talk(editor: Editor) -> None:
        assert editor.server is not None
        assert editor.server.capabilities.position_encoding == types.PositionEncodingKind.Utf32
        (found,) = [each for each in await editor.check(HERE, text) if each.code == "PRQ001"]
        assert found.range.end.character == 27

    with_editor(talk, capabilities=capabilities)


def test_the_folder_is_analysed_together_with_unsaved_text(tmp_path: Path) -> None:
    tags = policy_text(patterns("ghcr.io/acme/app:*"))
    digests = policy_text(patterns("ghcr.io/acme/app@*")).replace("name: example", "name: other")
    folder = tmp_path / "a folder"
    (folder / "deep").mkdir(parents=True)
    here, other = folder / "tags.yaml", folder / "deep/digests.yaml"
    other.write_text(digests)

    async def talk(editor: Editor) -> None:
        uri = here.as_uri()
        assert "PRQ003" not in codes(await editor.check(uri, tags))
        # Unsaved in another window: the tags are alone again.
        editor.open(other.as_uri(), digests.replace("app@", "web@"))
        await editor.diagnostics(other.as_uri())
        assert "PRQ003" in codes(await editor.diagnostics(uri))
        editor.client.text_document_did_close(
            types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(other.as_uri()))
        )
        assert "PRQ003" not in codes(await editor.diagnostics(uri))
        # Changed on the disk, behind the editor's back.
        other.unlink()
        editor.client.text_document_did_save(
            types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri))
        )
        assert "PRQ003" in codes(await editor.diagnostics(uri))

    with_editor(talk, [folder])


def test_files_that_change_on_the_disk_are_watched(tmp_path: Path) -> None:
    capabilities = types.ClientCapabilities(
        workspace=types.WorkspaceClientCapabilities(
            did_change_watched_files=types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True)
        )
    )
    uri = (tmp_path / "tags.yaml").as_uri()
    tags = policy_text(patterns("ghcr.io/acme/app:*"))
    digests = policy_text(patterns("ghcr.io/acme/app@*")).replace("name: example", "name: other")

    async def talk(editor: Editor) -> None:
        assert "PRQ003" in codes(await editor.check(uri, tags))
        assert [each.method for each in editor.registered] == ["workspace/didChangeWatchedFiles"]
        (tmp_path / "digests.yaml").write_text(digests)
        changes = [types.FileEvent((tmp_path / "digests.yaml").as_uri(), types.FileChangeType.Created)]
        editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(changes))
        assert "PRQ003" not in codes(await editor.diagnostics(uri))

    with_editor(talk, [tmp_path], capabilities)


def test_folders_come_and_go(tmp_path: Path) -> None:
    uri = (tmp_path / "tags.yaml").as_uri()
    digests = policy_text(patterns("ghcr.io/acme/app@*")).replace("name: example", "name: other")
    (tmp_path / "digests.yaml").write_text(digests)
    folder = types.WorkspaceFolder(tmp_path.as_uri(), "here")

    async def talk(editor: Editor) -> None:
        assert "PRQ003" in codes(await editor.check(uri, policy_text(patterns("ghcr.io/acme/app:*"))))
        for added, removed, expected in (([folder], [], False), ([], [folder], True)):
            editor.client.workspace_did_change_workspace_folders(
                types.DidChangeWorkspaceFoldersParams(types.WorkspaceFoldersChangeEvent(added, removed))
            )
            assert ("PRQ003" in codes(await editor.diagnostics(uri))) is expected

    with_editor(talk)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00kyverno.io/",
        "kyverno.io/\ud83d",
        "[" * 5000 + "kyverno.io/",
        "kyverno.io/: &a [*a]",
        "kyverno.io/\n" * 99,
    ],
)
def test_bad_text_does_not_end_the_server(text: str) -> None:
    async def talk(editor: Editor) -> None:
        await editor.check(HERE, text)
        editor.change(HERE, LOST, 2)
        assert "PRQ001" in codes(await editor.diagnostics(HERE, 2))

    with_editor(talk)


def test_texts_that_are_no_policies_are_left_alone() -> None:
    async def talk(editor: Editor) -> None:
        assert await editor.check("file:///chart/templates/a.yaml", "a: {{ .Values.a }}\nb: [") == []

    with_editor(talk)


def test_nonsense_from_the_editor_does_not_end_the_server() -> None:
    async def talk(editor: Editor) -> None:
        process = editor.client._server
        assert process is not None
        assert process.stdin is not None
        for body in (b"{", b"[1]", b'{"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": 3}'):
            process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        editor.change("file:///never/opened.yaml", LOST, 7)
        assert "PRQ001" in codes(await editor.check(HERE, LOST))

    with_editor(talk)


def test_two_windows_on_one_folder_are_told_apart(tmp_path: Path) -> None:
    first, second = (tmp_path / "a.yaml").as_uri(), (tmp_path / "b.yaml").as_uri()

    async def talk(editor: Editor) -> None:
        assert "PRQ001" in codes(await editor.check(first, LOST))
        assert "PRQ001" not in codes(await editor.check(second, GOOD.replace("example", "other")))

    with_editor(talk, [tmp_path])


def test_an_editor_that_leaves_without_a_word() -> None:
    run = subprocess.run(COMMAND, input=b"", capture_output=True, timeout=TIMEOUT_S, check=False)
    assert (run.returncode, run.stdout) == (0, b"")


def test_an_editor_that_exits_without_shutdown() -> None:
    body = b'{"jsonrpc": "2.0", "method": "exit"}'
    message = b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    run = subprocess.run(COMMAND, input=message, capture_output=True, timeout=TIMEOUT_S, check=False)
    assert run.returncode == 1


def test_the_codes_of_diagnostics_lead_to_their_pages() -> None:
    async def talk(editor: Editor) -> None:
        (found,) = [each for each in await editor.check(HERE, LOST) if each.code == "PRQ001"]
        assert found.code_description is not None
        assert found.code_description.href.endswith("/pratique/rules/PRQ001.md")

    assert FULL.text_document is not None
    with_editor(talk)


def test_hover_over_a_pattern() -> None:
    text = policy_text(patterns("ghcr.io/acme/*")).replace("  - Pod", "  - Pod # 😋")

    async def ask(editor: Editor, line: int, character: int) -> types.Hover | None:
        params = types.HoverParams(types.TextDocumentIdentifier(HERE), types.Position(line, character))
        return await editor.wait(editor.client.text_document_hover_async(params))

    async def talk(editor: Editor) -> None:
        editor.open(HERE, text)  # asked before it was analysed
        found = await ask(editor, 15, 12)
        assert found is not None
        assert isinstance(found.contents, types.MarkupContent)
        assert found.contents.kind is types.MarkupKind.Markdown
        assert "`ghcr.io/acme/*` matches\n" in found.contents.value
        assert found.range == types.Range(types.Position(15, 8), types.Position(15, 24))
        assert await ask(editor, 15, 2) is None
        assert await ask(editor, 999, 999) is None
        editor.change(HERE, text.replace("ghcr.io", "quay.io"), 2)
        found = await ask(editor, 15, 12)
        assert found is not None
        assert isinstance(found.contents, types.MarkupContent)
        assert "`quay.io/acme/*` matches\n" in found.contents.value

    with_editor(talk)


def test_hover_for_an_editor_without_markdown_and_over_what_is_not_open() -> None:
    capabilities = types.ClientCapabilities(
        text_document=types.TextDocumentClientCapabilities(
            hover=types.HoverClientCapabilities(content_format=[types.MarkupKind.PlainText])
        )
    )

    async def talk(editor: Editor) -> None:
        place = types.Position(4, 1)
        params = types.HoverParams(types.TextDocumentIdentifier(HERE), place)
        assert await editor.wait(editor.client.text_document_hover_async(params)) is None
        editor.open(HERE, GOOD)
        found = await editor.wait(editor.client.text_document_hover_async(params))
        assert found is not None
        assert isinstance(found.contents, types.MarkupContent)
        assert found.contents.kind is types.MarkupKind.PlainText

    with_editor(talk, capabilities=capabilities)


def actions_at(
    editor: Editor, line: int, *only: str
) -> Awaitable[Sequence[types.Command | types.CodeAction] | None]:
    place = types.Position(line, 10)
    return editor.wait(
        editor.client.text_document_code_action_async(
            types.CodeActionParams(
                types.TextDocumentIdentifier(HERE),
                types.Range(place, place),
                types.CodeActionContext([], only=list(only) or None),
            )
        )
    )


def test_a_fix_is_offered_and_mends_the_finding() -> None:
    capabilities = types.ClientCapabilities(
        workspace=types.WorkspaceClientCapabilities(
            workspace_edit=types.WorkspaceEditClientCapabilities(document_changes=True)
        )
    )

    async def talk(editor: Editor) -> None:
        found = [each for each in await editor.check(HERE, LOST) if each.code == "PRQ001"]
        quick, everything = await actions_at(editor, 15) or ()
        assert isinstance(quick, types.CodeAction)
        assert (quick.title, quick.is_preferred) == ("Write `registry.k8s.io/*` (PRQ001)", True)
        assert list(quick.diagnostics or ()) == found
        assert quick.edit is not None
        assert quick.edit.document_changes is not None
        (change,) = quick.edit.document_changes
        assert isinstance(change, types.TextDocumentEdit)
        assert (change.text_document.uri, change.text_document.version) == (HERE, 1)
        assert list(change.edits) == [types.TextEdit(found[0].range, '"registry.k8s.io/*"')]
        assert isinstance(everything, types.CodeAction)
        assert everything.kind == "source.fixAll.pratique"
        editor.change(HERE, GOOD, 2)
        assert not await actions_at(editor, 15)

    with_editor(talk, capabilities=capabilities)


def test_an_editor_asks_for_some_kinds_of_actions() -> None:
    async def talk(editor: Editor) -> None:
        assert editor.server is not None
        assert isinstance(editor.server.capabilities.code_action_provider, types.CodeActionOptions)
        kinds = editor.server.capabilities.code_action_provider.code_action_kinds
        assert list(kinds or ()) == ["quickfix", "source.fixAll.pratique"]
        assert not await actions_at(editor, 15)  # not open
        editor.open(HERE, LOST)
        (action,) = await actions_at(editor, 0, "source.fixAll") or ()
        assert isinstance(action, types.CodeAction)
        assert action.edit is not None
        assert action.edit.changes is not None
        assert [edit.new_text for edit in action.edit.changes[HERE]] == ['"registry.k8s.io/*"']
        assert not await actions_at(editor, 15, "refactor")
        assert not await actions_at(editor, 0, "quickfix")

    with_editor(talk)


@pytest.mark.parametrize("hierarchical", [True, False])
def test_the_outline_of_a_document(hierarchical: bool) -> None:
    can = types.DocumentSymbolClientCapabilities(hierarchical_document_symbol_support=hierarchical)
    capabilities = types.ClientCapabilities(
        text_document=types.TextDocumentClientCapabilities(document_symbol=can)
    )

    async def talk(editor: Editor) -> None:
        params = types.DocumentSymbolParams(types.TextDocumentIdentifier(HERE))
        assert not await editor.wait(editor.client.text_document_document_symbol_async(params))
        editor.open(HERE, GOOD)
        found = await editor.wait(editor.client.text_document_document_symbol_async(params))
        assert found
        if hierarchical:
            (policy,) = found
            assert isinstance(policy, types.DocumentSymbol)
            assert policy.selection_range == types.Range(types.Position(3, 8), types.Position(3, 15))
            assert policy.children
            assert [rule.name for rule in policy.children] == ["verify"]
        else:
            named = [
                (each.name, each.container_name)
                for each in found
                if isinstance(each, types.SymbolInformation)
            ]
            assert named == [("example", None), ("verify", "example"), ("registry.k8s.io/*", "verify")]

    with_editor(talk, capabilities=capabilities)


def test_fields_are_proposed_with_what_they_mean() -> None:
    async def ask(editor: Editor, line: int, character: int) -> list[types.CompletionItem]:
        params = types.CompletionParams(types.TextDocumentIdentifier(HERE), types.Position(line, character))
        found = await editor.wait(editor.client.text_document_completion_async(params))
        assert not isinstance(found, types.CompletionList)
        return list(found or ())

    async def talk(editor: Editor) -> None:
        assert await ask(editor, 0, 0) == []  # not open
        text = GOOD.replace("  rules:", "  fa\n  rules:")
        editor.open(HERE, text)
        items = {item.label: item for item in await ask(editor, 6, 4)}
        item = items["failurePolicy"]
        assert item.text_edit == types.TextEdit(
            types.Range(types.Position(6, 2), types.Position(6, 4)), "failurePolicy: "
        )
        assert isinstance(item.documentation, types.MarkupContent)
        assert item.documentation.value.startswith("What happens to a request while Kyverno cannot be asked")
        assert item.kind == types.CompletionItemKind.Field
        assert items["webhookTimeoutSeconds"].deprecated
        editor.change(HERE, "apiVersion: v1\nkind: Service\n", 2)
        assert await ask(editor, 1, 0) == []

    with_editor(talk)
