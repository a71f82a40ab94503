"""An editor in tests: pygls' client, which speaks to `pratique lsp` over pipes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from lsprotocol import types
from pygls.lsp.client import LanguageClient

TIMEOUT_S = 60
"""Seconds after which a test gives up; a tenth of a second is what things take."""

COMMAND = (sys.executable, "-c", "import sys; from pratique.runtime.cli import main; sys.exit(main())", "lsp")

_T = TypeVar("_T")

FULL = types.ClientCapabilities(
    text_document=types.TextDocumentClientCapabilities(
        publish_diagnostics=types.PublishDiagnosticsClientCapabilities(
            related_information=True,
            code_description_support=True,
            tag_support=types.ClientDiagnosticsTagOptions(value_set=list(types.DiagnosticTag)),
        ),
    ),
)
"""What an editor can that can show everything."""


class Editor:
    """A client with what tests ask of an editor."""

    def __init__(self) -> None:
        self.client = LanguageClient("test", "1")
        self.server: types.InitializeResult | None = None
        self.published: asyncio.Queue[types.PublishDiagnosticsParams] = asyncio.Queue()
        self.logged: list[str] = []
        self.registered: list[types.Registration] = []

        def published(params: types.PublishDiagnosticsParams) -> None:
            self.published.put_nowait(params)

        def logged(params: types.LogMessageParams) -> None:
            self.logged.append(params.message)

        def register(params: types.RegistrationParams) -> None:
            self.registered += params.registrations

        # pygls' client is not fully typed: as decorators these would not be either.
        self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(published)
        self.client.feature(types.WINDOW_LOG_MESSAGE)(logged)
        self.client.feature(types.CLIENT_REGISTER_CAPABILITY)(register)

    def open(self, uri: str, text: str, version: int = 1) -> None:
        """Open a document."""
        document = types.TextDocumentItem(uri=uri, language_id="yaml", version=version, text=text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=document))

    def change(self, uri: str, text: str, version: int) -> None:
        """Replace the text of a document."""
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                text_document=types.VersionedTextDocumentIdentifier(uri=uri, version=version),
                content_changes=[types.TextDocumentContentChangeWholeDocument(text=text)],
            )
        )

    async def wait(self, answer: Awaitable[_T]) -> _T:
        """Return an answer of the server."""
        return await asyncio.wait_for(answer, TIMEOUT_S)

    async def diagnostics(self, uri: str, version: int | None = 1) -> list[types.Diagnostic]:
        """Return the next diagnostics of this version of a document; earlier ones are dropped."""
        while True:
            params = await asyncio.wait_for(self.published.get(), TIMEOUT_S)
            if params.uri == uri and params.version == version:
                return list(params.diagnostics)

    async def check(self, uri: str, text: str) -> list[types.Diagnostic]:
        """Open a document and return its diagnostics."""
        self.open(uri, text)
        return await self.diagnostics(uri)


@asynccontextmanager
async def editor(
    folders: Sequence[Path] = (), capabilities: types.ClientCapabilities = FULL
) -> AsyncIterator[Editor]:
    """Yield an editor on `folders`, which leaves as the protocol says; the server must exit with 0."""
    one = Editor()
    await one.client.start_io(*COMMAND)
    one.server = await asyncio.wait_for(
        one.client.initialize_async(
            types.InitializeParams(
                capabilities=capabilities,
                workspace_folders=[types.WorkspaceFolder(uri=f.as_uri(), name=f.name) for f in folders],
            )
        ),
        TIMEOUT_S,
    )
    one.client.initialized(types.InitializedParams())
    try:
        yield one
        await asyncio.wait_for(one.client.shutdown_async(None), TIMEOUT_S)
    finally:
        one.client.exit(None)
        await asyncio.wait_for(one.client.stop(), TIMEOUT_S)  # type: ignore[no-untyped-call]
    process = one.client._server
    assert process is not None
    assert process.returncode == 0


def with_editor(
    talk: Callable[[Editor], Awaitable[_T]],
    folders: Sequence[Path] = (),
    capabilities: types.ClientCapabilities = FULL,
) -> _T:
    """Run a talk with a server and return what it returns."""

    async def run() -> _T:
        async with editor(folders, capabilities) as one:
            return await talk(one)

    return asyncio.run(run())
