"""Options and fixtures of all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says more about a busy machine than about the code; `tests/bench` has the budgets.
settings.register_profile("pratique", deadline=None)
settings.load_profile("pratique")

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite-golden",
        action="store_true",
        help="write the files that tests compare with instead of comparing; review the difference afterwards",
    )


@pytest.fixture(scope="session")
def _folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders in which the public trust root comes from a mirror that nobody answers for: no network."""
    base = tmp_path_factory.mktemp("user")
    (base / "config/pratique/roots").mkdir(parents=True)
    (base / "config/pratique/roots/public.json").write_text('{"mirror": "http://127.0.0.1:9"}')
    return base


@pytest.fixture(autouse=True)
def _user(_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's own configuration and caches out of tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(_folders / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(_folders / "config"))


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
