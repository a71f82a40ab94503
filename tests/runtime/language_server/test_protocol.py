from __future__ import annotations

import pytest
from lsprotocol import types

from pratique.runtime.language_server.protocol import FIX_ALL, is_wanted


@pytest.mark.parametrize(
    ("kind", "only", "expected"),
    [
        ("quickfix", None, True),
        ("quickfix", [], True),
        ("quickfix", [types.CodeActionKind.QuickFix], True),
        ("quickfix", ["source"], False),
        (FIX_ALL, [types.CodeActionKind.SourceFixAll], True),
        (FIX_ALL, ["source"], True),
        (FIX_ALL, ["source.fixAll.pratique"], True),
        (FIX_ALL, ["source.fixAll.ruff", "quickfix"], False),
        (FIX_ALL, ["source.fix"], False),
        (FIX_ALL, [""], True),
    ],
)
def test_kinds_lie_within_kinds(
    kind: str, only: list[types.CodeActionKind | str] | None, expected: bool
) -> None:
    assert is_wanted(kind, only) is expected
