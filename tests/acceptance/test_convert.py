"""Classic image policies of the library and of the differential cases: each has a proof or a witness."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique.compiler.converting.proof import Status
from pratique.grammar.source import Source
from pratique.runtime.converting import Converted, Options, convert_inputs
from pratique.runtime.inputs import Inputs, read_inputs

ROOT = Path(__file__).parents[2]
CASES = ROOT.parent / "shared/differential/cases"
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
TEXTS = {"REGISTRY": "127.0.0.1:5000", "REKOR_URL": "http://127.0.0.1:9", "DEAD_REGISTRY": "127.0.0.1:9"}
KEY = "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n"
REFUSED = {
    "dig-mutate-audit",
    "key-algo-unknown",
    "key-three-pems-count2",
    "key-three-pems-count2-fail",
    "sets-count-too-big",
    "sets-count-zero",
    "sets-empty-entries",
}
"""Cases whose policy Kyverno refuses."""


def told(found: Converted) -> bool:
    """Say whether a policy is proved, or carries a witness, or the reason why neither is known."""
    if found.status is Status.EQUIVALENT:
        return bool(found.texts)
    if found.differences:
        return all(each.witness and each.location for each in found.differences)
    assert found.proved is not None
    return bool(
        found.proved.unknown or found.proved.refuted or found.proved.images or found.proved.comparison
    )


@pytest.mark.parametrize("for_pratique", [True, False])
def test_the_library(for_pratique: bool) -> None:
    report = convert_inputs(read_inputs([str(ROOT / "policies")]), Options(for_pratique=for_pratique))
    assert not report.mistakes
    assert len(report.converted) >= 20
    for found in report.converted:
        codes = {each.code for each in found.differences}
        if for_pratique:
            assert found.status is Status.EQUIVALENT, (str(found.document.location()), found.proved)
        else:
            assert codes <= {"certificate-extensions"}
        assert told(found)


def filled(data: Any) -> Any:
    """Return a case with texts for its variables."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name.startswith("KEYS_"):
            return "".join(KEY.format(letter * 8) for letter in name.removeprefix("KEYS_"))
        return TEXTS.get(name, KEY.format(name.replace("_", "")))

    match data:
        case str():
            return VARIABLE.sub(value, data)
        case dict():
            return {key: filled(item) for key, item in data.items()}
        case list():
            return [filled(item) for item in data]
        case _:
            return data


@pytest.mark.skipif(not CASES.is_dir(), reason="needs the differential cases beside the project")
def test_the_differential_cases() -> None:
    counts = dict.fromkeys(Status, 0)
    for path in sorted(CASES.glob("*.yaml")):
        policies = filled(yaml.safe_load(path.read_text()))["policies"]
        source = Source(path.name, yaml.safe_dump_all(policies, sort_keys=False))
        report = convert_inputs(Inputs(sources=(source,)), Options(for_pratique=True))
        assert bool(report.mistakes) is (path.stem in REFUSED), path.stem
        for found in report.converted:
            assert told(found), path.stem
            counts[found.status] += 1
    assert counts[Status.EQUIVALENT] >= 130
    assert sum(counts.values()) - counts[Status.EQUIVALENT] <= 20
