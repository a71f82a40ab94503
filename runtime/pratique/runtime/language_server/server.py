"""The handlers of the protocol, over standard input and output.

Texts are exchanged whole: policies are short, and positions of changes could mean different places to an
editor and to this side, where a text holds separators of lines that only one of them counts.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from pratique.grammar import __version__
from pratique.grammar.source import Source
from pratique.runtime.language_server.actions import Action, fix_all, quick_fixes
from pratique.runtime.language_server.analysis import Analysis
from pratique.runtime.language_server.completion import proposals
from pratique.runtime.language_server.diagnostics import Reader, diagnostic
from pratique.runtime.language_server.documents import OpenDocument, Positions
from pratique.runtime.language_server.hover import hover
from pratique.runtime.language_server.protocol import (
    KINDS,
    code_action,
    completion_item,
    document_symbol,
    flat_symbols,
    is_wanted,
)
from pratique.runtime.language_server.rule_pages import write_pages
from pratique.runtime.language_server.session import Session
from pratique.runtime.language_server.symbols import symbols
from pratique.runtime.policy_files import concerns_policies
from pratique.runtime.user_folders import cache_folder

NAME: Final = "pratique"
WATCHED: Final = "**/{*.yaml,*.yml,*.json,pratique.toml,pyproject.toml}"

_log = logging.getLogger(__name__)


class Server:
    """One editor's language server."""

    def __init__(self) -> None:
        self.lsp = LanguageServer(NAME, __version__, types.TextDocumentSyncKind.Full)
        self.session = Session(self._publish, self._note)
        self.reader = Reader(pages={})
        self.has_shut_down = False
        self.left_politely = True
        _live(self)
        _follow(self)
        _answer(self)

    def run(self) -> int:
        """Serve until the editor leaves; return 0, or 1 where it left without `shutdown`."""
        # The protocol has the real standard output for itself: a stray print must not break it.
        with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as stdout, contextlib.redirect_stdout(sys.stderr):
            self.lsp.start_io(sys.stdin.buffer, stdout)
        self.session.stop()
        return 0 if self.left_politely else 1

    # --- state -----------------------------------------------------------------------------------------

    def begin(self, params: types.InitializeParams) -> None:
        """Note what the editor can show."""
        encoding = self.lsp.workspace.position_encoding or types.PositionEncodingKind.Utf16
        self.reader = Reader.of(params.capabilities, encoding, write_pages(cache_folder()))

    def take_folders(self) -> None:
        """Take the folders of the workspace; those that are no files are left out."""
        workspace = self.lsp.workspace
        uris = list(workspace.folders) or ([workspace.root_uri] if workspace.root_uri else [])
        paths = [to_fs_path(uri) for uri in uris]
        self.session.set_folders([Path(path) for path in paths if path])

    def take(self, uri: str, *, now: bool = False) -> None:
        """Take the current text of a document."""
        document = self.lsp.workspace.get_text_document(uri)
        self.session.put(OpenDocument.of(uri, document.version, document.source), now=now)

    def positions(self, analysis: Analysis) -> Callable[[Source], Positions]:
        """Return what tells the places of the sources that findings of a document name."""
        document, encoding = analysis.document, self.reader.encoding

        @cache
        def of(source: Source) -> Positions:
            has_mark = document.has_mark and source is document.source
            return Positions(source.text, encoding, has_mark=has_mark)

        return of

    def _publish(self, analysis: Analysis) -> None:
        positions = self.positions(analysis)
        found = [*analysis.mistakes, *analysis.findings]
        self.lsp.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(
                uri=analysis.document.uri,
                version=analysis.document.version,
                diagnostics=[diagnostic(each, self.reader, positions) for each in found],
            )
        )

    def clear(self, uri: str) -> None:
        """Take the diagnostics of a document away."""
        self.lsp.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri=uri, diagnostics=[]))

    def _note(self, text: str) -> None:
        self.lsp.window_log_message(types.LogMessageParams(type=types.MessageType.Warning, message=text))

    def watch(self) -> None:
        """Ask to be told of files that change on the disk, where the editor can tell."""
        workspace = self.lsp.client_capabilities.workspace
        can = workspace.did_change_watched_files if workspace else None
        if not (can and can.dynamic_registration):
            return
        watchers = [types.FileSystemWatcher(glob_pattern=WATCHED)]
        registration = types.Registration(
            id="watch",
            method=types.WORKSPACE_DID_CHANGE_WATCHED_FILES,
            register_options=types.DidChangeWatchedFilesRegistrationOptions(watchers=watchers),
        )
        self.lsp.client_register_capability(types.RegistrationParams(registrations=[registration]))

    # --- questions -------------------------------------------------------------------------------------

    async def hover(self, params: types.HoverParams) -> types.Hover | None:
        """Return what there is to say about a place."""
        analysis = await self.session.analysis(params.text_document.uri)
        if analysis is None:
            return None
        source = analysis.document.source
        positions = self.positions(analysis)(source)
        place = positions.place(params.position)
        found = await self.session.ask(lambda: hover(analysis, place))
        if found is None:
            return None
        text = self.lsp.client_capabilities.text_document
        formats = text.hover.content_format if text and text.hover else None
        kind = types.MarkupKind.Markdown
        if formats is not None and kind not in formats:
            kind = types.MarkupKind.PlainText
        content = types.MarkupContent(kind=kind, value=found.markdown)
        return types.Hover(contents=content, range=positions.range(found.span))

    async def actions(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        """Return what can be done about the findings of a range, and about all of them."""
        analysis = await self.session.analysis(params.text_document.uri)
        if analysis is None:
            return []
        of = self.positions(analysis)
        positions = of(analysis.document.source)
        start, end = positions.place(params.range.start), positions.place(params.range.end)
        quick, everything = KINDS
        found: list[Action] = []
        if is_wanted(quick, params.context.only):
            found += await self.session.ask(lambda: quick_fixes(analysis, start, end))
        if is_wanted(everything, params.context.only):
            all_fixes = await self.session.ask(lambda: fix_all(analysis))
            found += [all_fixes] if all_fixes else []
        workspace = self.lsp.client_capabilities.workspace
        edits = workspace.workspace_edit if workspace else None
        return [
            code_action(
                each,
                analysis.document,
                positions,
                diagnostic(each.finding, self.reader, of) if each.finding else None,
                versioned=bool(edits and edits.document_changes),
            )
            for each in found
        ]

    def completions(self, params: types.CompletionParams) -> list[types.CompletionItem]:
        """Return what may be written at a place of a text that holds policies."""
        document = self.session.document(params.text_document.uri)
        if document is None or not concerns_policies(document.source.text):
            return []
        positions = Positions(document.source.text, self.reader.encoding, has_mark=document.has_mark)
        found = proposals(positions.lines, positions.place(params.position))
        return [completion_item(each, number, positions) for number, each in enumerate(found)]

    async def symbols(
        self, params: types.DocumentSymbolParams
    ) -> list[types.DocumentSymbol] | list[types.SymbolInformation]:
        """Return the outline of a document."""
        analysis = await self.session.analysis(params.text_document.uri)
        if analysis is None:
            return []
        source = analysis.document.source
        positions = self.positions(analysis)(source)
        found = await self.session.ask(lambda: symbols(source))
        text = self.lsp.client_capabilities.text_document
        can = text.document_symbol if text else None
        if can and can.hierarchical_document_symbol_support:
            return [document_symbol(each, positions) for each in found]
        uri = analysis.document.uri
        return [flat for each in found for flat in flat_symbols(each, uri, positions)]


def _live(server: Server) -> None:
    """Register the handlers of a session's life."""
    lsp = server.lsp

    @lsp.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        server.begin(params)

    @lsp.feature(types.INITIALIZED)
    def initialized(_: types.InitializedParams) -> None:
        server.take_folders()
        server.watch()

    @lsp.feature(types.SHUTDOWN)
    def shutdown(_: None) -> None:
        server.has_shut_down = True

    @lsp.feature(types.EXIT)
    def leave(_: None) -> None:
        server.left_politely = server.has_shut_down


def _follow(server: Server) -> None:
    """Register the handlers of documents and folders."""
    lsp = server.lsp

    @lsp.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenTextDocumentParams) -> None:
        server.take(params.text_document.uri, now=True)

    @lsp.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        server.take(params.text_document.uri)

    @lsp.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(_: types.DidSaveTextDocumentParams) -> None:
        server.session.look_at_folders()

    @lsp.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        server.session.close(params.text_document.uri)
        server.clear(params.text_document.uri)

    @lsp.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def files_changed(_: types.DidChangeWatchedFilesParams) -> None:
        server.session.look_at_folders()

    @lsp.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def folders_changed(_: types.DidChangeWorkspaceFoldersParams) -> None:
        server.take_folders()


def _answer(server: Server) -> None:
    """Register the handlers of questions about documents."""
    lsp = server.lsp

    @lsp.feature(types.TEXT_DOCUMENT_HOVER)
    async def at_place(params: types.HoverParams) -> types.Hover | None:
        return await server.hover(params)

    @lsp.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=list(KINDS)))
    async def to_do(params: types.CodeActionParams) -> list[types.CodeAction]:
        return await server.actions(params)

    @lsp.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=[" "]))
    def complete(params: types.CompletionParams) -> list[types.CompletionItem]:
        return server.completions(params)

    @lsp.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    async def outline(
        params: types.DocumentSymbolParams,
    ) -> list[types.DocumentSymbol] | list[types.SymbolInformation]:
        return await server.symbols(params)
