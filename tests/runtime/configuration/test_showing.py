from __future__ import annotations

from pathlib import Path

from pratique.compiler.kyverno.releases import ReleaseRange
from pratique.compiler.lint.base import Severity
from pratique.runtime.configuration.files import read_configuration
from pratique.runtime.configuration.lint_settings import COMMAND_LINE, LintSettings
from pratique.runtime.configuration.lint_table import settings_of
from pratique.runtime.configuration.showing import shown


def test_defaults() -> None:
    assert shown(LintSettings(), None) == (
        "# no configuration file\n"
        "[lint]\n"
        "# select: all rules  # default\n"
        "ignore = []  # default\n"
        'min-severity = "info"  # default\n'
        'fail-level = "warning"  # default\n'
        "# target: no release in particular  # default\n"
        "# inventory: none  # default\n"
        'output = "text"  # default\n'
        "severity = {}  # default\n"
        "per-file-ignores = {}  # default\n"
    )


def test_what_is_shown_can_be_read_again_and_says_where_it_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "pratique.toml"
    path.write_text(
        '[lint]\nselect = [\n  "PRQ001",\n]\ntarget = "1.13"\n'
        '[lint.per-file-ignores]\n"a \\"b\\"\\u007f\\n" = ["PRQ001"]\n[lint.severity]\nPRQ001 = "info"\n'
    )
    file = read_configuration(path, tmp_path)
    assert file is not None
    nearer = LintSettings(ignore=("PRQ005",), origins={"ignore": COMMAND_LINE})
    merged = nearer.over(settings_of(file))
    text = shown(merged, file)
    lines = text.splitlines()
    assert lines[0] == "# pratique.toml"
    assert 'select = ["PRQ001"]  # pratique.toml:2' in lines
    assert 'ignore = ["PRQ005"]  # command line' in lines
    assert 'target = "1.13"  # pratique.toml:5' in lines
    path.write_text(text)
    again = read_configuration(path, tmp_path)
    assert again is not None
    read = settings_of(again)
    assert (read.select, read.ignore, read.target) == (("PRQ001",), ("PRQ005",), ReleaseRange.parse("1.13"))
    assert read.per_file_ignores == merged.per_file_ignores
    assert read.severity == {"PRQ001": Severity.INFO}
