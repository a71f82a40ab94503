import json

import pytest

from tests.support_lint import findings, patterns, policy_text


def rule(match: str, exclude: str = "", namespace: str = "") -> str:
    """Return a policy whose rule has these blocks."""
    text = policy_text(patterns("ghcr.io/acme/*"))
    head, _, rest = text.partition("    match:\n")
    tail = rest[rest.index("    verifyImages:") :]
    blocks = f"    match: {match}\n" + (f"    exclude: {exclude}\n" if exclude else "")
    if namespace:
        head = head.replace("kind: ClusterPolicy", "kind: Policy").replace(
            "name: example", f"name: example\n  namespace: {namespace}", 1
        )
    return head + blocks + tail


def block(*filters: dict[str, object], form: str = "any") -> str:
    """Return a block of filters over Pods."""
    return json.dumps({form: [{"resources": {"kinds": ["Pod"], **each}} for each in filters]})


def test_a_covering_pattern_excludes_all() -> None:
    """Kyverno accepts it: the texts of the blocks differ."""
    [found] = findings(rule(block({"namespaces": ["a"]}), block({"namespaces": ["a*"]})), "PRQ010")
    assert found.problem.message == (
        "rule `verify` applies to no resource that can hold an image: all that `match` selects is excluded"
    )
    assert [example.text for example in found.problem.examples] == ["Pod a/app"]


@pytest.mark.parametrize(
    ("match", "exclude"),
    [
        (block({"namespaces": ["a"]}, {"namespaces": ["b"]}), block({"namespaces": ["?"]})),
        (block({"namespaces": ["a"]}, {"namespaces": ["b*"]}, form="all"), ""),
        (
            block({"namespaces": ["a"]}),
            block({"operations": ["CREATE", "UPDATE", "DELETE", "CONNECT"]}),
        ),
        (
            block({"selector": {"matchLabels": {"app": "x"}}}),
            block({"selector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}),
        ),
    ],
)
def test_found(match: str, exclude: str) -> None:
    assert len(findings(rule(match, exclude), "PRQ010")) == 1


@pytest.mark.parametrize(
    ("match", "exclude"),
    [
        (block({"namespaces": ["a"]}, {"namespaces": ["b"]}), block({"namespaces": ["a*"]})),
        (block({"namespaces": ["a*"]}, {"namespaces": ["*b"]}, form="all"), ""),
        (block({"namespaces": ["a"]}), block({"operations": ["DELETE"]})),
        (block({"namespaces": ["a"]}), '{"any": [{"subjects": [{"kind": "User", "name": "*"}]}]}'),
        (block({}), ""),
    ],
)
def test_left_alone(match: str, exclude: str) -> None:
    text = rule(match, exclude).replace("spec:\n", "spec:\n  background: false\n", 1)
    assert findings(text, "PRQ010") == []
