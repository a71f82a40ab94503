import pytest
from hypothesis import given, settings

from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.plausible import EXAMPLE_DIGEST
from pratique.compiler.languages.references import images, repositories
from pratique.compiler.languages.search import Proof, Unknown, Witness, find
from pratique.compiler.languages.sets import AllOf, TextSet, contains, difference
from pratique.compiler.languages.wording import example
from tests.support_languages import IMAGE_PATTERNS, SMALL, SMALL_WORDS, small_globs, text_sets


@settings(max_examples=400)
@given(text_sets(small_globs()))
def test_same_answers_as_the_plain_search(texts: TextSet) -> None:
    plain, nice = find(texts, SMALL), example(texts, SMALL)
    assert type(plain) is type(nice)
    if isinstance(nice, Witness):
        assert nice.text in SMALL_WORDS
        assert contains(texts, nice.text)


@settings(max_examples=200)
@given(IMAGE_PATTERNS, IMAGE_PATTERNS)
def test_same_answers_on_images(first: str, second: str) -> None:
    texts = AllOf((Glob.parse(first), Glob.parse(second)))
    answer = example(texts, images())
    assert type(answer) is type(find(texts, images()))
    if isinstance(answer, Witness):
        assert images().exact.contains(answer.text)
        assert contains(texts, answer.text)


@pytest.mark.parametrize(
    ("pattern", "witness"),
    [
        ("registry.k8s.io/*", "registry.k8s.io/etcd:3.5.6-0"),
        ("registry.k8s.io/kube-*", "registry.k8s.io/kube-apiserver:v1.26.3"),
        ("*", "registry.k8s.io/etcd:3.5.6-0"),
        ("*/nginx:*", "docker.io/nginx:1.25.3"),
        ("nginx*", "nginx.example.com/app:1.4.2"),
        ("*.azurecr.io/*", "registry.azurecr.io/app:1.4.2"),
        ("ghcr.io/other/*", "ghcr.io/other/app:1.4.2"),
        ("ghcr.io/other*", "ghcr.io/other:1.4.2"),
        ("ghcr.io/other/*@*", f"ghcr.io/other/app@{EXAMPLE_DIGEST}"),
        ("ghcr.io/other/*-dev", "ghcr.io/other/app:1.4.2-dev"),
        ("harbor.corp/*/backend/*:release-*", "harbor.corp/app/backend/app:release-1.4.2"),
    ],
)
def test_witnesses_read_like_images(pattern: str, witness: str) -> None:
    assert example(Glob.parse(pattern), images()) == Witness(witness)


def test_witnesses_of_combinations() -> None:
    boundary = difference(*(Glob.parse(f"ghcr.io/acme{end}") for end in ("*", ":*", "@*", "/*")))
    assert example(boundary, images()) == Witness("ghcr.io/acme-app:1.4.2")
    pair = AllOf((Glob.parse("*-operator:*"), Glob.parse("*.azurecr.io/platform/web*")))
    assert example(pair, images()) == Witness("registry.azurecr.io/platform/web-operator:1.4.2")
    assert example(Glob.parse("ghcr.io/*"), repositories()) == Witness("ghcr.io/acme/app")


def test_limits_hold_for_worded_witnesses() -> None:
    full = Glob.parse("ghcr.io/" + "p" * 253 + "*:v*")
    answer = example(full, images())
    assert isinstance(answer, Witness)
    assert images().exact.contains(answer.text)
    assert isinstance(example(Glob.parse("ghcr.io/" + "p" * 256 + "*:v*"), images()), Proof)


def test_budget() -> None:
    hard = AllOf((Glob.parse("*a" + "?" * 18), Glob.parse("*b" + "?" * 18 + "a*"), Glob.parse("*:c*d")))
    assert isinstance(example(hard, images(), max_states=500), Unknown)
