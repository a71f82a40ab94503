from __future__ import annotations

from pathlib import Path

import pytest

from pratique.compiler import ir
from pratique.compiler.lint.base import Severity
from pratique.runtime.language_server import analysis
from pratique.runtime.language_server.analysis import Analysis, analyse
from pratique.runtime.language_server.documents import OpenDocument
from tests.support_cel_policies import text as in_cel
from tests.support_lint import patterns, policy_text
from tests.support_policies import read
from tests.support_sigstore import written

TAGS = policy_text(patterns("ghcr.io/acme/app:*"))


def document(text: str, uri: str = "file:///p/here.yaml") -> OpenDocument:
    return OpenDocument.of(uri, 1, text)


def lowered(text: str) -> tuple[ir.Policy, ...]:
    return read(text).policies.policies


def codes(text: str, **neighbours: str) -> list[str]:
    beside = {f"/p/{name}.yaml": lowered(other) for name, other in neighbours.items()}
    return [finding.code for finding in analyse(document(text), beside).findings]


def test_a_document_by_itself() -> None:
    assert "PRQ003" in codes(TAGS)


def test_neighbours_change_what_is_found() -> None:
    digests = policy_text(patterns("ghcr.io/acme/app@*")).replace("name: example", "name: other")
    assert "PRQ003" not in codes(TAGS, other=digests)


def test_findings_of_neighbours_are_not_shown_here() -> None:
    lost = policy_text(patterns("registry.k8s.io/")).replace("name: example", "name: other")
    assert codes(policy_text(patterns("ghcr.io/acme/*")), other=lost) == codes(
        policy_text(patterns("ghcr.io/acme/*"))
    )


def test_another_version_of_the_same_policy_is_left_out() -> None:
    # An overlay of the same base: it does not count as verifying the digests, and it is no duplicate.
    other_version = policy_text(patterns("ghcr.io/acme/app@*"))
    found = analyse(document(TAGS), {"/p/overlay.yaml": lowered(other_version)})
    assert "PRQ003" in [finding.code for finding in found.findings]
    assert not found.mistakes


def test_the_saved_text_of_the_document_is_not_its_neighbour() -> None:
    saved = policy_text(patterns("ghcr.io/acme/app@*")).replace("name: example", "name: before")
    assert "PRQ003" in codes(TAGS, here=saved)


def test_policies_twice_in_one_document_are_a_mistake() -> None:
    found = analyse(document(f"{TAGS}---\n{TAGS}"), {})
    assert [mistake.code for mistake in found.mistakes] == ["duplicate-policy"]


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: kyverno.io/v1\nkind: [",
        "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\n\tmetadata:",
        "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\n",
        "kyverno.io/\x00",
        "kyverno.io/\ud800",
        '{"apiVersion": "kyverno.io/v1", "kind": ',
        "[" * 3000 + "kyverno.io/",
        "a: &a [kyverno.io/]\nb: &b [*a,*a]\nc: [*b,*b,*b]\n" + "d: *c\n" * 2000,
    ],
)
def test_bad_text_is_a_mistake_with_a_place(text: str) -> None:
    found = analyse(document(text), {})
    assert found.mistakes
    assert all(mistake.location for mistake in found.mistakes)


def test_what_is_no_policy_is_left_alone() -> None:
    assert not analyse(document("a: [\n{{ .Values }}"), {}).mistakes


def test_a_large_document_is_not_analysed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "MAX_CHARACTERS", 100)
    found = analyse(document(TAGS), {})
    assert [mistake.code for mistake in found.mistakes] == ["too-large"]
    assert not found.findings


def test_comments_are_not_called_unused_where_a_policy_cannot_be_read() -> None:
    meant = policy_text(patterns("ghcr.io/acme/*")).replace(
        '"ghcr.io/acme/*"', '"ghcr.io/acme/*" # pratique: ignore[PRQ001] not yet'
    )
    assert "PRQ044" in codes(meant)
    assert "PRQ044" not in codes(meant + "---\nkind: ClusterPolicy\napiVersion: kyverno.io/v1\nspec: 1\n")


# --- settings ------------------------------------------------------------------------------------------


def at(path: Path, text: str) -> Analysis:
    return analyse(OpenDocument.of(path.as_uri(), 1, text), {})


def test_the_nearest_configuration_counts(tmp_path: Path) -> None:
    text = policy_text(patterns("registry.k8s.io/", "ghcr.io/**"))
    path = tmp_path / "policies/p.yaml"
    path.parent.mkdir()
    assert [found.code for found in at(path, text).findings] == ["PRQ001", "PRQ009"]
    configuration = tmp_path / "pratique.toml"
    configuration.write_text("[lint]\nignore = ['PRQ001']\n[lint.severity]\nPRQ009 = 'info'\n")
    [found] = at(path, text).findings
    assert (found.code, found.severity) == ("PRQ009", Severity.INFO)
    configuration.write_text("[lint]\ntarget = '1.18'\nselect = ['PRQ051']\n")
    assert [found.code for found in at(path, text).findings] == ["PRQ051"]


def test_a_configuration_with_mistakes_is_told_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "pratique.toml").write_text("[lint]\nignor = ['PRQ001']\n")
    found = at(tmp_path / "p.yaml", policy_text(patterns("registry.k8s.io/")))
    assert [each.code for each in found.findings] == ["PRQ001"]
    assert "pratique.toml:2:1: error[wrong-setting]: " in found.notice
    assert found.notice.endswith("there is no setting `ignor`; the defaults count until it is mended")
    (tmp_path / "pratique.toml").write_text("[lint\n")
    assert "toml-syntax" in at(tmp_path / "p.yaml", policy_text(patterns("registry.k8s.io/"))).notice


def test_what_is_no_file_has_the_defaults() -> None:
    text = policy_text(patterns("registry.k8s.io/"))
    found = analyse(OpenDocument.of("untitled:Untitled-1", 1, text), {})
    assert [each.code for each in found.findings] == ["PRQ001"]


def test_ignores_end() -> None:
    text = policy_text(patterns("registry.k8s.io/"))
    ended = text.replace('k8s.io/"', 'k8s.io/" # pratique: ignore[PRQ001] until 2024-06-30: as it was')
    assert [each.code for each in analyse(document(ended), {}).findings] == ["PRQ001", "PRQ044"]


def test_policies_of_other_languages() -> None:
    wide = "{keyless: {identities: [{issuerRegExp: '.*', subject: dev@acme.example}]}}"
    assert codes(written(wide)) == ["PRQ023"]
    lists = "images.containers + images.initContainers + images.ephemeralContainers"
    spec = (
        "attestors:\n- name: dev\n  cosign: {keyless: {identities: [{issuer: i, subject: s}]}}\n"
        f"validations:\n- expression: ({lists}).all(i, verifyImageSignatures(i, [attestors.dev]) > 0)\n"
    )
    one = in_cel("ImageValidatingPolicy", spec)
    assert codes(one, early=one.replace("name: p", "name: a")) == ["PRQ015"]
    assert codes(one) == []
