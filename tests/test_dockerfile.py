"""The Dockerfile, read instruction by instruction; building it takes a builder and registries."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHART = ROOT / "runtime/chart"


@dataclass(frozen=True)
class Instruction:
    name: str
    text: str

    @property
    def words(self) -> list[str]:
        return self.text.split()


def instructions() -> list[Instruction]:
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    split = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [Instruction(name, text) for name, text in split]


def stages() -> list[list[Instruction]]:
    """Return the instructions of each stage, FROM first; those before the first stage are left out."""
    found: list[list[Instruction]] = []
    for each in instructions():
        if each.name == "FROM":
            found.append([])
        if found:
            found[-1].append(each)
    return found


def of(name: str, stage: list[Instruction]) -> list[Instruction]:
    return [each for each in stage if each.name == name]


def test_bases_are_pinned_by_tag_and_by_a_digest_that_must_be_given() -> None:
    arguments = dict(each.text.partition("=")[::2] for each in instructions() if each.name == "ARG")
    own = {"scratch"}
    for stage in stages():
        image, *alias = stage[0].words
        if image not in own:
            found = re.fullmatch(r"\$\{(\w+)\}@\$\{(\w+)\}", image)
            assert found, image
            assert re.search(r"[^/]:[a-z0-9.-]+$", arguments[found[1]]), "no tag"
            assert arguments[found[2]] == "", "a digest of ours would be old"
        own.update(alias[1:])


def test_compiled_packages_meet_the_python_that_they_were_built_for() -> None:
    arguments = dict(each.text.partition("=")[::2] for each in instructions() if each.name == "ARG")
    assert ":3.13-slim-trixie" in arguments["BUILD_IMAGE"]
    assert "python3-debian13:" in arguments["BASE_IMAGE"]  # Debian 13 is trixie, and has Python 3.13


def test_the_image_has_no_shell_no_root_and_nothing_is_run_in_it() -> None:
    last = stages()[-1]
    assert {each.name for each in last} <= {
        "FROM",
        "COPY",
        "ENV",
        "USER",
        "WORKDIR",
        "EXPOSE",
        "ENTRYPOINT",
        "CMD",
        "LABEL",
    }
    [user] = of("USER", last)
    assert all(int(part) > 0 for part in user.text.split(":"))
    for name in ("ENTRYPOINT", "CMD"):
        [command] = of(name, last)
        assert all(isinstance(part, str) for part in json.loads(command.text))
    assert all(each.text.startswith("--from=build ") for each in of("COPY", last))
    assert ":debug" not in (ROOT / "Dockerfile").read_text()


def test_the_chart_runs_what_the_image_has() -> None:
    last = stages()[-1]
    helpers = (CHART / "templates/_helpers.tpl").read_text()
    [user] = of("USER", last)
    assert f"runAsUser: {user.text.partition(':')[0]}\n" in helpers
    [port] = of("EXPOSE", last)
    assert f"containerPort: {port.text}\n" in (CHART / "templates/deployment.yaml").read_text()
    [entry] = of("ENTRYPOINT", last)
    test = (CHART / "templates/tests/answers.yaml").read_text()
    assert f"command: [{json.loads(entry.text)[0]}, -c]" in test


def test_what_is_built_from_is_there_and_not_ignored() -> None:
    copied = {
        part for each in of("COPY", stages()[0]) for part in each.words[:-1] if not part.startswith("--")
    }
    ignored = (ROOT / ".dockerignore").read_text().split("\n")
    assert "*" in ignored
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    assert all((ROOT / part).exists() for part in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    needed = {project["project"]["readme"], "pyproject.toml", *(path.partition("/")[0] for path in wheel)}
    assert needed <= copied


def test_nothing_downloaded_is_executed_while_building() -> None:
    """Source distributions run code of theirs when they are installed; wheels do not."""
    installs = [each.text for each in of("RUN", stages()[0]) if "install" in each.text]
    assert installs
    assert all("--only-binary=:all:" in text for text in installs)


def test_how_the_list_of_materials_is_made_is_documented() -> None:
    """One way to make it, in the Dockerfile and on the page."""
    page = (ROOT / "docs/delivery.md").read_text()
    assert "--target sbom" in page
    tool = re.search(r"cyclonedx-bom[^\"]*", (ROOT / "Dockerfile").read_text())
    assert tool
    assert tool[0] in page
