"""Reports that every form of a plan is tested with."""

from __future__ import annotations

from pathlib import Path

import pytest

from pratique.runtime.explaining import ExplainReport
from tests.support_explain import made

REPORTS = ("story", "why", "ran", "everything", "hostile")


@pytest.fixture(params=REPORTS)
def plan(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ExplainReport:
    """Return each of the reports."""
    return made(request.param, monkeypatch, tmp_path)
