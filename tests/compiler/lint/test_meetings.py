from __future__ import annotations

from typing import Any

from pratique.compiler.languages.references import digested, images
from pratique.compiler.lint.facts import Facts, Site
from pratique.compiler.lint.meetings import MAX_MEETINGS, Meeting, Question, meetings
from pratique.compiler.lint.neighbours import Neighbours
from tests.support_policies import read
from tests.support_rule_sets import entry, pods, policy, rule, together


def names(site: Site) -> str | None:
    return None if site.rule.name == "left-out" else site.rule.name


def met(*rules: dict[str, Any], **more: Any) -> list[list[Meeting[str]]]:
    """Return the meetings of rules of different names."""
    facts = Facts(read(together(*(policy(f"p{n}", each) for n, each in enumerate(rules)))).policies)
    universe = more.get("universe", images)
    question: Question[str, str] = Question(
        key=names, clash=lambda one, other: f"{one} and {other}", universe=lambda _one, _other: universe()
    )
    return list(meetings(facts, Neighbours(facts, facts.sites), facts.sites, question))


def told(found: list[list[Meeting[str]]]) -> list[str]:
    return [f"{each.clash}: {each.point}" for group in found for each in group]


def test_an_image_and_a_resource_of_both() -> None:
    found = met(
        rule("a", entry("ghcr.io/*")), rule("b", entry("ghcr.io/acme/*"), match=pods(namespaces=["prod"]))
    )
    assert told(found) == ["a and b: ghcr.io/acme/app:1.4.2 in Pod prod/app"]
    (only,) = found[0]
    assert (only.first.rule.name, only.second.rule.name) == ("a", "b")


def test_equal_keys_never_clash_and_entries_without_one_are_not_asked_about() -> None:
    assert met(rule("a", entry("ghcr.io/*")), rule("a", entry("ghcr.io/*"))) == []
    assert met(rule("a", entry("ghcr.io/*")), rule("left-out", entry("ghcr.io/*"))) == []


def test_skipped_images_are_not_met() -> None:
    assert (
        met(rule("a", entry("ghcr.io/*", skip=("ghcr.io/acme*",))), rule("b", entry("ghcr.io/acme/*"))) == []
    )
    (found,) = told(
        met(rule("a", entry("ghcr.io/*", skip=("ghcr.io/acme/app*",))), rule("b", entry("ghcr.io/acme/*")))
    )
    assert "ghcr.io/acme/" in found


def test_images_that_count() -> None:
    rules = rule("a", entry("ghcr.io/*")), rule("b", entry("ghcr.io/acme/*"))
    (found,) = told(met(*rules, universe=digested))
    assert "@sha256:" in found
    assert met(*rules, universe=lambda: None) == []


def test_no_more_than_a_few_are_told() -> None:
    found = met(*(rule(f"r{n}", entry("ghcr.io/*")) for n in range(6)))
    assert [len(group) for group in found] == [1, 2, *(min(n, MAX_MEETINGS) for n in (3, 4, 5))]
