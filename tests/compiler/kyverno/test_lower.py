"""What the fields of a policy become in the IR."""

from typing import Any

import pytest

from pratique.compiler import ir
from tests.support_policies import KEYLESS, cluster_policy, policy, read

PEM = "-----BEGIN PUBLIC KEY-----\nMFkw{n}\n-----END PUBLIC KEY-----\n"


def requirement(entry: dict[str, Any]) -> ir.ImageRequirement:
    return policy(cluster_policy(entry)).rules[0].requirements[0]


def leaves(formula: ir.Formula) -> list[ir.Leaf]:
    if isinstance(formula, ir.Leaf):
        return [formula]
    return [leaf for part in formula.of for leaf in leaves(part)]


def keyless(**changes: object) -> dict[str, object]:
    return {"keyless": {**KEYLESS, **changes}}


def test_defaults_of_the_schema() -> None:
    found = policy(cluster_policy({"mutateDigest": False}))
    made = found.rules[0].requirements[0]
    assert (made.pin_digest, made.demand_digest, made.demand_proof, made.use_cache) == (
        False,
        True,
        True,
        True,
    )
    assert found.rules[0].action is ir.Action.AUDIT
    assert (found.fail_open, found.background, found.stop_at_first) == (False, True, False)


def test_identity_and_trust() -> None:
    made = requirement(
        {
            "attestors": [
                {
                    "entries": [
                        keyless(
                            subjectRegExp="a+",
                            issuerRegExp="b+",
                            roots="ROOTS",
                            rekor={"url": "http://rekor", "pubkey": "LOG", "ignoreTlog": True},
                            ctlog={"ignoreSCT": True, "pubkey": "CT", "tsaCertChain": "TSA"},
                            additionalExtensions={"githubWorkflowRef": "refs/heads/main"},
                        )
                    ]
                }
            ]
        }
    )
    (leaf,) = leaves(made.signatures[0])
    assert leaf.at.path == ".attestors[0].entries[0].keyless"
    assert leaf.attestor.signer == ir.IdentitySigner(
        issuer=ir.TextTests(tests=(ir.Glob(text=str(KEYLESS["issuer"])), ir.Search(text="b+"))),
        subject=ir.TextTests(
            tests=(ir.Glob(text=str(KEYLESS["subject"])), ir.Search(text="a+")), every=False
        ),
        extensions=(("githubWorkflowRef", "refs/heads/main"),),
    )
    assert leaf.attestor.trust == ir.Trust(
        roots="ROOTS",
        log=ir.LogPolicy(required=False, url="http://rekor", public_keys="LOG"),
        sct=ir.SctPolicy(required=False, public_keys="CT"),
        timestamp_chain="TSA",
    )


def test_all_entries_without_count_and_count_with_it() -> None:
    entry: dict[str, Any] = {"attestors": [{"entries": [keyless(), keyless(subject="b@x")]}]}
    assert requirement(entry).signatures[0].count == 2
    entry["attestors"][0]["count"] = 1
    assert requirement(entry).signatures[0].count == 1


def test_several_keys_in_one_entry_become_entries_that_keep_its_settings() -> None:
    keys = {
        "publicKeys": PEM.format(n=1) + PEM.format(n=2) + "tail",
        "rekor": {"url": "http://r", "ignoreTlog": True},
    }
    entry = {"attestors": [{"entries": [{"keys": keys, "annotations": {"a": "b"}}, keyless()]}]}
    (found,) = requirement(entry).signatures
    assert found.count == 3
    paths = [leaf.at.path for leaf in leaves(found)]
    assert paths == [
        ".attestors[0].entries[0].keys",
        ".attestors[0].entries[1].keys",
        ".attestors[0].entries[2].keyless",
    ]
    for number, leaf in enumerate(leaves(found)[:2], 1):
        assert leaf.attestor.signer == ir.KeySigner(key=PEM.format(n=number))
        assert not leaf.attestor.trust.log.required
        assert leaf.attestor.annotations == (("a", "b"),)


def test_nested_sets() -> None:
    inner = {"count": 1, "entries": [keyless(), {"attestor": {"entries": [keyless(subject="c@x")]}}]}
    made = requirement({"attestors": [{"entries": [{"attestor": inner}]}]})
    assert [leaf.at.path for leaf in leaves(made.signatures[0])] == [
        ".attestors[0].entries[0].attestor.entries[0].keyless",
        ".attestors[0].entries[0].attestor.entries[1].attestor.entries[0].keyless",
    ]
    nested = made.signatures[0].of[0]
    assert isinstance(nested, ir.Threshold)
    assert nested.count == 1


def test_every_set_must_be_met() -> None:
    made = requirement({"attestors": [{"entries": [keyless()]}, {"entries": [keyless(subject="b@x")]}]})
    assert [s.at.path for s in made.signatures] == [".attestors[0]", ".attestors[1]"]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"secret": {"name": "n", "namespace": "ns"}}, "k8s://ns/n"),
        ({"kms": "awskms:///alias/x"}, "awskms:///alias/x"),
        ({"publicKeys": PEM, "kms": "awskms:///alias/x"}, PEM),
    ],
)
def test_where_a_key_comes_from(keys: dict[str, object], expected: str) -> None:
    (leaf,) = leaves(requirement({"attestors": [{"entries": [{"keys": keys}]}]}).signatures[0])
    assert leaf.attestor.signer == ir.KeySigner(key=expected)


def test_repository_and_annotations_of_the_entry_are_defaults_of_its_attestors() -> None:
    own = {**keyless(), "repository": "own/repo", "annotations": {"x": "y"}}
    made = requirement(
        {
            "repository": "entry/repo",
            "annotations": {"a": "b"},
            "cosignOCI11": True,
            "attestors": [{"entries": [keyless(), own]}],
        }
    )
    first, second = (leaf.attestor for leaf in leaves(made.signatures[0]))
    assert (first.repository, first.annotations, first.referrers) == ("entry/repo", (("a", "b"),), True)
    assert (second.repository, second.annotations) == ("own/repo", (("x", "y"),))


def test_deprecated_form_is_converted() -> None:
    old: dict[str, Any] = {
        "image": "ghcr.io/acme/*",
        "issuer": "https://issuer",
        "subject": "s@x",
        "roots": "ROOTS",
        "imageReferences": [],
        "attestors": [],
    }
    made = requirement(old)
    assert [p.text for p in made.images.include] == ["ghcr.io/acme/*"]
    (leaf,) = leaves(made.signatures[0])
    assert leaf.at.path == ".attestors[0].entries[0].keyless"
    assert leaf.attestor.trust.roots == "ROOTS"
    made = requirement({**old, "key": PEM})
    assert isinstance(leaves(made.signatures[0])[0].attestor.signer, ir.KeySigner)


def test_namespaced_policy_without_namespace_is_in_default() -> None:
    found = policy(cluster_policy(kind="Policy"))
    assert (found.namespace, found.key) == ("default", "default/p")
    assert found.rules[0].resources.namespace == "default"
    found = policy(cluster_policy(kind="Policy", metadata={"namespace": "kube-system"}))
    assert found.key == "kube-system/p"
    assert policy(cluster_policy()).key == "p"


@pytest.mark.parametrize(
    ("spec", "entries", "expected"),
    [
        ({}, [None], "Audit"),
        ({"validationFailureAction": "Enforce"}, [None], "Enforce"),
        ({"validationFailureAction": "enforce"}, [None], "Enforce"),
        ({"validationFailureAction": "Enforce"}, ["Audit"], "Audit"),
        ({}, ["Audit", "Enforce"], "Enforce"),
    ],
)
def test_action(spec: dict[str, object], entries: list[str | None], expected: str) -> None:
    made = [
        {
            "imageReferences": ["*"],
            "mutateDigest": False,
            "attestors": [{"entries": [keyless()]}],
            **({"failureAction": action} if action else {}),
        }
        for action in entries
    ]
    found = policy(cluster_policy(spec=spec, rule={"verifyImages": made}))
    assert found.rules[0].action == expected


def test_failure_policy_of_the_webhook_counts_too() -> None:
    assert policy(cluster_policy(spec={"webhookConfiguration": {"failurePolicy": "Ignore"}})).fail_open
    assert policy(cluster_policy(spec={"failurePolicy": "Ignore"})).fail_open
    assert not policy(cluster_policy(spec={"failurePolicy": "Fail"})).fail_open


def test_patterns_know_their_places() -> None:
    made = requirement({"imageReferences": ["a/*", "b/*"], "skipImageReferences": ["a/x*"]})
    for pattern in (*made.images.include, *made.images.skip):
        location = pattern.at.location
        assert location is not None
        start, end = location.span
        assert location.source.line(start.line)[start.column - 1 : end.column - 1] == f'"{pattern.text}"'


def test_two_policies_of_one_name() -> None:
    lowered = read(cluster_policy() + "\n---\n" + cluster_policy())
    (error,) = lowered.errors
    assert error.code == "duplicate-policy"
    assert [label for label, _ in error.related] == ["first declared here"]


def test_a_bad_policy_is_left_out_and_the_others_stay() -> None:
    bad = cluster_policy({"imageReferences": []}, metadata={"name": "bad"})
    lowered = read(cluster_policy() + "\n---\n" + bad)
    assert [p.name for p in lowered.policies.policies] == ["p"]
    assert len(lowered.errors) == 1
