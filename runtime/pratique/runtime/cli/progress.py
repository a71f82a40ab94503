"""A progress bar on standard error for work that takes long enough to be watched."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Final, TextIO

from pratique.runtime.cli.terminal import is_interactive
from pratique.runtime.outputs.text import visible

if TYPE_CHECKING:
    import rich.progress

PATIENCE_S: Final = 0.5
"""Seconds of work before a bar appears; shorter runs stay quiet and never import the library."""


class ProgressBar:
    """A context manager; an instance is the `Progress` callback of a session.

    Shows nothing where nobody watches: not a terminal, a CI job, or `quiet`.
    """

    def __init__(self, *, quiet: bool, stream: TextIO | None = None, patience_s: float = PATIENCE_S) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._enabled = not quiet and is_interactive(self._stream)
        self._due = time.monotonic() + patience_s
        self._bar: rich.progress.Progress | None = None
        self._task: rich.progress.TaskID | None = None

    def __call__(self, done: int, total: int, what: str) -> None:
        """Show that `done` of `total` steps (0: nobody knows) are behind us; `what` is the present one."""
        if not self._enabled or (self._bar is None and time.monotonic() < self._due):
            return
        bar = self._bar or self._start()
        text, most = visible(what)[:60], total or None
        if self._task is None:
            self._task = bar.add_task(text, total=most, completed=done)
        else:
            bar.update(self._task, completed=done, total=most, description=text)

    def _start(self) -> rich.progress.Progress:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (MofNCompleteColumn(), BarColumn(), TextColumn("{task.description}", markup=False))
        console = Console(file=self._stream, force_terminal=True)
        self._bar = Progress(*columns, console=console, transient=True)
        self._bar.start()
        return self._bar

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()
