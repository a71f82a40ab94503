"""What became of converted policies, in words and as data."""

from __future__ import annotations

import json
from typing import Any

from pratique.grammar.source import Source
from pratique.runtime.converting import ConversionReport, Options, convert_inputs
from pratique.runtime.inputs import Inputs
from pratique.runtime.outputs.conversions import documents, render_json, render_text, replaced, summary
from pratique.runtime.outputs.text import Palette
from tests.support_policies import cluster_policy

STATEMENT = {
    "type": "t",
    "attestors": [{"entries": [{"keys": {"kms": "awskms:///k"}}]}],
    "conditions": [{"all": [{"key": "{{ level }}", "operator": "GreaterThan", "value": 2}]}],
}


def report(*entries: dict[str, Any], **options: Any) -> ConversionReport:
    sources = tuple(
        Source(f"{number}.yaml", cluster_policy(entry, metadata={"name": f"p{number}"}))
        for number, entry in enumerate(entries)
    )
    return convert_inputs(Inputs(sources=sources), Options(for_pratique=True, **options))


def test_every_status_in_words() -> None:
    found = report({}, {"cosignOCI11": True}, {"attestors": [], "attestations": [STATEMENT]})
    text = render_text(found, Palette())
    assert "0.yaml:5:11: ClusterPolicy p0: equivalent, proved -> p0\n" in text
    assert "1.yaml:5:11: ClusterPolicy p1: left out\n" in text
    assert "oci11-referrers: an ImageValidatingPolicy looks for signatures" in text
    assert "2.yaml:5:11: ClusterPolicy p2: unknown whether it is equivalent -> p2\n" in text
    assert "  not decided: conditions on statements compare values whose types matter\n" in text
    assert "  judged by examples: p2 and the classic policy agree on 200 generated statements\n" in text
    assert "  statements: a classic rule demands that all statements" in text
    assert text.endswith("3 image policies: 1 equivalent, 1 different, 1 unknown, 1 left out\n")


def test_nothing_in_a_policy_drives_a_terminal() -> None:
    annotated = {
        "attestors": [{"entries": [{"certificates": {"cert": "A"}, "annotations": {"a": "\x1b[2J"}}]}]
    }
    text = render_text(report({**annotated, "type": "Notary"}), Palette())
    assert "\x1b" not in text
    assert "notary-annotations" in text


def test_data() -> None:
    data = json.loads(render_json(report({}, {"cosignOCI11": True}, allow_differences=True)))
    first, second = data["policies"]
    assert first["status"] == "equivalent"
    assert first["converted"][0]["policy"] == "p0"
    assert second["status"] == "different"
    assert second["differences"][0]["witness"]
    assert second["converted"]
    assert data["totals"]["leftOut"] == 0
    assert set(data["caveats"]) == {*first["caveats"], *second["caveats"]}


def test_new_documents_and_old_texts() -> None:
    found = report({}, {})
    assert documents(list(found.converted)).count("---\n") == 1
    source = found.sources[0]
    assert replaced(source, [found.converted[0]]) == found.converted[0].texts[0]
    left_out = report({"cosignOCI11": True})
    assert replaced(left_out.sources[0], list(left_out.converted)) == left_out.sources[0].text
    assert summary(report()) == "0 image policies: nothing to convert"
