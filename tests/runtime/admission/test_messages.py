"""The words of denials and warnings."""

import yaml

from pratique.runtime.admission import messages
from pratique.runtime.admission.messages import MAX_MESSAGE
from tests.support_admission import APP, judge, world
from tests.support_engine import World, pod
from tests.support_policies import cluster_policy

MISSING = "no signatures found"


def two(first: dict[str, object], second: dict[str, object], **metadata: str) -> World:
    given = World(
        cluster_policy(first),
        cluster_policy(
            second,
            metadata=metadata or {"name": "q"},
            kind="Policy" if metadata.get("namespace") else "ClusterPolicy",
        ),
    )
    given.store.image(APP)
    return given


def test_a_denial_reads_as_in_kyverno_and_names_the_container() -> None:
    assert judge(world(signed=False), mutating=False).message == (
        "\n\nresource Pod/default/pod was blocked due to the following policies \n\n"
        "p:\n"
        f"  verify: 'failed to verify image {APP}: .attestors[0].entries[0].keyless: {MISSING}'\n"
        f"\ncontainer c0: {APP}\n"
    )


def test_a_denial_lists_every_rule_that_is_not_met_also_those_that_audit() -> None:
    given = two({"failureAction": "Enforce"}, {"failureAction": "Audit"})
    verdict = judge(given, mutating=False)
    assert not verdict.allowed
    assert verdict.warnings == ()
    assert list(
        yaml.safe_load(verdict.message.partition("\n\n")[2].partition("\n\n")[2].partition("\n\n")[0])
    ) == ["p", "q"]


def test_policies_of_one_name_are_told_apart() -> None:
    enforced: dict[str, object] = {"failureAction": "Enforce"}
    message = judge(two(enforced, enforced, name="p", namespace="default"), mutating=False).message
    assert "\np:\n" in message
    assert "\ndefault/p:\n" in message


def test_texts_of_several_lines_stay_readable() -> None:
    assert messages._yaml({"p": {"r": "one: x\n two"}}) == "p:\n  r: |-\n    one: x\n     two\n"
    assert messages._yaml({"p": {"rule10": "b", "rule9": "a"}}) == "p:\n  rule9: a\n  rule10: b\n"
    long = "word " * 200
    assert messages._yaml({"p": {"r": long.strip()}}).count("\n") == 2


def test_a_denial_is_bounded() -> None:
    given = world(signed=False)
    images = [f"ghcr.io/acme/{'a' * 90}{n}:v1" for n in range(400)]
    message = judge(given, pod(*images)).message
    assert len(message) == MAX_MESSAGE
    assert message.endswith("...")


def test_every_kind_of_container_is_named() -> None:
    given = world(signed=False)
    data = pod(
        APP,
        initContainers=[{"name": "setup", "image": APP}],
        volumes=[{"name": "data", "image": {"reference": APP}}],
    )
    message = judge(given, data).message
    for where in ("container c0", "init container setup", "image volume data"):
        assert f"\n{where}: {APP}\n" in message


def test_images_left_out_by_name_are_mentioned() -> None:
    given = World(
        cluster_policy({"failureAction": "Enforce", "verifyDigest": False, "skipImageReferences": [APP]})
    )
    verdict = judge(given)
    assert verdict.allowed
    assert verdict.warnings == (
        f"policy p.verify: skipping image reference image {APP}, policy p ruleName verify",
    )
