from __future__ import annotations

import tomllib

import pytest

from pratique.grammar.source import Source
from pratique.runtime.configuration.toml_places import locate, syntax_error

TEXT = '''\
# select = []
title = "select"

[other]
select = """
[lint]
select = 1
"""

[lint]
select = [
  "PRQ001", # "PRQ005"
  'PRQ005',
]
"min-severity" = "info"
severity = { PRQ001 = "error", PRQ005 = "info" }
table.inner.key = 1

[lint.per-file-ignores]
"a b/**" = ["PRQ001"]
'''


def at(path: str, value: str | None = None) -> str:
    place = locate(Source("p", TEXT), path.split("/"), value)
    line = place.source.line(place.span.start.line)
    return f"{place.span.start.line}: {line[place.span.start.column - 1 : place.span.end.column - 1]}"


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("title", None, "2: title"),
        ("other/select", None, "5: select"),
        ("lint", None, "10: lint"),
        ("lint/select", None, "11: select"),
        ("lint/select", "PRQ001", '12: "PRQ001"'),
        ("lint/select", "PRQ005", '12: "PRQ005"'),
        ("lint/min-severity", None, '15: "min-severity"'),
        ("lint/min-severity", "info", '15: "info"'),
        ("lint/severity/PRQ005", None, "16: PRQ005"),
        ("lint/table/inner/key", None, "17: key"),
        ("lint/per-file-ignores", None, "19: per-file-ignores"),
    ],
)
def test_keys_and_values(path: str, value: str | None, found: str) -> None:
    assert at(path, value) == found


def test_quoted_keys() -> None:
    place = locate(Source("p", TEXT), ["lint", "per-file-ignores", "a b/**"])
    assert str(place) == "p:20:1"


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("a = \n", "Invalid value", "p:1:5"),
        ("a = 1\nb = [1,\n", "Invalid value", "p:2:7"),
        ("a = 1\na = 2\n", "Cannot overwrite a value", "p:2:6"),
        ("a = [" + "[" * 100_000, "", "p:1:100005"),
    ],
)
def test_syntax_errors(text: str, message: str, place: str) -> None:
    with pytest.raises((ValueError, RecursionError)) as raised:
        tomllib.loads(text)
    source = Source("p", text)
    found, where = syntax_error(source, raised.value)
    assert message in found
    assert "(at " not in found
    assert str(where) == place
