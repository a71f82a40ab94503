"""The index finds exactly the patterns that match, whatever it filed them under."""

from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler.pattern_index import PatternIndex
from pratique.grammar import wildcard

PIECES = ["registry.k8s.io/", "ghcr.io/acme", "kube-", "etcd", ":v1.2", "@sha256:", "*", "?", "a", "/", "**"]
texts = st.lists(st.sampled_from([p for p in PIECES if "*" not in p and "?" not in p]), max_size=6).map(
    "".join
)
patterns = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)


@given(st.lists(patterns, max_size=12), texts)
def test_agrees_with_matching_one_by_one(globs: list[str], text: str) -> None:
    index = PatternIndex(list(zip(globs, range(len(globs)), strict=True)))
    assert index.lookup(text) == {n for n, glob in enumerate(globs) if wildcard.matches(glob, text)}


def test_one_number_for_several_patterns_and_several_numbers_for_one() -> None:
    index = PatternIndex([("ghcr.io/acme/*", 1), ("ghcr.io/acme/*", 2), ("*:v1", 1)])
    assert index.lookup("ghcr.io/acme/app:v1") == {1, 2}
    assert index.lookup("docker.io/app:v1") == {1}


def test_looks_at_no_pattern_that_shares_nothing_with_the_text() -> None:
    class Counting(wildcard.Wildcard):
        __slots__ = ()
        asked = 0

        def matches(self, text: str) -> bool:
            Counting.asked += 1
            return super().matches(text)

    index = PatternIndex((f"ghcr.io/team-{n:05}/*", n) for n in range(10_000))
    index._filed = {
        gram: [(Counting(w.pattern), numbers) for w, numbers in entries]
        for gram, entries in index._filed.items()
    }
    assert index.lookup("ghcr.io/team-00017/app:v1") == {17}
    assert Counting.asked <= 20
    Counting.asked = 0
    assert index.lookup("registry.k8s.io/etcd:3.5.6-0") == set()
    assert Counting.asked == 0
