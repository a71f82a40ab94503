"""What Kyverno refuses at creation is refused here, in its words, at the right place."""

import pytest

from tests.support_policies import KEYLESS, cluster_policy, read, rule_policy

KEY = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"


def entries(*found: dict[str, object], **more: object) -> dict[str, object]:
    return {"attestors": [{"entries": list(found), **more}]}


def keyless(**changes: object) -> dict[str, object]:
    return {"keyless": {k: v for k, v in {**KEYLESS, **changes}.items() if v is not None}}


REFUSED = {
    "mutateDigest under Audit": (
        cluster_policy({"mutateDigest": True}),
        "mutateDigest must be set to false for \u2018Audit\u2019 failure action",
    ),
    "no image reference": (cluster_policy({"imageReferences": []}), "An image reference is required"),
    "count beyond entries": (
        cluster_policy(entries(keyless(), count=2)),
        "Count cannot exceed length of entries",
    ),
    "no entries": (cluster_policy(entries()), "An entry is required"),
    "no attestor": (
        cluster_policy(entries({})),
        "keys, certificates, keyless, or a nested attestor is required",
    ),
    "two attestors in one": (
        cluster_policy(entries({**keyless(), "keys": {"publicKeys": KEY}})),
        "keys, certificates, keyless, or a nested attestor is required",
    ),
    "no key": (
        cluster_policy(entries({"keys": {"publicKeys": ""}})),
        "A public key, kms key or secret is required",
    ),
    "algorithm": (
        cluster_policy(entries({"keys": {"publicKeys": KEY, "signatureAlgorithm": "md5"}})),
        "Invalid signature algorithm provided",
    ),
    "no certificate": (cluster_policy(entries({"certificates": {}})), "cert or certChain required"),
    "no rekor, no roots": (
        cluster_policy(entries(keyless(rekor=None))),
        "Either Rekor URL or roots are required",
    ),
    "rekor without URL": (cluster_policy(entries(keyless(rekor={}))), "An URL is required"),
    "issuer without roots, in the old form": (
        cluster_policy({"issuer": "https://accounts.google.com", "attestors": []}),
        "Either Rekor URL or roots are required",
    ),
    "annotations of nobody, in the old form": (
        cluster_policy({"image": "ghcr.io/acme/*", "annotations": {"a": "b"}, "attestors": []}),
        "keys, certificates, keyless, or a nested attestor is required",
    ),
    "nested": (
        cluster_policy(entries({"attestor": {"entries": [{"certificates": {}}]}})),
        "cert or certChain required",
    ),
    "variable in image reference": (
        cluster_policy({"imageReferences": ["{{ x }}/*"]}),
        'rule "verify" should not have variables in image reference section',
    ),
    "no operation": (
        cluster_policy(rule={"verifyImages": []}),
        "No operation defined in the rule 'verify'.(supported operations:"
        " mutate,validate,generate,verifyImages)",
    ),
    "two operations": (
        cluster_policy(rule={"validate": {"message": "x"}}),
        "Multiple operations defined in the rule 'verify', only one operation"
        " (mutate,validate,generate,verifyImages) is allowed per rule",
    ),
    "nothing runs it": (
        cluster_policy(spec={"admission": False, "background": False}),
        "disabling both admission and background processing is not allowed",
    ),
    "no admission": (
        cluster_policy(spec={"admission": False}),
        "disabling admission processing is only allowed with validation policies",
    ),
    "timeout": (
        cluster_policy(spec={"webhookTimeoutSeconds": 31}),
        "the timeout value must be between 1 and 30 seconds",
    ),
    "autogen all": (
        cluster_policy(metadata={"annotations": {"pod-policies.kyverno.io/autogen-controllers": "all"}}),
        "Autogen annotation does not support 'all' anymore, remove the annotation or set it to a valid value",
    ),
    "namespaces in a namespaced policy": (
        cluster_policy(
            kind="Policy",
            rule={"match": {"any": [{"resources": {"kinds": ["Pod"], "namespaces": ["x"]}}]}},
        ),
        "Filtering namespaces not allowed in namespaced policies",
    ),
    "overrides in a namespaced policy": (
        cluster_policy(
            kind="Policy",
            spec={"validationFailureActionOverrides": [{"action": "Enforce", "namespaces": ["x"]}]},
        ),
        "Use of validationFailureActionOverrides is supported only with ClusterPolicy",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    text, message = REFUSED[name]
    (error,) = read(text).errors
    assert error.message == f"invalid policy p: {message}"
    assert error.location is not None


def test_accepted_as_it_stands() -> None:
    assert not read(cluster_policy()).errors


def test_duplicate_rule_name() -> None:
    one = {
        "name": "same",
        "match": {"any": [{"resources": {"kinds": ["Pod"]}}]},
        "verifyImages": [
            {"imageReferences": ["*"], "mutateDigest": False, "attestors": [{"entries": [keyless()]}]}
        ],
    }
    (error,) = read(cluster_policy(spec={"rules": [one, one]})).errors
    assert error.message == "invalid policy p: Duplicate rule name: 'same'"


def test_every_mistake_of_a_policy_is_found() -> None:
    bad = {"mutateDigest": True, "imageReferences": [], **entries({}, {"certificates": {}})}
    errors = read(cluster_policy(bad, spec={"webhookTimeoutSeconds": 0})).errors
    assert len(errors) == 5


def test_an_action_named_by_an_entry_holds_for_the_next_entries() -> None:
    first = {"imageReferences": ["a/*"], "failureAction": "Enforce", **entries(keyless())}
    second = {"imageReferences": ["b/*"], **entries(keyless())}
    assert not read(cluster_policy(rule={"verifyImages": [first, second]})).errors
    assert len(read(cluster_policy(rule={"verifyImages": [second, first]})).errors) == 1


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        (
            {
                "verifyImages": [],
                "validate": {
                    "manifests": {**entries(keyless()), "repository": "a.dev/b"},
                },
            },
            "looking for a signed manifest in a registry in rule 'verify'",
        ),
    ],
)
def test_r7_what_cannot_be_honoured_is_refused_never_ignored(rule: dict[str, object], what: str) -> None:
    (error,) = read(cluster_policy(rule=rule)).errors
    assert error.code == "unsupported-field"
    assert error.message == f"invalid policy p: {what} cannot be honoured by this version"


@pytest.mark.parametrize(
    ("expression", "message", "column"),
    [
        ("object.x == ", "Syntax error", 11),
        ("objct.x == 1", "undeclared reference to 'objct'", 0),
        ("object.x == 1", None, 0),
        ("object.x", "must evaluate to bool", 0),
        ("'text'", "must evaluate to bool", 0),
        ("true && authorizer.group('').resource('pods').check('get').allowed()", "'authorizer'", 8),
        ("variables.x", "undeclared reference to 'variables'", 0),
    ],
)
def test_conditions_on_requests_are_compiled(expression: str, message: str | None, column: int) -> None:
    conditions = [{"name": "a", "expression": "true"}, {"name": "b", "expression": expression}]
    errors = read(rule_policy(validate={"deny": {}}, spec=webhook(conditions))).errors
    if message is None:
        assert not errors
        return
    (error,) = errors
    assert message in error.message
    assert error.location is not None
    line = error.location.source.text.splitlines()[error.location.span.start.line - 1]
    assert error.location.span.start.column == line.index(expression) + 1 + column


def test_conditions_on_requests_have_different_names() -> None:
    conditions = [{"name": "a", "expression": "true"}, {"name": "a", "expression": "false"}]
    (error,) = read(rule_policy(validate={"deny": {}}, spec=webhook(conditions))).errors
    assert error.message == "invalid policy p: Duplicate match condition name: 'a'"


def webhook(conditions: list[dict[str, str]]) -> dict[str, object]:
    return {"webhookConfiguration": {"matchConditions": conditions}}


def test_the_place_is_that_of_the_field() -> None:
    (error,) = read(cluster_policy(entries(keyless(), count=2))).errors
    assert error.location is not None
    span, source = error.location.span, error.location.source
    assert source.line(span.start.line)[span.start.column - 1] == "2"


CERT = {"certificates": {"cert": "PEM"}}


def test_notary_takes_certificates_at_any_depth() -> None:
    key, nested = {"keys": {"publicKeys": "PEM"}}, {"attestor": {"entries": [{"keyless": KEYLESS}]}}
    stated = {"type": "t", "attestors": [{"entries": [CERT, key]}]}
    entry = {
        "type": "Notary",
        "attestors": [{"entries": [key, nested, CERT]}],
        "attestations": [stated, {"type": "u"}],
    }
    errors = read(cluster_policy(entry)).errors
    assert [error.message.removeprefix("invalid policy p: ") for error in errors] == [
        "attestations of type notary need attestors",
        "Keys field is not allowed for type notary",
        "Keys field is not allowed for type notary",
        "Keyless field is not allowed for type notary",
    ]


def test_notary_refuses_the_deprecated_key_and_issuer() -> None:
    for field, word in (("key", "Keys"), ("issuer", "Keyless")):
        (error,) = read(cluster_policy({"type": "Notary", field: "x", "attestors": []})).errors
        assert f"{word} field is not allowed for type notary" in error.message


def test_notary_is_accepted() -> None:
    stated = {"type": "t", "attestors": [{"entries": [CERT]}]}
    entry = {"type": "Notary", "attestors": [{"entries": [CERT]}], "attestations": [stated]}
    assert not read(cluster_policy(entry)).errors
