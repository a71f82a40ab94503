from __future__ import annotations

from datetime import date
from pathlib import Path

from pratique.compiler.lint.base import Severity
from pratique.compiler.lint.inventory import Inventory, Use
from pratique.grammar.source import Source
from pratique.runtime.configuration.lint_settings import LintSettings
from pratique.runtime.inputs import Inputs
from pratique.runtime.linting import lint
from pratique.runtime.policy_files import policies_of
from tests.support_cel_policies import text as in_cel
from tests.support_lint import patterns, policy_text
from tests.support_policies import KEYLESS, cluster_policy

GOOD = policy_text(patterns("ghcr.io/acme/*"))
LOST = policy_text(patterns("registry.k8s.io/")).replace("name: example", "name: lost")
DOUBLED = policy_text(patterns("ghcr.io/**"))


def test_the_other_files_are_linted_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("apiVersion: [\n")
    (tmp_path / "b.yaml").write_text(LOST)
    (tmp_path / "c.yaml").write_text(GOOD.replace("imageReferences", "imagereferences"))
    report = lint([str(tmp_path), str(tmp_path / "missing.yaml")])
    assert [found.code for found in report.findings] == ["PRQ001"]
    assert {Path(found.location.source.name).name for found in report.mistakes if found.location} == {
        "a.yaml",
        "c.yaml",
    }
    assert "no-such-file" in {found.code for found in report.mistakes}
    assert (report.policies, report.rules) == (1, 1)


def test_mistakes_keep_their_place_and_help() -> None:
    text = GOOD.replace("imageReferences", "imagereferences")
    report = lint(["-"], stdin=text.encode)
    [found, *_] = report.mistakes
    assert found.basis is None
    assert found.severity is Severity.ERROR
    assert found.location is not None
    assert found.location.source.name == "<stdin>"
    assert "imageReferences" in found.problem.help + found.problem.message


def test_severities_below_the_wanted_one_are_left_out() -> None:
    assert [found.code for found in lint(["-"], stdin=DOUBLED.encode).findings] == ["PRQ009"]
    assert lint(["-"], LintSettings(min_severity=Severity.ERROR), stdin=DOUBLED.encode).findings == ()


def test_rules_can_be_chosen() -> None:
    both = lambda: f"{LOST}---\n{DOUBLED}".encode()  # noqa: E731
    assert [found.code for found in lint(["-"], LintSettings(select=("PRQ009",)), stdin=both).findings] == [
        "PRQ009"
    ]
    assert [found.code for found in lint(["-"], stdin=both).findings] == ["PRQ001", "PRQ009"]


def test_other_kinds() -> None:
    others = (
        b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n---\n"
        b"apiVersion: policy.sigstore.dev/v1\nkind: ClusterImagePolicy\nmetadata: {name: i}\n"
    )
    report = lint(["-"], stdin=lambda: others)
    assert [found.code for found in report.mistakes] == ["unsupported-kind"]
    assert report.notices == ("<stdin>:1:1: ConfigMap is not a policy: ignored",)


def test_nothing_to_lint_is_a_mistake() -> None:
    report = lint(["-"], stdin=lambda: b"# nothing\n")
    assert [found.code for found in report.mistakes] == ["no-policy"]


def test_policies_in_cel_are_policies() -> None:
    written = in_cel("ValidatingPolicy", "validations: [{expression: 'true'}]\n")
    report = lint(["-"], stdin=written.encode)
    assert not report.mistakes
    assert report.policies == 1


def test_many_other_documents_are_counted() -> None:
    one = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n---\n"
    report = lint(["-"], stdin=lambda: (one * 20 + GOOD).encode())
    assert report.notices == (
        "20 documents are no policies; the first: <stdin>:1:1: ConfigMap is not a policy: ignored",
    )


EXCEPTION = """\
apiVersion: kyverno.io/v2
kind: PolicyException
metadata: {name: e, namespace: exceptions}
spec:
  match: {any: [{resources: {kinds: [Pod], names: [debug], namespaces: [team]}}]}
  exceptions: [{policyName: example, ruleNames: [verify]}]
"""


def test_exceptions_are_read_beside_policies() -> None:
    assert lint(["-"], stdin=f"{GOOD}---\n{EXCEPTION}".encode).mistakes == ()
    assert lint(["-"], stdin=EXCEPTION.encode).mistakes == ()
    broken = EXCEPTION.replace("policyName: example", 'policyName: ""')
    [found] = lint(["-"], stdin=broken.encode).mistakes
    assert "requires a policy name" in found.problem.message


def test_exceptions_are_mistakes_where_they_are_not_honoured() -> None:
    read = policies_of(Inputs(sources=(Source("e.yaml", EXCEPTION),)))
    assert [mistake.code for mistake in read.mistakes] == ["unsupported-kind"]
    assert read.exemptions == ()


def test_ignores_end() -> None:
    text = LOST.replace('k8s.io/"', 'k8s.io/" # pratique: ignore[PRQ001] until 2024-06-30: as it was')
    codes = {
        today: [found.code for found in lint(["-"], stdin=text.encode, today=today).findings]
        for today in (date(2024, 6, 30), date(2024, 7, 1), None)
    }
    assert list(codes.values()) == [[], ["PRQ001", "PRQ044"], ["PRQ001", "PRQ044"]]


IN_CEL = """\
matchImageReferences: [{glob: 'ghcr.io/acme/*'}]
attestors:
- name: dev
  cosign: {keyless: {identities: [{issuer: 'https://accounts.google.com', subject: %s@acme.example}]}}
validations:
- expression: (%s).all(i, verifyImageSignatures(i, [attestors.dev]) > 0)
"""
ALL = "images.containers + images.initContainers + images.ephemeralContainers"
LIFTED = """\
apiVersion: policies.kyverno.io/v1
kind: PolicyException
metadata: {name: e, namespace: shop}
spec: {policyRefs: [{name: q, kind: ImageValidatingPolicy}]}
"""


def about_images(name: str, lists: str = ALL, who: str = "dev") -> str:
    return in_cel("ImageValidatingPolicy", IN_CEL % (who, lists)).replace("name: p}", f"name: {name}}}", 1)


def codes(*texts: str, inventory: Inventory | None = None) -> list[str]:
    report = lint(["-"], stdin="\n---\n".join(texts).encode, inventory=inventory)
    assert not report.mistakes, report.mistakes
    return [found.code for found in report.findings]


def test_policies_about_images_in_cel_are_compared_with_each_other() -> None:
    one, other = about_images("q"), about_images("r")
    assert codes(one, other) == ["PRQ015"]
    assert codes(one, about_images("r", who="ops")) == ["PRQ014"]
    assert codes(one, about_images("r", "images.containers")) == []
    assert codes(one, other, LIFTED) == []


def test_policies_in_cel_are_not_compared_with_classic_ones() -> None:
    entry = {"attestors": [{"entries": [{"keyless": KEYLESS}]}], "mutateDigest": False}
    assert "PRQ015" not in codes(cluster_policy(entry), about_images("q"))


def test_images_of_policies_in_cel_count_as_verified() -> None:
    uses = [Use(image=f"ghcr.io/{name}/app:v1") for name in ("acme", "other")]
    inventory = Inventory(name="images", uses=tuple(uses))
    for lists in (ALL, "images.containers"):
        report = lint(["-"], stdin=about_images("q", lists).encode, inventory=inventory)
        assert report.coverage
        assert [gap.image for gap in report.coverage.gaps] == ["ghcr.io/other/app:v1"]
