from __future__ import annotations

import builtins
import sys
from typing import Any

import pytest

from pratique.runtime.cli import main
from pratique.runtime.cli.parser import load


def test_without_the_extra_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] in ("pygls", "lsprotocol"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return original(name, *rest)

    for name in [name for name in sys.modules if name.startswith("pratique.runtime.language_server")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", refuse)
    assert main(["lsp"]) == 2
    assert "pip install 'pratique[lsp]'" in capsys.readouterr().err


def test_the_command_is_loaded_without_the_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in ("pygls", "lsprotocol")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "pratique.runtime.cli.lsp", raising=False)
    assert load("lsp").NAME == "lsp"
    assert "pygls" not in sys.modules
