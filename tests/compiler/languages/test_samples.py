from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler import ir
from pratique.compiler.languages.references import images
from pratique.compiler.languages.samples import left_out, samples, taken_away
from pratique.compiler.languages.search import Answer, Proof, Witness
from pratique.grammar import wildcard


def pattern(text: str) -> ir.ImagePattern:
    return ir.ImagePattern(text=text)


def text_of(answer: Answer) -> str | None:
    return answer.text if isinstance(answer, Witness) else None


def test_a_pattern_of_an_organisation() -> None:
    found = samples(pattern("ghcr.io/acme/*"))
    assert text_of(found.tagged) == "ghcr.io/acme/app:1.4.2"
    assert str(text_of(found.digested)).startswith("ghcr.io/acme/app@sha256:")
    assert found.deeper == "ghcr.io/acme/acme/app:1.4.2"
    assert found.missed == ("ghcr.io/app:1.4.2", "registry.k8s.io/etcd:3.5.6-0")


def test_a_pattern_of_tags_has_no_digests() -> None:
    found = samples(pattern("ghcr.io/acme/app:*"))
    assert isinstance(found.digested, Proof)
    assert found.deeper == ""
    assert found.missed[0].startswith("ghcr.io/acme/")


def test_a_pattern_that_matches_nothing_just_misses_what_was_meant() -> None:
    found = samples(pattern("registry.k8s.io/"))
    assert isinstance(found.tagged, Proof)
    assert isinstance(found.digested, Proof)
    assert found.missed[0] == "registry.k8s.io/etcd:3.5.6-0"


def test_everything_misses_nothing() -> None:
    assert samples(pattern("*")).missed == ()


@given(st.text(alphabet="ab*?/:@.-", max_size=12))
def test_examples_show_what_they_are_shown_for(text: str) -> None:
    found = samples(pattern(text))
    by_tag, by_digest = text_of(found.tagged), text_of(found.digested)
    matched = [example for example in (by_tag, by_digest, found.deeper) if example]
    assert all(images().contains(example) and wildcard.matches(text, example) for example in matched)
    assert all(images().contains(missed) and not wildcard.matches(text, missed) for missed in found.missed)
    assert by_tag is None or "@" not in by_tag
    assert by_digest is None or "@sha" in by_digest
    plain = by_tag or by_digest
    assert not found.deeper or (plain and found.deeper.count("/") > plain.count("/"))


@pytest.mark.parametrize(
    ("skip", "expected"), [("ghcr.io/acme/sandbox*", "ghcr.io/acme/sandbox:1.4.2"), ("quay.io/*", None)]
)
def test_what_a_skip_list_leaves_out(skip: str, expected: str | None) -> None:
    include = pattern("ghcr.io/acme/*")
    assert text_of(left_out(include, pattern(skip))) == expected
    region = ir.ImageRegion(include=(include,), skip=(pattern(skip),))
    assert text_of(taken_away(pattern(skip), region)) == expected


def test_a_skip_pattern_within_another_takes_nothing_away_by_itself() -> None:
    region = ir.ImageRegion(
        include=(pattern("ghcr.io/acme/*"),),
        skip=(pattern("ghcr.io/acme/sandbox*"), pattern("ghcr.io/acme/s*")),
    )
    assert isinstance(taken_away(region.skip[0], region), Proof)
    assert text_of(taken_away(region.skip[1], region)) is not None
