"""What the server writes about its work: lines of text for people, or JSON for machines."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any, Final

from pratique.runtime.phases import CURRENT

MAX_FIELD: Final = 1024
"""Characters of one field: names and messages may be long (W19)."""

LEVELS: Final = ("debug", "info", "warning", "error")


def write_logs(*, as_json: bool, level: str) -> None:
    """Write log records to standard error from now on, those of libraries from warnings up."""
    handler = _StandardError()
    handler.setFormatter(JsonLines() if as_json else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("pratique").setLevel(level.upper())


class _StandardError(logging.Handler):
    """Writes to standard error, whatever that is at the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except Exception:
            self.handleError(record)


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        line: dict[str, Any] = {"time": _time(record), "level": record.levelname.lower()}
        line |= {"logger": record.name, "message": _cut(record.getMessage())}
        line |= {name: _cut(value) for name, value in _fields(record).items()}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line)


class TextLines(logging.Formatter):
    """One line for people; what a stranger wrote is shown as one line, without what moves a cursor."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        parts = [_time(record), record.levelname, _shown(record.getMessage())]
        parts += [f"{name}={_quoted(value)}" for name, value in _fields(record).items()]
        line = " ".join(parts)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _fields(record: logging.LogRecord) -> dict[str, str]:
    """Return the fields of a record; first those of the review that the work is for, if any."""
    fields = getattr(record, "fields", None)
    review = CURRENT.get()
    about = {"uid": review.uid} if review and review.uid else {}
    if review and review.spans:
        about["trace_id"] = review.spans.trace
    return about | (fields if isinstance(fields, dict) else {})


def _time(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_FIELD else text[: MAX_FIELD - 3] + "..."


def _shown(text: str) -> str:
    line = " ".join(_cut(text).split())
    return "".join(c if c.isprintable() else "?" for c in line)


def _quoted(text: str) -> str:
    shown = _shown(text)
    return json.dumps(shown, ensure_ascii=False) if not shown or {" ", '"', "="} & set(shown) else shown
