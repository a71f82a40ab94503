"""Attestations, conditions over them, preconditions and variables: what the engine makes of expressions."""

from typing import Any

import pytest

from pratique.runtime.decision import Reason, Status
from tests.support_engine import World, pod, said
from tests.support_policies import KEYLESS, cluster_policy, read

APP = "ghcr.io/acme/app:v1"
SLSA, VULN = "https://slsa.dev/provenance/v1", "https://cosign.sigstore.dev/attestation/vuln/v1"
OFF = {"verifyDigest": False, "required": False}


def keyless(subject: str = "dev@acme.example") -> dict[str, Any]:
    return {"keyless": {**KEYLESS, "subject": subject}}


def attested(type: str = SLSA, subject: str = "dev@acme.example", **predicate: Any) -> dict[str, Any]:
    return {"subject": subject, "type": type, "predicate": predicate}


def demand(*conditions: dict[str, Any], type: str = SLSA, **more: Any) -> dict[str, Any]:
    found = {"type": type, "attestors": [{"entries": [keyless()]}], **more}
    return {**found, "conditions": list(conditions)} if conditions else found


def world(*demands: dict[str, Any], **entry: Any) -> World:
    return World(cluster_policy({**OFF, "attestors": [], "attestations": list(demands), **entry}))


def judged(made: World, *attestations: dict[str, Any]) -> tuple[str, str]:
    made.store.image(APP, attestations=attestations)
    (result,) = made.judge(pod(APP))
    return str(result.status), result.message


def equals(key: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"all": [{"key": f"{{{{ {key} }}}}", "operator": "Equals", "value": value, **more}]}


FAILED = "image attestations verification failed, verifiedCount: 0, requiredCount: 1, error: "
PATH = ".attestations[0].attestors[0].entries[0].keyless: "


def test_attested() -> None:
    assert judged(world(demand()), attested()) == ("pass", f"verified image attestations for {APP}")


def test_none_at_all() -> None:
    assert judged(world(demand())) == ("fail", f"{FAILED}no matching attestations: ")


def test_c2_another_type_is_not_the_type() -> None:
    text = f"{FAILED}{PATH}attestions not found for predicate type {SLSA}"
    assert judged(world(demand()), attested(VULN)) == ("fail", text)


def test_one_statement_of_the_type_by_another_fails_the_whole() -> None:
    status, message = judged(world(demand()), attested(), attested(subject="ops@acme.example"))
    assert (status, message) == (
        "fail",
        f"{FAILED}subject mismatch: expected dev@acme.example, received ops@acme.example",
    )
    assert judged(world(demand()), attested(), attested(VULN, "ops@acme.example"))[0] == "pass"


def test_missing_type() -> None:
    assert judged(world(demand(type="")), attested()) == ("fail", ".attestations[0]: missing type")


def test_conditions_see_the_fields_of_the_predicate() -> None:
    made = world(demand(equals("builder.id", "runner")))
    assert judged(made, attested(builder={"id": "runner"}))[0] == "pass"
    made = world(demand(equals("builder.id", "runner", message="not our builder")))
    status, message = judged(made, attested(builder={"id": "laptop"}))
    text = f"attestation checks failed for {APP} and predicate {SLSA}: not our builder"
    assert (status, message) == ("fail", f"{FAILED}{PATH}{text}")


def unmet(*conditions: Any, **predicate: Any) -> Reason:
    """Return the reason of the attestor whose one statement has this predicate."""
    made = world(demand(*conditions))
    made.store.image(APP, attestations=[attested(**predicate)])
    (result,) = made.judge(pod(APP))
    (check,) = result.checks
    assert check.status is Status.FAIL
    assert check.reason
    (found,) = check.reason.children
    return found


def test_a_failed_condition_is_told_with_its_values() -> None:
    found = unmet(equals("ok", True), equals("builder.id", "runner"), ok=True, builder={"id": "laptop"})
    assert (found.code, found.met) == ("attestation-conditions", False)
    assert found.text == f"attestation checks failed for {APP} and predicate {SLSA}: "
    compared, signed = found.children
    assert (compared.code, compared.met) == ("attestation-conditions", False)
    assert compared.text == '"{{ builder.id }}" is "laptop", which is not Equals "runner"'
    assert dict(compared.details) == {
        "condition": "conditions[1].all[0]",
        "key": '"{{ builder.id }}"',
        "operator": "Equals",
        "expected": '"runner"',
        "received": '"laptop"',
    }
    assert (signed.code, signed.met) == ("signed", True)


def test_all_of_any_is_told() -> None:
    either = [{"key": "{{ n }}", "operator": "Equals", "value": n} for n in (1, 2)]
    made = world(demand() | {"conditions": [{"any": either}]})
    made.store.image(APP, attestations=[attested(n=3)])
    (result,) = made.judge(pod(APP))
    reason = result.checks[0].reason
    assert reason
    told = [dict(r.details)["condition"] for r in reason.children[0].children if r.details and not r.met]
    assert told == ["conditions[0].any[0]", "conditions[0].any[1]"]


def test_a_condition_without_a_value_tells_the_error() -> None:
    found = unmet(equals("nowhere.id", "x"), builder={})
    assert (found.code, dict(found.details)) == ("attestation-conditions", {"error": "unknown-key"})


def test_large_values_are_shortened() -> None:
    found = unmet(equals("ok", True), ok="x" * 10_000)
    assert all(len(value) < 250 for _, value in found.children[0].details)


def test_all_statements_of_the_type_must_satisfy_the_conditions() -> None:
    made = world(demand(equals("ok", True)))
    assert judged(made, attested(ok=True), attested(ok=False))[0] == "fail"


def test_a_condition_that_cannot_be_evaluated_fails() -> None:
    status, message = judged(world(demand(equals("nowhere.id", "x"))), attested(builder={}))
    assert status == "fail"
    assert "nowhere" in message


def test_request_and_image_are_there_too() -> None:
    conditions = equals("request.object.metadata.name", "pod"), equals("image.path", "acme/app")
    assert judged(world(demand(*conditions)), attested())[0] == "pass"


def test_an_outage_is_an_error() -> None:
    made = world(demand())
    made.store.down.add("ghcr.io")
    (result,) = made.judge(pod(APP))
    assert result.status is Status.ERROR


def test_signatures_first_then_attestations() -> None:
    made = world(demand(), attestors=[{"entries": [keyless()]}])
    digest = made.store.image(APP, {"subject": "dev@acme.example"}, attestations=[attested()])
    (result,) = made.judge(pod(APP))
    assert said(result) == [("pass", f"verified image attestations for ghcr.io/acme/app@{digest}")]


def denied(*demands: dict[str, Any], **conditions: Any) -> World:
    deny = {"message": "disagree", "deny": {"conditions": {"any": [conditions]}}}
    return world(*demands, validate=deny)


def test_deny_over_named_attestations() -> None:
    two = demand(name="prov"), demand(type=VULN, name="scan")
    made = denied(*two, key="{{ scan.critical }}", operator="GreaterThan", value=0)
    passed = judged(made, attested(), attested(VULN, critical=0))
    assert passed == ("pass", "verifyImages validation is passed in verify rule")
    made = denied(*two, key="{{ scan.critical }}", operator="GreaterThan", value=0)
    failed = judged(made, attested(), attested(VULN, critical=2))
    assert failed == ("fail", "validation in verifyImages failed: disagree")


def test_a_name_is_bound_to_a_statement_of_its_type() -> None:
    made = denied(demand(name="prov"), key="{{ prov.by }}", operator="NotEquals", value="us")
    stranger = attested("https://stranger/type", "evil@example.com", by="us")
    assert judged(made, stranger, attested(by="them"))[0] == "fail"
    assert judged(made, stranger, attested(by="us"))[0] == "pass"


# --- preconditions and variables -----------------------------------------------------------------------


def with_precondition(value: str, **entry: Any) -> World:
    key = "{{ request.object.metadata.labels.check || '' }}"
    condition = {"all": [{"key": key, "operator": "Equals", "value": value, "message": "not asked for"}]}
    return World(cluster_policy({**OFF, **entry}, rule={"preconditions": condition}))


def test_preconditions_that_hold() -> None:
    made = with_precondition("yes")
    made.store.image(APP)
    (result,) = made.judge(pod(APP, metadata={"labels": {"check": "yes"}}))
    assert result.status is Status.FAIL


def test_preconditions_that_do_not_hold_skip_both_stages() -> None:
    made = with_precondition("yes", required=True)
    (result,) = made.judge(pod(APP))
    assert said(result) == [("skip", "preconditions not met; not asked for")] * 2
    assert not made.store.requests


def test_preconditions_that_cannot_be_evaluated_are_an_error_not_a_skip() -> None:
    condition = {"all": [{"key": "{{ request.object.nowhere.x }}", "operator": "Equals", "value": "x"}]}
    made = World(cluster_policy(OFF, rule={"preconditions": condition}))
    (result,) = made.judge(pod(APP))
    assert result.status is Status.ERROR
    assert result.message.startswith("failed to evaluate preconditions: ")


def variable_subject() -> dict[str, Any]:
    entries = [keyless("{{ request.object.metadata.labels.owner }}@acme.example")]
    return {"attestors": [{"entries": entries}]}


def test_variables_in_attestors() -> None:
    made = World(cluster_policy({**OFF, **variable_subject()}))
    made.store.image(APP, {"subject": "dev@acme.example"})
    (result,) = made.judge(pod(APP, metadata={"labels": {"owner": "dev"}}))
    assert result.status is Status.PASS
    (result,) = made.judge(pod(APP, metadata={"labels": {"owner": "ops"}}))
    assert "expected ops@acme.example, received dev@acme.example" in result.message


def test_a_variable_without_value_is_an_error_with_its_path() -> None:
    made = World(cluster_policy({"verifyDigest": False, **variable_subject()}))
    (result,) = made.judge(pod(APP))
    assert said(result) == [
        (
            "error",
            "failed to substitute variables: failed to resolve request.object.metadata.labels.owner at path"
            " /verifyImages/0/attestors/0/entries/0/keyless/subject: JMESPath query failed: Unknown key"
            ' "labels" in path',
        ),
        ("fail", f"unverified image {APP}"),
    ]


def test_generated_rules_read_the_template_of_their_controller() -> None:
    made = World(cluster_policy({**OFF, **variable_subject()}))
    made.store.image(APP, {"subject": "dev@acme.example"})
    template = {
        "metadata": {"labels": {"owner": "dev"}},
        "spec": {"containers": [{"name": "a", "image": APP}]},
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "default"},
        "spec": {"template": template},
    }
    (result,) = made.judge(deployment)
    assert (result.rule, result.status) == ("autogen-verify", Status.PASS)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"preconditions": {"all": [{"key": "x", "operator": "Like", "value": "y"}]}}, "unknown-operator"),
        (
            {"preconditions": {"all": [{"key": "{{ nofn(x) }}", "operator": "Equals", "value": "y"}]}},
            "unknown-function",
        ),
    ],
)
def test_k12_mistakes_in_expressions_are_found_at_load_time(rule: dict[str, Any], code: str) -> None:
    (error,) = read(cluster_policy(rule=rule)).errors
    assert error.code == code
    assert error.location is not None


# --- words of Kyverno ----------------------------------------------------------------------------------


def test_once_signatures_told_the_digest_messages_name_it() -> None:
    made = world(demand(equals("ok", True)), attestors=[{"entries": [keyless()]}])
    digest = made.store.image(APP, {"subject": "dev@acme.example"}, attestations=[attested(ok=False)])
    (result,) = made.judge(pod(APP))
    text = f"attestation checks failed for ghcr.io/acme/app@{digest} and predicate {SLSA}: "
    assert result.message == f"{FAILED}{PATH}{text}"


def test_the_path_names_the_kind_of_the_attestor() -> None:
    pem = "-----BEGIN PUBLIC KEY-----\nk\n-----END PUBLIC KEY-----"
    rekor = {"url": "https://rekor.example", "ignoreTlog": True}
    by_key = demand(attestors=[{"entries": [{"keys": {"publicKeys": pem, "rekor": rekor}}]}])
    place, text = (
        ".attestations[0].attestors[0].entries[0]",
        f"attestions not found for predicate type {SLSA}",
    )
    told = judged(world(by_key), {**attested(VULN), "key": pem})
    assert told == ("fail", f"{FAILED}{place}.keys: {text}")
    told = judged(world(demand(attestors=[])), attested(VULN))
    assert told == ("fail", f"{FAILED}{place}: {text}")


def test_c9_a_predicate_that_is_no_object_is_never_judged_as_empty() -> None:
    lenient = equals("scan || 'x'", "x")
    lenient["all"][0]["key"] = "{{ scan || 'x' }}"
    listed = {**attested(), "predicate": [1]}
    assert judged(world(demand(lenient)), listed) == ("fail", f"{FAILED}predicate not found in any statement")
    assert judged(world(demand(lenient)), attested(), listed) == (
        "fail",
        f"{FAILED}{PATH}failed to check attestations: failed to extract predicate from statement",
    )


def test_a_message_of_a_denial_whose_variables_have_no_value_is_left_out() -> None:
    condition = {"key": "{{ prov.bad }}", "operator": "Equals", "value": True, "message": "bad one"}
    deny = {"message": "no {{ request.nowhere.at }}", "deny": {"conditions": {"any": [condition]}}}
    made = world(demand(name="prov"), validate=deny)
    assert judged(made, attested(bad=True)) == ("fail", "validation in verifyImages failed: bad one")
