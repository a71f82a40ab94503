"""Every format of scans: as it stands in `tests/golden/scans`, and as `apply` has it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from pratique.compiler.ir import Action
from pratique.runtime.decision import Report, RuleResult, Status
from pratique.runtime.outputs import formats as of_apply
from pratique.runtime.outputs.formats import Grouping, RenderOptions
from pratique.runtime.outputs.report_groups import MAX_RESULTS
from pratique.runtime.outputs.scans.formats import FORMATS, pieces
from pratique.runtime.outputs.scans.scanned import ImageCount
from pratique.runtime.outputs.view import Row, View, row_of, tally
from tests.conftest import Golden
from tests.support_reports import resource, result, signed, skipped, unreachable, wrongly_signed
from tests.support_schemas import schema_errors

OTHER = "registry.k8s.io/other:1"


class Given:
    """A scan of given results."""

    def __init__(self, results: Sequence[RuleResult]) -> None:
        self.results = results
        self.policies, self.rules, self.resources = 2, 3, len(results) + 1
        self.notices = ("a <word>",)
        self.roots = [{"name": "r", "digest": "sha256:ab", "source": "file", "place": "r.json"}]
        self.summary = tally([row_of(each) for each in results])
        none = dict.fromkeys(Status, 0)
        self.images = [
            ImageCount(OTHER, {**none, Status.PASS: 2}),
            ImageCount("registry.k8s.io/etcd:3.5.7-0", {**none, Status.PASS: 1, Status.FAIL: 4}),
        ]

    def rows(self) -> Iterator[Row]:
        return iter([row_of(each) for each in self.results])


RESULTS = (
    result((signed(),), of=resource("a", uid="1")),
    result((skipped(),), of=resource("a", uid="1"), policy="whole", rule="second"),
    *(result((wrongly_signed(),), of=resource(name, uid=name)) for name in ("b", "c", "d", "e")),
    result((unreachable(),), of=resource("node\x1b", kind="Node", namespace=""), policy="whole"),
    result((wrongly_signed(),), of=resource("f"), policy="unscored", scored=False, action=Action.AUDIT),
)


def rendered(form: str, results: Sequence[RuleResult] = RESULTS, **options: Any) -> str:
    return "".join(pieces(form, Given(results), RenderOptions(**options)))


def of_apply_(form: str, results: Sequence[RuleResult] = RESULTS, **options: Any) -> str:
    return of_apply.render(form, View(Report(results=tuple(results))), RenderOptions(**options))


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "html"])
def test_formats_stand_in_files(form: str, golden: Golden) -> None:
    golden(f"scans/{form}.txt", rendered(form))


def test_the_detailed_table_stands_in_a_file(golden: Golden) -> None:
    golden("scans/table.detailed.txt", rendered("table", detailed=True))


def test_formats_are_those_of_apply_without_changed_resources() -> None:
    assert [*FORMATS, "resources"] == list(of_apply.FORMATS)


def test_an_empty_scan_does_not_look_like_a_good_one() -> None:
    assert "No rule applies" in rendered("table", ())
    assert json.loads(rendered("json", ()))["rows"] == []
    assert yaml.safe_load(rendered("yaml", ()))["rows"] == []
    assert json.loads(rendered("policy-report", (), as_json=True))["items"] == []
    assert json.loads(rendered("sarif", ()))["runs"][0]["results"] == []
    assert ET.fromstring(rendered("junit", ())).get("tests") == "0"


def test_rows_and_results_are_those_of_apply() -> None:
    found, applied = json.loads(rendered("json", now=5)), json.loads(of_apply_("json", now=5))
    assert (found["rows"], found["results"]) == (applied["rows"], applied["results"])
    assert found["summary"] == applied["summary"]
    assert yaml.safe_load(rendered("yaml", now=5)) == found


@pytest.mark.parametrize("form", ["policy-report", "openreports"])
@pytest.mark.parametrize("grouping", Grouping)
def test_report_objects_are_those_of_apply(form: str, grouping: Grouping) -> None:
    found = json.loads(rendered(form, grouping=grouping, as_json=True))
    assert found == json.loads(of_apply_(form, grouping=grouping, as_json=True))
    documents = list(yaml.safe_load_all(rendered(form, grouping=grouping)))
    assert documents == found["items"]


def test_full_report_objects_come_first() -> None:
    many = [result((signed(),), of=resource(f"p{n}")) for n in range(2 * MAX_RESULTS + 1)]
    found = json.loads(rendered("policy-report", [RESULTS[1], *many], as_json=True))["items"]
    sizes = [(each["metadata"]["name"], len(each["results"])) for each in found]
    full = [("pol-check-images", 1000), ("pol-check-images-1", 1000)]
    assert sizes == [*full, ("cpol-whole", 1), ("pol-check-images-2", 1)]


def test_sarif_is_that_of_apply_and_valid() -> None:
    found, applied = json.loads(rendered("sarif")), json.loads(of_apply_("sarif"))
    assert schema_errors("sarif-2.1.0", found) == []
    assert found["runs"][0]["results"] == applied["runs"][0]["results"]
    assert found["runs"][0]["tool"] == applied["runs"][0]["tool"]


def test_junit_is_that_of_apply() -> None:
    def cases(text: str) -> list[tuple[Any, ...]]:
        return [
            (suite.attrib, case.attrib, [(c.tag, c.attrib, c.text) for c in case])
            for suite in ET.fromstring(text)
            for case in suite
        ]

    assert cases(rendered("junit", now=5)) == cases(of_apply_("junit", now=5))
