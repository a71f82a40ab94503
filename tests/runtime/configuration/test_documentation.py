"""What `docs/lint-configuration.md` shows is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique.compiler.lint.directives import directives
from pratique.grammar.source import Source
from pratique.runtime.cli import main
from pratique.runtime.cli.lint import BY_SEVERITY
from pratique.runtime.cli.parser import command_parser
from pratique.runtime.configuration.files import read_configuration
from pratique.runtime.configuration.lint_table import settings_of
from pratique.runtime.configuration.showing import shown
from pratique.runtime.outputs.findings_formats import FORMATS
from tests.conftest import ROOT
from tests.test_pre_commit import hooks

PAGE = (ROOT / "docs/lint-configuration.md").read_text()


def fences(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def headed(comment: str) -> dict[str, Any]:
    [text] = [text for text in fences("yaml") if text.startswith(f"# {comment}\n")]
    found: dict[str, Any] = yaml.safe_load(text)
    return found


STEPS = headed(".github/workflows/policies.yaml")["jobs"]["lint"]["steps"]


def test_the_file_can_be_read_and_has_every_setting_but_select(tmp_path: Path) -> None:
    [text] = fences("toml")
    path = tmp_path / "pratique.toml"
    path.write_text(text)
    file = read_configuration(path, tmp_path)
    assert file is not None
    settings = settings_of(file)
    every = {line.split(" = ")[0].removeprefix("# ") for line in shown(settings, file).splitlines()[2:]}
    given = {name.replace("-", "_") for name in every if not name.startswith("select")}
    assert given == set(settings.origins)


def test_the_mistake_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [text] = [text for text in fences("text") if "wrong-setting" in text]
    path = tmp_path / "pratique.toml"
    path.write_text('[lint]\nignor = ["PRQ005"]\n')
    main(["lint", str(tmp_path), "--config", str(path)])
    assert capsys.readouterr().err.replace(f"{tmp_path}/", "").startswith(text)


def test_the_ignores_are_ignores() -> None:
    [text] = [text for text in fences("yaml") if "ignore[" in text]
    found = directives(Source("p", text))
    assert [(each.names, bool(each.reason), str(each.until)) for each in found] == [
        (("PRQ033",), True, "None"),
        (("PRQ005",), True, "None"),
        (("PRQ001",), True, "2027-01-31"),
    ]


@pytest.mark.parametrize(
    "command",
    [step["run"] for step in STEPS if "run" in step] + headed(".gitlab-ci.yml")["lint-policies"]["script"],
)
def test_commands_of_pipelines_can_be_parsed(command: str) -> None:
    program, name, *arguments = command.split()
    if program == "pratique":
        assert command_parser(name).parse_intermixed_args(arguments).policies == ["policies/"]
    else:
        assert command == "pip install pratique"


def test_hooks_are_those_that_there_are() -> None:
    [repository] = headed(".pre-commit-config.yaml")["repos"]
    assert {hook["id"] for hook in repository["hooks"]} == set(hooks())


def test_formats_and_codes_are_all_there() -> None:
    assert all(f"`{name}`" in PAGE for name in FORMATS)
    assert ", ".join(map(str, sorted(BY_SEVERITY.values()))) in PAGE
