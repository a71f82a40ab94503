"""Policy exceptions in a run: where they are read from, and what becomes of the rules they name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.errors import PolicyErrors
from pratique.grammar.source import Source
from pratique.runtime.decision import Report
from pratique.runtime.exemption_files import exemptions_among, read_exemptions
from pratique.runtime.registry.open import StoreOptions
from pratique.runtime.session import ApplyOptions, apply
from tests.support_engine import pod
from tests.support_exceptions import exception
from tests.support_policies import cluster_policy, rule_policy
from tests.support_sigstore import key, trust_root, written

DENIED = rule_policy(validate={"message": "no", "deny": {}})
CONFIG_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "who", "namespace": "ops"},
    "data": {"allowed": "pod"},
}


def run(folder: Path, policies: str, *resources: Any, exceptions: str = "", **options: Any) -> Report:
    (folder / "policies.yaml").write_text(policies)
    texts = [each if isinstance(each, str) else json.dumps(each) for each in (pod("x"), *resources)]
    (folder / "resources.yaml").write_text("\n---\n".join(texts))
    (folder / "exceptions.yaml").write_text(exceptions)
    return apply(
        ApplyOptions(
            policies=(str(folder / "policies.yaml"),),
            resources=(str(folder / "resources.yaml"),),
            exceptions=(str(folder / "exceptions.yaml"),) if exceptions else (),
            store=StoreOptions(offline=True),
            **options,
        )
    )


def told(report: Report) -> list[tuple[str, str]]:
    return [(str(result.status), result.message) for result in report.results]


FAILED = [("fail", "no")]
EXEMPTED = [("skip", "rule is skipped due to policy exceptionsops/let")]


def test_an_exception_that_was_named(tmp_path: Path) -> None:
    assert told(run(tmp_path, DENIED)) == FAILED
    report = run(tmp_path, DENIED, exceptions=exception())
    assert told(report) == EXEMPTED
    (check,) = report.results[0].checks
    assert check.reason is not None
    assert (check.reason.code, check.reason.details) == ("exempted", (("exceptions", "ops/let"),))
    assert dict(report.results[0].properties) == {"exceptions": "let"}
    assert told(run(tmp_path, DENIED, exceptions=exception("other"))) == FAILED


def test_all_that_exempt_are_named(tmp_path: Path) -> None:
    both = exception() + "\n---\n" + exception(namespace="dev")
    assert told(run(tmp_path, DENIED, exceptions=both))[0][1].endswith("exceptionsops/let, dev/let")


def test_exceptions_among_resources_count_where_asked_for(tmp_path: Path) -> None:
    assert told(run(tmp_path, DENIED, exception())) == FAILED
    assert told(run(tmp_path, DENIED, exception(), exceptions_with_resources=True)) == EXEMPTED


def test_exceptions_among_policies_count_where_asked_for(tmp_path: Path) -> None:
    both = DENIED + "\n---\n" + exception()
    report = run(tmp_path, both)
    assert told(report) == FAILED
    (notice,) = report.notices
    assert notice.endswith("PolicyException let does not count without --exceptions-within-policies")
    report = run(tmp_path, both, exceptions_within_policies=True)
    assert (told(report), report.notices) == (EXEMPTED, ())


def test_preconditions_are_asked_first(tmp_path: Path) -> None:
    unmet = {"all": [{"key": "a", "operator": "Equals", "value": "b"}]}
    policy = rule_policy(validate={"deny": {}}, preconditions=unmet)
    assert told(run(tmp_path, policy, exceptions=exception())) == [("skip", "preconditions not met")]


def test_no_registry_is_asked_about_images_of_exempted_resources(tmp_path: Path) -> None:
    policy = cluster_policy(metadata={"name": "p"})
    report = run(tmp_path, policy, pod("ghcr.io/acme/a:v1"), exceptions=exception())
    assert told(report) == EXEMPTED
    assert report.requests.total == 0


def test_conditions_read_what_the_rule_reads(tmp_path: Path) -> None:
    policy = rule_policy(
        validate={"message": "no", "deny": {}},
        context=[{"name": "cm", "configMap": {"name": "who", "namespace": "ops"}}],
    )
    condition = {
        "key": "{{ request.object.metadata.name }}",
        "operator": "Equals",
        "value": "{{ cm.data.allowed }}",
    }
    written = exception(conditions={"any": [condition]})
    assert told(run(tmp_path, policy, CONFIG_MAP, exceptions=written)) == EXEMPTED
    assert told(run(tmp_path, policy, exceptions=written)) == FAILED


# --- files ----------------------------------------------------------------------------------------------


def refused(folder: Path, text: str) -> list[str]:
    path = folder / "exceptions.yaml"
    path.write_text(text)
    with pytest.raises(PolicyErrors) as caught:
        read_exemptions([str(path)])
    return [error.code for error in caught.value.errors]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("", ["no-exception"]),
        (DENIED, ["not-an-exception"]),
        (written(key()), ["not-an-exception"]),
        (trust_root(), ["not-an-exception"]),
        (exception() + "\n---\n" + '{"apiVersion": "v1", "kind": "Pod"}', ["not-an-exception"]),
        (exception(matsch={}), ["unknown-field"]),
        (exception(""), ["invalid-policy"]),
    ],
)
def test_nothing_but_exceptions_is_accepted(tmp_path: Path, text: str, codes: list[str]) -> None:
    assert refused(tmp_path, text) == codes


def test_no_file_is_no_exception() -> None:
    assert read_exemptions([]) == ()


def test_an_exception_among_resources_must_be_sound() -> None:
    with pytest.raises(PolicyErrors, match="matsch"):
        exemptions_among([Source("r.yaml", exception(matsch={}))])
    # Texts without exceptions are not parsed at all.
    assert exemptions_among([Source("r.yaml", "{")]) == ()
