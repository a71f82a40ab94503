"""What goes to standard error when a run ends badly, and the log of `--verbose`."""

from __future__ import annotations

import hashlib
import logging
import sys
import traceback
from typing import Final

from pratique.grammar.errors import (
    EvaluationError,
    PolicyError,
    PolicyErrors,
    PratiqueError,
    TransportError,
    VerificationError,
)
from pratique.runtime.outputs.text import plural, visible, visible_lines

CRASH: Final = 70
"""Exit code of a defect in pratique itself (`EX_SOFTWARE` of sysexits.h), never that of a verdict."""


def explain(error: Exception, *, verbose: bool) -> int:
    """Print what went wrong and return the exit code for it."""
    if verbose:
        _print("".join(traceback.format_exception(error)))
    match error:
        case PolicyErrors():
            _print(error.render())
            _print(f"\n{plural(len(error.errors), 'mistake')}")
        case PolicyError():
            _print(error.render())
        case TransportError() | EvaluationError() | VerificationError():
            _print(f"pratique: error[{error.code}]: {error.message}")
        case PratiqueError():
            _print(f"pratique: {error}")
        case _:
            return _crash(error, verbose=verbose)
    return int(error.exit_code)


def set_up_logging(*, verbose: bool, quiet: bool) -> None:
    """Send log records to standard error: all of pratique's with `verbose`, else warnings, else errors."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine("%(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.ERROR if quiet else logging.WARNING)
    logging.getLogger("pratique").setLevel(logging.DEBUG if verbose else logging.NOTSET)


class _OneLine(logging.Formatter):
    """Records that cannot drive the terminal: what a registry sends may be in them."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n    ".join(visible_lines(super().format(record)))


def _crash(error: Exception, *, verbose: bool) -> int:
    frames = traceback.extract_tb(error.__traceback__)
    place = [f"{frame.name}:{frame.lineno}" for frame in frames[-3:]]
    mark = hashlib.sha256(" ".join([type(error).__name__, *place]).encode()).hexdigest()[:8]
    _print(f"pratique: internal error {mark}: {type(error).__name__}: {visible(str(error))[:500]}")
    advice = "the trace is above" if verbose else "run again with -v for the trace"
    _print(f"  this is a defect of pratique; {advice}, and report it with the number {mark}")
    return CRASH


def _print(text: str) -> None:
    print("\n".join(visible_lines(text)), file=sys.stderr)
