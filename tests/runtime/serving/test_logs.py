import json
import logging
from typing import Any

import pytest

from pratique.runtime.serving.logs import MAX_FIELD, JsonLines, TextLines, write_logs


def record(message: str, **fields: str) -> logging.LogRecord:
    made = logging.LogRecord("pratique.x", logging.WARNING, "f", 1, message, (), None)
    made.created, made.msecs = 1_700_000_000.25, 250
    made.fields = fields
    return made


def test_json_lines_hold_the_fields() -> None:
    line = JsonLines().format(record("denied", uid="u", because="a\nb\x1b[31m"))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "warning",
        "logger": "pratique.x",
        "message": "denied",
        "uid": "u",
        "because": "a\nb\x1b[31m",
    }


def test_w19_fields_are_bounded() -> None:
    line = json.loads(JsonLines().format(record("m", name="x" * 5000)))
    assert len(line["name"]) == MAX_FIELD
    assert len(TextLines().format(record("m", name="x" * 5000))) < MAX_FIELD + 100


def test_k34_text_lines_are_one_line_and_move_no_cursor() -> None:
    line = TextLines().format(record("denied", name="a\x1b[31m\nINFO forged=1", user="me", empty=""))
    assert line == '2023-11-14T22:13:20.250Z WARNING denied name="a?[31m INFO forged=1" user=me empty=""'


def test_levels(capsys: pytest.CaptureFixture[str]) -> None:
    root, logger = logging.getLogger(), logging.getLogger("pratique")
    before: tuple[list[Any], int, int] = (list(root.handlers), root.level, logger.level)
    try:
        write_logs(as_json=True, level="info")
        logging.getLogger("pratique.admission").info("told")
        logging.getLogger("pratique.admission").debug("not told")
        write_logs(as_json=False, level="error")
        logging.getLogger("pratique.admission").warning("neither")
    finally:
        root.handlers[:] = before[0]
        root.setLevel(before[1])
        logger.setLevel(before[2])
    said = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["message"] for line in said] == ["told"]
