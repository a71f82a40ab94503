"""Options and fixtures of all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite-golden",
        action="store_true",
        help="write the files that tests compare with instead of comparing; review the difference afterwards",
    )


Golden = Callable[[str | Path, str], None]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Return a function that compares a text with a file: a name in `tests/golden`, or a path of its own."""
    rewrite: bool = request.config.getoption("--rewrite-golden")

    def compare(name: str | Path, text: str) -> None:
        path = GOLDEN / name
        if rewrite:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            return
        if not path.exists():
            pytest.fail(f"{path} is missing: run pytest --rewrite-golden and review it")
        assert text == path.read_text(encoding="utf-8")

    return compare
