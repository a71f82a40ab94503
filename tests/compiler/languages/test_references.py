import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pratique.compiler.languages.plausible import EXAMPLE_DIGEST
from pratique.compiler.languages.references import (
    Universe,
    digested,
    digits,
    images,
    paths,
    registries,
    repositories,
    short,
    tagged,
    tags,
)
from pratique.grammar.image_reference import (
    DEFAULT_REGISTRY,
    MAX_HOST,
    MAX_PATH,
    MAX_TAG,
    ImageReferenceError,
    has_host,
    parse_image,
)

HEX64, HEX128 = "0123456789abcdef" * 4, "0123456789abcdef" * 8


def canonical(text: str) -> bool:
    """The definition: as an image of a resource, `text` is compared as it stands."""
    try:
        return "/" in text and parse_image(text).match_string == text
    except ImageReferenceError:
        return False


HOSTS = st.one_of(
    st.sampled_from(
        ["ghcr.io", "localhost", "localhost:5000", "[::1]:5000", "[abc]", "[12]", "12", "a-b.c", "A.b"]
    ),
    st.text(alphabet="ab1.-:[]A", max_size=8),
)
PATHS = st.one_of(
    st.sampled_from(["nginx", "acme/app", "a__b/c---d", "a_.b", "a..b", "a/", "/a", "A/b", "a___b"]),
    st.text(alphabet="ab1._-/", min_size=1, max_size=8),
)
TAILS = st.one_of(
    st.sampled_from(
        [
            "",
            ":latest",
            ":_x.Y-z",
            ":-x",
            f"@sha256:{HEX64}",
            f"@sha512:{HEX128}",
            f"@sha384:{HEX64}{HEX64[:32]}",
            f"@sha256:{HEX64[1:]}",
            f"@sha256:{HEX64}0",
            f"@sha256:{HEX64.upper()}",
            f":v1@sha256:{HEX64}",
        ]
    ),
    st.text(alphabet=":@aZ1._-", max_size=6),
)


@given(st.builds(lambda host, path, tail: f"{host}/{path}{tail}", HOSTS, PATHS, TAILS))
@example("a/a:a")
@example("1/a:a")
@example("nginx:1")
@example("A.example/a:a")
@example("Team/a:a")
@example("Localhost/a:a")
@example("[ABC]/a:a")
@example("A:1/a:a")
def test_universe_is_what_normalisation_yields(text: str) -> None:
    assert images().exact.contains(text) == canonical(text)
    assert images().contains(text) == canonical(text)


@given(st.text(alphabet="aA1.:/@-_[]é ", max_size=12))
def test_universe_on_loose_texts(text: str) -> None:
    assert images().exact.contains(text) == canonical(text)


@given(st.builds(lambda host, path, tail: f"{host}/{path}{tail}", HOSTS, PATHS, TAILS))
def test_every_image_is_compared_as_a_member(text: str) -> None:
    try:
        reference = parse_image(text).match_string
    except ImageReferenceError:
        return
    assert images().exact.contains(reference)
    assert parse_image(reference).match_string == reference


@pytest.mark.parametrize(
    ("text", "member"),
    [
        (f"ghcr.io/{'a' * MAX_PATH}:1", True),
        (f"ghcr.io/{'a' * (MAX_PATH + 1)}:1", False),
        (f"ghcr.io/{'a/' * 127}a@{EXAMPLE_DIGEST}", True),
        (f"ghcr.io/{'a/' * 127}aa@{EXAMPLE_DIGEST}", False),
        (f"ghcr.io/a:{'t' * MAX_TAG}", True),
        (f"ghcr.io/a:{'t' * (MAX_TAG + 1)}", False),
        (f"{'a.' * 126}abc/a:1", True),
        (f"{'a.' * 127}ab/a:1", False),
    ],
)
def test_limits(text: str, member: bool) -> None:
    assert images().contains(text) is member
    assert canonical(text) is member
    assert images().relaxed.contains(text)
    assert len(text.partition("/")[0]) in (MAX_HOST, MAX_HOST + 1) or text.startswith("ghcr.io/")


@pytest.mark.parametrize(
    "universe", [images(), tagged(), digested(), repositories(), registries(), paths(), tags()]
)
def test_relaxed_holds_exact(universe: Universe) -> None:
    assert all(universe.exact.contains(text) for text in universe.examples)
    word = universe.exact.completion(0)
    assert word is not None
    assert universe.relaxed.contains(word)


@given(st.builds(lambda host, path, tail: f"{host}/{path}{tail}", HOSTS, PATHS, TAILS))
def test_texts_up_to_the_safe_length_break_no_limit(text: str) -> None:
    if len(text) <= images().safe_length:
        assert images().relaxed.contains(text) == images().exact.contains(text)


def test_forms_are_apart() -> None:
    by_tag, by_digest = "ghcr.io/acme/app:1", f"ghcr.io/acme/app@{EXAMPLE_DIGEST}"
    assert tagged().contains(by_tag)
    assert not tagged().contains(by_digest)
    assert digested().contains(by_digest)
    assert not digested().contains(by_tag)
    assert digits("sha256").contains(HEX64)
    assert not digits("sha512").contains(HEX64)


def test_examples_are_stable_under_normalisation() -> None:
    for text in images().examples:
        assert parse_image(text).match_string == text


@given(st.builds(lambda path, tail: path + tail, PATHS, TAILS))
@example("localhost/a")
@example("a.b/c")
@example("a.b")
@example("nginx:5000/x")
def test_short_names_are_what_gets_the_default_registry(text: str) -> None:
    try:
        reference = parse_image(text)
    except ImageReferenceError:
        assert not short().exact.contains(text)
        return
    tagged_and_pinned = "@" in text and ":" in text.partition("@")[0]
    added = not has_host(text) and not tagged_and_pinned
    assert short().exact.contains(text) == added
    if added:
        assert reference.registry == DEFAULT_REGISTRY
