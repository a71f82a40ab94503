import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.grammar.kinds import KindError, KindParts, parse_kind, parses
from tests.support_grammar import seconds


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Pod", ("*", "*", "Pod", "")),
        ("*", ("*", "*", "*", "")),
        ("P?d*", ("*", "*", "P?d*", "")),
        ("v1/Pod", ("*", "v1", "Pod", "")),
        ("*/Pod", ("*", "*", "Pod", "")),
        ("v1beta1/CronJob", ("*", "v1beta1", "CronJob", "")),
        ("v2alpha3/X", ("*", "v2alpha3", "X", "")),
        ("apps/v1/Deployment", ("apps", "v1", "Deployment", "")),
        ("networking.k8s.io/v1/Ingress", ("networking.k8s.io", "v1", "Ingress", "")),
        ("apps/*/Deployment", ("apps", "*", "Deployment", "")),
        ("Pod/status", ("*", "*", "Pod", "status")),
        ("Pod.status", ("*", "*", "Pod", "status")),
        ("Pod/ephemeralcontainers", ("*", "*", "Pod", "ephemeralcontainers")),
        ("v1/Pod/status", ("*", "v1", "Pod", "status")),
        ("v1/Pod.status", ("*", "v1", "Pod", "status")),
        ("*/Pod/*", ("*", "*", "Pod", "*")),
        ("*/*", ("*", "*", "*", "*")),
        ("*/status", ("*", "*", "*", "status")),
        ("*/Status", ("*", "*", "Status", "")),
        ("*.*", ("*", "*", "*", "*")),
        ("*/*/*", ("*", "*", "*", "*")),
        ("apps/v1/Deployment/scale", ("apps", "v1", "Deployment", "scale")),
        ("apps/v1/Deployment.scale", ("apps", "v1", "Deployment", "scale")),
        ("*/*/*/*", ("*", "*", "*", "*")),
        # Versions have one digit in Kyverno 1.19.
        ("v10/Kind", ("*", "*", "v10", "Kind")),
        ("v1beta10/Kind", ("*", "*", "v1beta10", "Kind")),
        ("v1gamma1/Kind", ("*", "*", "v1gamma1", "Kind")),
        ("a.b.c.d", ("a", "b", "c", "d")),
    ],
)
def test_selectors_read_as_kyverno_reads_them(text: str, parts: tuple[str, str, str, str]) -> None:
    assert parse_kind(text) == KindParts(*parts)
    assert parses(text)


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", 0),
        ("/", 0),
        ("Pod/", 4),
        ("/Pod", 0),
        ("a//b", 2),
        ("Pod.", 4),
        (".Pod", 0),
        ("a/b/c/d/e", 7),
        ("a/b/c/d.e", 7),
        ("a.b.c.d.e", 7),
        (" Pod", 0),
        ("Pod ", 3),
        ("Pod\n", 3),
        ("{{kind}}", 0),
        ("Pöd", 1),
        ("Pod/x" + "y" * 600, 512),
    ],
)
def test_texts_that_select_nothing_are_refused(text: str, offset: int) -> None:
    with pytest.raises(KindError) as error:
        parse_kind(text)
    assert (error.value.text, error.value.offset) == (text, offset)
    assert f"at offset {offset}" in str(error.value)
    assert len(str(error.value)) < 400
    assert not parses(text)


def test_errors_say_what_was_expected() -> None:
    with pytest.raises(KindError, match="expected a kind or subresource, found the end"):
        parse_kind("Pod.")


@given(st.text("aZ9/.*?v1 \n{", max_size=14))
def test_the_fast_way_reads_the_language_of_the_grammar_file(text: str) -> None:
    if parses(text):
        assert all(parse_kind(text)[:3])
    else:
        with pytest.raises(KindError) as error:
            parse_kind(text)
        assert 0 <= error.value.offset <= len(text)


def test_long_texts_are_refused_at_once() -> None:
    def attempt() -> None:
        with pytest.raises(KindError):
            parse_kind("a/" * 32_768)

    assert seconds(attempt)[0] < 0.01
