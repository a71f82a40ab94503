from __future__ import annotations

from pratique.runtime.cli.manual import manual
from pratique.runtime.cli.parser import COMMANDS
from tests.conftest import ROOT, Golden


def test_the_page_says_what_help_says(golden: Golden) -> None:
    golden(ROOT / "docs" / "cli.md", manual())


def test_the_page_has_every_command() -> None:
    page = manual()
    assert all(f"\n## pratique {name}\n" in page for name in COMMANDS)
    assert page.count("```") % 2 == 0
    assert page.isascii()
