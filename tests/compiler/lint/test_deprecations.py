"""What is old, and that its successor means the same and keeps layout and comments."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from pratique.compiler.kyverno.releases import ReleaseRange
from pratique.compiler.lint.base import Finding, Severity
from pratique.compiler.lint.fixes import applied, compatible
from pratique.grammar.source import Source
from tests.support_attestors import PEM
from tests.support_lint import findings, reported
from tests.support_policies import read

CODE = "PRQ039"
HEAD = """\
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: example}
spec:
"""
RULES = """\
  rules:
  - name: verify # the only one
    match: {any: [{resources: {kinds: [Pod]}}]}
    verifyImages:
    - imageReferences: ["ghcr.io/acme/*"]
      mutateDigest: false
      attestors:
      - entries:
        - keyless: {issuer: https://a.example, subject: a@a.example, rekor: {url: https://r.example}}
"""
CORPUS = Path(__file__).parents[4] / "shared" / "conformance" / "visible"


def fixed(text: str) -> str:
    """Make all fixes, in rounds, and return the text."""
    for _ in range(5):
        mended = [found.problem.fix for found in findings(text, CODE) if found.problem.fix]
        if not mended:
            break
        edits = sorted(
            (edit for fix in compatible(mended) for edit in fix.edits), key=lambda edit: edit.location.span
        )
        text = applied(Source("policy.yaml", text), edits)
    return text


def check(text: str, wanted: str | None = None) -> str:
    """Fix a policy that then has nothing old, and means what it meant."""
    after = fixed(text)
    assert findings(after, CODE) == []
    assert read(after).policies == read(text).policies
    if wanted is not None:
        assert after == wanted
    return after


def old(text: str) -> list[str]:
    return [found.problem.message.split("`")[1] for found in findings(text, CODE)]


# --- the policy as a whole -----------------------------------------------------------------------------


def test_the_action_of_a_policy_becomes_that_of_its_entries() -> None:
    text = f"{HEAD}  # hard\n  validationFailureAction: enforce\n{RULES}"
    assert old(text) == ["validationFailureAction"]
    wanted = RULES.replace("    - imageR", "    - failureAction: Enforce\n      imageR")
    check(text, f"{HEAD}  # hard\n{wanted}")


@pytest.mark.parametrize(("target", "told"), [("1.12", False), ("1.12..1.19", False), ("1.13..1.19", True)])
def test_releases_that_do_not_know_the_successor(target: str, told: bool) -> None:
    text = (
        f"{HEAD}  validationFailureAction: Enforce\n  failurePolicy: Fail\n  schemaValidation: true\n{RULES}"
    )
    found = reported(text, CODE, releases=ReleaseRange.parse(target))
    names = [each.problem.message.split("`")[1] for each in found]
    assert names == ["validationFailureAction", "failurePolicy"] * told + ["schemaValidation"]


def test_audit_is_what_there_is_without_an_action() -> None:
    check(f"{HEAD}  validationFailureAction: Audit\n{RULES}", HEAD + RULES)


def test_entries_that_name_an_action_keep_it() -> None:
    named = RULES.replace("mutateDigest: false", "mutateDigest: false\n      failureAction: Audit")
    check(f"{HEAD}  validationFailureAction: Enforce\n{named}", HEAD + named)


def test_rules_that_validate() -> None:
    rule = """\
  - name: named
    match: {any: [{resources: {kinds: [Pod]}}]}
    validate: {message: m, pattern: {metadata: {name: "?*"}}}
"""
    after = check(f"{HEAD}  validationFailureAction: Enforce\n{RULES}{rule}")
    assert "validate: {failureAction: Enforce, message: m" in after


def test_an_action_with_overrides_stays() -> None:
    overrides = "  validationFailureActionOverrides: [{action: Audit, namespaces: [dev]}]\n"
    text = f"{HEAD}  validationFailureAction: Enforce\n{overrides}{RULES}"
    assert old(text) == ["validationFailureAction", "validationFailureActionOverrides"]
    assert fixed(text) == text


def test_a_comment_beside_a_field_is_not_lost() -> None:
    text = f"{HEAD}  validationFailureAction: Audit # for now\n{RULES}"
    assert fixed(text) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  failurePolicy: Ignore\n", "  webhookConfiguration:\n    failurePolicy: Ignore\n"),
        ("  webhookTimeoutSeconds: 20\n", "  webhookConfiguration:\n    timeoutSeconds: 20\n"),
        (
            "  failurePolicy: Fail\n  background: false\n  webhookTimeoutSeconds: 20\n",
            "  webhookConfiguration:\n    failurePolicy: Fail\n    timeoutSeconds: 20\n  background: false\n",
        ),
        (
            "  webhookConfiguration:\n    timeoutSeconds: 9 # short\n  failurePolicy: Ignore\n",
            "  webhookConfiguration:\n    failurePolicy: Ignore\n    timeoutSeconds: 9 # short\n",
        ),
        (
            "  webhookConfiguration: {timeoutSeconds: 9}\n  failurePolicy: Ignore\n",
            "  webhookConfiguration: {failurePolicy: Ignore, timeoutSeconds: 9}\n",
        ),
    ],
)
def test_settings_of_the_webhook(before: str, after: str) -> None:
    check(HEAD + before + RULES, HEAD + after + RULES)


@pytest.mark.parametrize("name", ["schemaValidation", "mutateExistingOnPolicyUpdate", "generateExisting"])
def test_settings_without_effect(name: str) -> None:
    check(f"{HEAD}  {name}: false\n{RULES}", HEAD + RULES)
    (found,) = findings(f"{HEAD}  {name}: false\n{RULES}", CODE)
    assert found.problem.message.endswith("and has no effect")


def test_a_field_beside_its_successor_is_a_mistake_with_this_page() -> None:
    text = f"{HEAD}  failurePolicy: Fail\n  webhookConfiguration: {{failurePolicy: Fail}}\n{RULES}"
    mistakes = [found for found in reported(text, CODE) if found.severity is Severity.ERROR]
    assert [found.problem.help for found in mistakes] == ["remove `failurePolicy`"]


# --- rules ---------------------------------------------------------------------------------------------

DIRECT = """\
    match: # Pods alone
      resources:
        kinds:
        # not the others
        - Pod

        name: |-
          app-*
    exclude:
      resources: {namespaces: [dev]}
"""
ANY = """\
    match: # Pods alone
      any:
      - resources:
          kinds:
          # not the others
          - Pod

          name: |-
            app-*
    exclude:
      any:
      - resources: {namespaces: [dev]}
"""
MATCH = "    match: {any: [{resources: {kinds: [Pod]}}]}\n"


def test_filters_directly_under_match() -> None:
    text = HEAD + RULES.replace(MATCH, DIRECT)
    assert old(text) == ["resources", "name", "resources"]
    assert fixed(text) == HEAD + RULES.replace(MATCH, ANY)
    assert read(fixed(text)).policies == read(text).policies


def test_filters_in_flow_style() -> None:
    direct = "    match: {resources: {kinds: [Pod]}, clusterRoles: [admin]}\n"
    text = f"{HEAD}  background: false\n" + RULES.replace(MATCH, direct)
    after = check(text)
    assert "match: {any: [{resources: {kinds: [Pod]}, clusterRoles: [admin]}]}" in after


def test_name_becomes_names() -> None:
    named = MATCH.replace("kinds: [Pod]", 'kinds: [Pod], name: "app-*"')
    check(
        HEAD + RULES.replace(MATCH, named),
        HEAD + RULES.replace(MATCH, named).replace('name: "app-*"', 'names: ["app-*"]'),
    )


CONDITION = "- key: a\n{0}  operator: Equals # exactly\n{0}  value: a\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    preconditions:\n    " + CONDITION, "    preconditions:\n      all:\n      " + CONDITION),
        ("    preconditions:\n      " + CONDITION, "    preconditions:\n      all:\n      " + CONDITION),
        (
            "    preconditions: [{{key: a, operator: Equals, value: a}}]\n",
            "    preconditions: {{all: [{{key: a, operator: Equals, value: a}}]}}\n",
        ),
    ],
)
def test_preconditions(before: str, after: str) -> None:
    indent = " " * (before.find("- ") - before.find("\n") - 1)
    text = HEAD + RULES + before.format(indent)
    assert old(text) == ["preconditions"]
    assert fixed(text) == HEAD + RULES + after.format(" " * 6)


def test_operators_have_two_successors() -> None:
    conditions = "    preconditions: {any: [{key: a, operator: In, value: [a]}]}\n"
    (found,) = findings(HEAD + RULES + conditions, CODE)
    assert found.problem.help == "write `AnyIn` or `AllIn`"
    assert found.problem.fix is None


# --- verifyImages --------------------------------------------------------------------------------------

BLOCK = "\n".join("          " + line for line in PEM.splitlines())
OLD = f"""\
  rules:
  - name: verify
    match: {{any: [{{resources: {{kinds: [Pod]}}}}]}}
    verifyImages:
    - image: "ghcr.io/acme/*" # ours
      mutateDigest: false
      key: |-
{BLOCK}
      annotations:
        team: a
      verifyDigest: false
"""
NEW = f"""\
  rules:
  - name: verify
    match: {{any: [{{resources: {{kinds: [Pod]}}}}]}}
    verifyImages:
    - imageReferences: ["ghcr.io/acme/*"] # ours
      mutateDigest: false
      attestors:
      - entries:
        - keys:
            publicKeys: |-
{chr(10).join("      " + line for line in BLOCK.splitlines())}
          annotations:
            team: a
      verifyDigest: false
"""


def test_a_key_and_an_image() -> None:
    assert old(HEAD + OLD) == ["image", "key"]
    check(HEAD + OLD, HEAD + NEW)


def test_an_issuer() -> None:
    keyless = "issuer: https://a.example\n      roots: PEM\n      subject: a@a.example\n"
    text = HEAD + OLD.replace(f"key: |-\n{BLOCK}\n", keyless)
    after = check(text)
    assert "        - keyless:\n            issuer: https://a.example\n" in after
    assert "            roots: PEM\n" in after


def test_the_key_may_be_the_first_setting() -> None:
    text = HEAD + RULES.split("      attestors:")[0].replace("- imageR", "- key: k8s://a/b\n      imageR")
    after = check(text)
    assert "    - attestors:\n      - entries:\n        - keys:\n            publicKeys: k8s://a/b\n" in after


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("image: ghcr.io/x/y:*\n", "image"),
        ("key: k8s://a/b\n", "key"),
        ("annotations: {a: b}\n", "annotations"),
    ],
)
def test_what_is_left_to_the_author(entry: str, name: str) -> None:
    text = HEAD + RULES + f"      {entry}"
    assert old(text) == [name]
    assert fixed(text) == text


def test_an_old_signer_beside_attestations_counts_for_nothing() -> None:
    stated = "      attestations: [{type: https://a.example/v1}]\n"
    (found,) = findings(HEAD + RULES.split("      attestors:")[0] + stated + "      key: k8s://a/b\n", CODE)
    assert found.severity is Severity.ERROR
    assert "counts for nothing" in found.problem.message
    assert found.problem.fix is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{predicateType: https://a.example/v1}", "{type: https://a.example/v1}"),
        ("{type: https://a.example/v1, predicateType: x}", "{type: https://a.example/v1}"),
        ("{predicateType: x, type: https://a.example/v1}", "{type: https://a.example/v1}"),
        ('{"predicateType": "https://a.example/v1"}', '{"type": "https://a.example/v1"}'),
    ],
)
def test_types_of_predicates(before: str, after: str) -> None:
    text = f"{HEAD}{RULES}      attestations: [{before}]\n"
    assert old(text) == ["predicateType"]
    check(text, text.replace(before, after))


# --- all ------------------------------------------------------------------------------------------------


def test_texts_with_anchors_are_left_alone() -> None:
    rules = RULES.replace("match: {", "match: &pods {resources: {kinds: [Pod]}} # {")
    text = HEAD + rules.partition(" # {")[0] + "\n" + rules.partition("]}\n")[2]
    assert old(text) == ["resources"]
    assert fixed(text) == text


def test_json() -> None:
    data = yaml.safe_load(f"{HEAD}  validationFailureAction: Enforce\n{RULES}")
    text = json.dumps(data)
    after = check(text)
    assert json.loads(after)["spec"]["rules"][0]["verifyImages"][0]["failureAction"] == "Enforce"


def test_windows_line_ends_are_kept() -> None:
    text = (HEAD + "  failurePolicy: Ignore\n" + RULES.replace(MATCH, DIRECT)).replace("\n", "\r\n")
    after = fixed(text)
    assert after.count("\n") == after.count("\r\n")
    assert read(after).policies == read(text).policies


def test_real_policies_mean_the_same() -> None:
    if not CORPUS.is_dir():
        pytest.skip(f"the public policies are not at {CORPUS}")
    changed, enough = 0, 40
    for path in sorted(CORPUS.rglob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        if "kind: ClusterPolicy" not in text or "validationFailureAction" not in text:
            continue
        try:
            before = read(text)
            found: list[Finding] = findings(text, CODE)
        except AssertionError:
            continue  # a policy with mistakes
        if found:
            assert read(fixed(text)).policies == before.policies, path
            changed += 1
        if changed == enough:
            break
    assert changed == enough
