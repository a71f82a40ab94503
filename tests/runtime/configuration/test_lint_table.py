from __future__ import annotations

from pathlib import Path

import pytest

from pratique.compiler.kyverno.releases import ReleaseRange
from pratique.compiler.lint.base import Severity
from pratique.grammar.errors import PolicyErrors
from pratique.runtime.configuration.file_globs import FileGlob
from pratique.runtime.configuration.files import read_configuration
from pratique.runtime.configuration.lint_settings import LintSettings
from pratique.runtime.configuration.lint_table import settings_of


def settings(folder: Path, text: str) -> LintSettings:
    path = folder / "pratique.toml"
    path.write_text(text)
    file = read_configuration(path, folder)
    assert file is not None
    return settings_of(file)


def test_every_setting(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """\
[lint]
select = ["PRQ001", "wildcard-crosses-host", "prq005"]
ignore = "PRQ005"
min-severity = "warning"
fail-level = "error"
target = "1.13..1.19"
inventory = "images.txt"
output = "sarif"

[lint.severity]
image-pattern-matches-nothing = "info"

[lint.per-file-ignores]
"examples/**" = ["PRQ001", "PRQ004"]
""",
    )
    assert found == LintSettings(
        select=("PRQ001", "PRQ004", "PRQ005"),
        ignore=("PRQ005",),
        min_severity=Severity.WARNING,
        fail_level=Severity.ERROR,
        target=ReleaseRange.parse("1.13..1.19"),
        inventory=str(tmp_path / "images.txt"),
        output="sarif",
        severity={"PRQ001": Severity.INFO},
        per_file_ignores=((FileGlob("examples/**", tmp_path), ("PRQ001", "PRQ004")),),
        origins=found.origins,
    )
    assert set(found.origins.values()) == {"pratique.toml"}


def test_no_table_and_an_empty_one_give_nothing(tmp_path: Path) -> None:
    assert settings(tmp_path, "") == settings(tmp_path, "[lint]\n") == LintSettings()


@pytest.mark.parametrize(
    ("text", "message", "help"),
    [
        (
            "[lnt]\n",
            "1:2: there is no table `lnt`",
            "did you mean `lint`?",
        ),
        ("x = 1\n", "1:1: there is no table `x`", "there is `lint`"),
        (
            "[lint]\nselct = []\n",
            "2:1: there is no setting `selct`",
            "did you mean `select`?",
        ),
        (
            "[lint]\nmin_severity = 'info'\n",
            "2:1: there is no setting `min_severity`",
            "did you mean `min-severity`?",
        ),
        (
            "[lint]\nselect = ['PRQ001',\n  'PRQ01']\n",
            "3:3: there is no rule `PRQ01`",
            "did you mean `PRQ",
        ),
        (
            "[lint]\nselect = ['zzz']\n",
            "2:11: there is no rule `zzz`",
            "`pratique rule` lists the rules",
        ),
        (
            "[lint]\nselect = 1\n",
            "2:1: `select` must be a list of texts",
            "",
        ),
        ("[lint]\nselect = [1]\n", "2:1: `select` must hold texts", ""),
        (
            "[lint]\nmin-severity = 'warn'\n",
            "2:16: `warn` is no severity",
            "did you mean `warning`?",
        ),
        (
            "[lint]\nfail-level = true\n",
            "2:1: `fail-level` must be a text, not a boolean",
            "",
        ),
        (
            "[lint]\ntarget = '2'\n",
            "2:10: '2' is no release such as 1.19",
            "",
        ),
        ("[lint]\ntarget = 1.19\n", "2:1: `target` must be a text", ""),
        (
            "[lint]\ntarget = '1.19..1.10'\n",
            "2:10: '1.19..1.10' ends",
            "",
        ),
        ("[lint]\ntarget = '1.8'\n", "2:10: '1.8' is too old", ""),
        (
            "[lint]\noutput = 'xml'\n",
            "2:10: there is no format `xml`",
            "there are `text`",
        ),
        (
            "[lint]\ninventory = 'cluster'\n",
            "2:13: a file cannot ask for the cluster",
            "",
        ),
        ("lint = 1\n", "1:1: `lint` must be a table, not a number", ""),
        (
            "[lint]\nseverity = { PRQ001 = 'err', PRQ9 = 'error' }\n",
            "2:23: `err` is no severity",
            "did you mean `error`?",
        ),
        (
            "[lint]\nseverity = []\n",
            "2:1: `severity` must be a table",
            "",
        ),
        (
            "[lint]\nper-file-ignores = 1979-05-27\n",
            "2:1: `per-file-ignores` must be a table of files and rules, not a date",
            "",
        ),
        (
            "[lint.per-file-ignores]\n'a' = ['PRQ001']\n'b' = ['nope']\n",
            "3:8: there is no rule `nope`",
            "",
        ),
    ],
)
def test_mistakes_have_places_and_suggestions(tmp_path: Path, text: str, message: str, help: str) -> None:
    with pytest.raises(PolicyErrors) as raised:
        settings(tmp_path, text)
    first = raised.value.errors[0]
    told = str(first).removeprefix("pratique.toml:").replace(" error[wrong-setting]:", "")
    assert told.startswith(message)
    assert first.help.startswith(help)


def test_all_mistakes_are_told(tmp_path: Path) -> None:
    with pytest.raises(PolicyErrors) as raised:
        settings(tmp_path, "[lint]\nselct = 1\ntarget = 'x'\nignore = ['no', 'none']\n[other]\n")
    assert len(raised.value.errors) == 5
