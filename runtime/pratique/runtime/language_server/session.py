"""What is open, and what was found in it; when to look again.

The event loop keeps the books, one worker thread asks the compiler. A text is analysed once it has not
changed for a moment, and an answer about a text that has changed meanwhile is dropped.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from pratique.grammar.source import Source
from pratique.runtime.language_server.analysis import Analysis, analyse
from pratique.runtime.language_server.documents import OpenDocument
from pratique.runtime.language_server.neighbours import Neighbours, unsaved_policies

SETTLE_S: Final = 0.15
"""Seconds without a change after which a text is analysed."""

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class Session:
    """The documents of one editor.

    Args:
        publish: shows an analysis; called in the event loop, for the current text of a document only.
        note: tells the user something once.
        settle_s: seconds without a change after which a text is analysed.
    """

    def __init__(
        self, publish: Callable[[Analysis], None], note: Callable[[str], None], settle_s: float = SETTLE_S
    ) -> None:
        self._publish = publish
        self._note = note
        self._settle_s = settle_s
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pratique")
        self._neighbours = Neighbours()
        self._open: dict[str, OpenDocument] = {}
        self._found: dict[str, tuple[OpenDocument, asyncio.Task[Analysis]]] = {}
        self._due: dict[str, asyncio.Task[None]] = {}
        self._folders: tuple[Path, ...] = ()
        self._told: set[str] = set()

    # --- what the editor says --------------------------------------------------------------------------

    def set_folders(self, folders: list[Path]) -> None:
        """Take these as the folders of the workspace."""
        self._folders = tuple(sorted(folders, key=lambda folder: len(folder.parts), reverse=True))
        self.look_at_folders()

    def look_at_folders(self) -> None:
        """Look through the folders again, and at all documents."""
        self._neighbours.look_again()
        for uri in self._open:
            self._schedule(uri, self._settle_s)

    def put(self, document: OpenDocument, *, now: bool = False) -> None:
        """Take a text as the current one of its document, and analyse it and the others beside it."""
        self._open[document.uri] = document
        for uri in sorted(self._open, key=lambda uri: uri != document.uri):
            self._schedule(uri, 0 if now and uri == document.uri else self._settle_s)

    def close(self, uri: str) -> None:
        """Forget a document; beside the others stands what is on the disk again."""
        self._open.pop(uri, None)
        self._found.pop(uri, None)
        if task := self._due.pop(uri, None):
            task.cancel()
        self.look_at_folders()

    def stop(self) -> None:
        """Let go of the worker; what it does is lost."""
        for task in self._due.values():
            task.cancel()
        self._worker.shutdown(wait=False, cancel_futures=True)

    # --- what is found ---------------------------------------------------------------------------------

    def document(self, uri: str) -> OpenDocument | None:
        """Return a document as it stands now; None where it is not open."""
        return self._open.get(uri)

    async def analysis(self, uri: str) -> Analysis | None:
        """Return what is known about the current text of a document; None where it is not open."""
        document = self._open.get(uri)
        if document is None:
            return None
        known, task = self._found.get(uri, (None, None))
        if task is None or known is not document:
            task = self._start(document)
        return await asyncio.shield(task)

    async def ask(self, question: Callable[[], _T]) -> _T:
        """Return the answer to a question for the compiler, asked in its thread."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, question)

    def _schedule(self, uri: str, delay_s: float) -> None:
        if task := self._due.get(uri):
            task.cancel()
        self._due[uri] = asyncio.get_running_loop().create_task(self._later(uri, delay_s))

    async def _later(self, uri: str, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        document = self._open.get(uri)
        if document is None:
            return
        try:
            found = await asyncio.shield(self._start(document))
        except Exception:  # a defect must cost one analysis, not the session
            _log.exception("%s could not be analysed", document.source.name)
            self._tell("pratique could not analyse a document; its log says why")
            return
        if self._open.get(uri) is document:
            self._publish(found)
        self._tell(self._neighbours.notice)
        self._tell(found.notice)

    def _start(self, document: OpenDocument) -> asyncio.Task[Analysis]:
        folder = self._folder_of(document)
        unsaved = [
            other.source
            for other in self._open.values()
            if other is not document and self._folder_of(other) == folder
        ]
        task = asyncio.get_running_loop().create_task(self.ask(lambda: self._work(document, folder, unsaved)))
        self._found[document.uri] = document, task
        return task

    def _work(self, document: OpenDocument, folder: Path | None, unsaved: list[Source]) -> Analysis:
        """Analyse a document beside the files of its folder, and beside what other documents hold unsaved."""
        beside = self._neighbours.policies(folder) if folder else {}
        beside.update((source.name, unsaved_policies(source)) for source in unsaved)
        return analyse(document, beside)

    def _folder_of(self, document: OpenDocument) -> Path | None:
        path = Path(document.source.name)
        return next((folder for folder in self._folders if path.is_relative_to(folder)), None)

    def _tell(self, text: str) -> None:
        if text and text not in self._told:
            self._told.add(text)
            self._note(text)
