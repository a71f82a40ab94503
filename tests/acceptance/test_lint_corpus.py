"""No false alarms: every finding of lint in `policies/` and in public suites has been reviewed.

`tests/data/lint/reviewed.yaml` lists what was found, with the reason why it is right. A finding that is not
listed fails these tests, and so does one that is listed and no longer found. After a change of a rule:

    python3 dev.py test tests/acceptance/test_lint_corpus.py --rewrite-golden

writes the list anew, reasons kept. Look at what is new: write why it is right behind `why`, or mend the rule.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest
import yaml

from pratique.compiler.lint.base import Finding
from pratique.runtime.linting import lint
from tests.conftest import ROOT

REVIEWED = ROOT / "tests/data/lint/reviewed.yaml"
VISIBLE = ROOT.parent / "shared/conformance/visible"

UNREAD = frozenset({"no-policy", "unsupported-kind", "unsupported-field"})
"""What is said of files in which there is nothing that this version lints."""


class Claim(NamedTuple):
    """What was found: the code of the rule, or of the mistake, and the text that it was found at."""

    code: str
    at: str


Found: TypeAlias = set[tuple[Claim, str]]
"""Claims, each with the file that it is about."""


def claims(paths: Sequence[Path], root: Path) -> Found:
    """Return what lint finds in files and folders that it is given together."""
    report = lint([str(path) for path in paths])
    found = (*report.findings, *(m for m in report.mistakes if m.code not in UNREAD))
    return {(Claim(each.code, _text(each)), _file(each, root)) for each in found}


def _text(finding: Finding) -> str:
    """Return the first line of what stands at the place of a finding."""
    if finding.location is None:
        return finding.problem.message
    source, (start, end) = finding.location.source, finding.location.span
    line = source.line(start.line)
    stop = end.column - 1 if end.line == start.line else len(line)
    return line[start.column - 1 : stop].strip()


def _file(finding: Finding, root: Path) -> str:
    return os.path.relpath(finding.location.source.name, root) if finding.location else ""


def reviewed(corpus: str) -> list[dict[str, Any]]:
    """Return what is listed of a corpus: groups of `code`, `at`, `why` and `files`."""
    groups: list[dict[str, Any]] = yaml.safe_load(REVIEWED.read_text(encoding="utf-8"))[corpus]
    return groups


def listed(corpus: str) -> Found:
    return {
        (Claim(group["code"], group["at"]), file) for group in reviewed(corpus) for file in group["files"]
    }


def compare(corpus: str, found: Found, *, rewrite: bool) -> None:
    """Fail where anything was found that is not listed, or is listed and was not found."""
    if rewrite:
        _write(corpus, found)
    new, gone = found - listed(corpus), listed(corpus) - found
    assert not new, _shown("found, and not reviewed", new)
    assert not gone, _shown("reviewed, and found no longer", gone)
    unexplained = [group for group in reviewed(corpus) if not group["why"]]
    assert not unexplained, f"say why these are right: {unexplained}"


def _shown(what: str, found: Iterable[tuple[Claim, str]]) -> str:
    rows = (f"{file}: {claim.code} at {claim.at}" for claim, file in sorted(found))
    return "\n".join([f"{what}; see the top of {Path(__file__).name}:", *rows])


def _write(corpus: str, found: Found) -> None:
    everything = yaml.safe_load(REVIEWED.read_text(encoding="utf-8"))
    reasons = {Claim(group["code"], group["at"]): group["why"] for group in everything[corpus]}
    files = defaultdict(list)
    for claim, file in sorted(found):
        files[claim].append(file)
    everything[corpus] = [
        {**claim._asdict(), "why": reasons.get(claim, ""), "files": names} for claim, names in files.items()
    ]
    text = yaml.safe_dump(everything, sort_keys=False, allow_unicode=True, width=140)
    REVIEWED.write_text(text, encoding="utf-8")


@pytest.fixture
def rewrite(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--rewrite-golden"))


def test_policies_of_this_project(rewrite: bool) -> None:
    folder = ROOT / "policies"
    # A file for a lab, or an earlier state, has the name of the policy it replaces: each is linted by itself.
    found = {claim for file in sorted(folder.glob("*/*.yaml")) for claim in claims([file], ROOT)}
    together = [*sorted(folder.glob("*/policy.yaml")), folder / "control-plane/improved.yaml"]
    compare("policies", found | claims(together, ROOT), rewrite=rewrite)


@pytest.mark.skipif(not VISIBLE.exists(), reason="the public suites (../shared/conformance) are not here")
def test_policies_of_public_suites(rewrite: bool) -> None:
    found = {claim for folder in _suites() for claim in claims([folder], VISIBLE)}
    compare("public suites", found, rewrite=rewrite)


def _suites() -> Iterator[Path]:
    """Yield folders of policies that belong together: those about one subject, and those of one suite."""
    yield from sorted(path for path in (VISIBLE / "policies").iterdir() if path.is_dir())
    tests = (VISIBLE / "cli").rglob("kyverno-test.yaml")
    yield from sorted({path.parent for path in tests})


def test_a_new_finding_fails_until_it_is_reviewed() -> None:
    known = listed("policies")
    new = (Claim("PRQ001", "docker.io/"), "policies/new.yaml")
    with pytest.raises(AssertionError, match=r"not reviewed.*\n.*policies/new.yaml: PRQ001 at docker.io/"):
        compare("policies", known | {new}, rewrite=False)
    with pytest.raises(AssertionError, match="found no longer"):
        compare("policies", known - {next(iter(known))}, rewrite=False)
