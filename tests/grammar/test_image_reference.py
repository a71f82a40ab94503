"""Rows I1 to I13 of the catalogue of bad image strings, and the grammar file as the judge of the fast way."""

import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pratique.grammar.errors import PratiqueError
from pratique.grammar.image_reference import (
    MAX_TEXT,
    ImageReference,
    ImageReferenceError,
    parse_image,
    parses,
)
from tests.support_grammar import seconds

HEX = "0123456789abcdef" * 4
SHA256 = f"sha256:{HEX}"
SHA512 = f"sha512:{HEX}{HEX}"


def read(text: str) -> ImageReference | ImageReferenceError:
    try:
        return parse_image(text)
    except ImageReferenceError as error:
        return error


def refused(text: str) -> ImageReferenceError:
    with pytest.raises(ImageReferenceError) as error:
        parse_image(text)
    assert not parses(text)
    assert 0 <= error.value.offset <= len(text)
    assert error.value.text == text
    return error.value


@pytest.mark.parametrize(
    ("text", "match_string"),
    [
        ("nginx", "docker.io/nginx:latest"),
        ("nginx:1.25", "docker.io/nginx:1.25"),
        ("library/nginx", "docker.io/library/nginx:latest"),
        ("user/app", "docker.io/user/app:latest"),
        ("team/app:1", "docker.io/team/app:1"),
        ("reg.example/a/b:v1", "reg.example/a/b:v1"),
        ("my_team/a__b-c.d", "docker.io/my_team/a__b-c.d:latest"),
    ],
)
def test_i1_defaults_are_added(text: str, match_string: str) -> None:
    assert parse_image(text).match_string == match_string


def test_i1_another_default_registry() -> None:
    assert (
        parse_image("nginx", default_registry="mirror.example").match_string == "mirror.example/nginx:latest"
    )


def test_i2_host_is_compared_in_lower_case() -> None:
    assert parse_image("REG.example/app:V1").match_string == "reg.example/app:V1"
    assert parse_image("[FE80::A]:5000/app").registry == "[fe80::a]:5000"


def test_a_host_that_only_its_upper_case_makes_one_stays() -> None:
    """In lower case it would be a path of the default registry, and so another image."""
    assert parse_image("Team/app").match_string == "Team/app:latest"


def test_i2_repository_in_upper_case_is_invalid() -> None:
    assert refused("REG.example/App:V1").offset == 12
    assert refused("NGINX").offset == 0


@pytest.mark.parametrize(
    ("text", "registry", "path", "tag"),
    [
        ("reg:5000/app", "reg:5000", "app", "latest"),
        ("localhost/app", "localhost", "app", "latest"),
        ("localhost:5000/app", "localhost:5000", "app", "latest"),
        ("app:5000", "docker.io", "app", "5000"),
        ("localhost", "docker.io", "localhost", "latest"),
        ("a.b/c", "a.b", "c", "latest"),
        ("ab/c", "docker.io", "ab/c", "latest"),
        ("reg.example:443/a/b:1", "reg.example:443", "a/b", "1"),
    ],
)
def test_i3_host_port_or_tag(text: str, registry: str, path: str, tag: str) -> None:
    assert parse_image(text) == ImageReference(registry, path, tag)


@pytest.mark.parametrize(
    ("text", "registry"),
    [
        ("[::1]:5000/app", "[::1]:5000"),
        ("[2001:db8::1]/app", "[2001:db8::1]"),
        ("127.0.0.1/app", "127.0.0.1"),
        ("169.254.169.254/latest/meta-data", "169.254.169.254"),
    ],
)
def test_i4_addresses_are_hosts(text: str, registry: str) -> None:
    assert parse_image(text).registry == registry


def test_i4_an_integer_is_no_address_and_zones_are_invalid() -> None:
    assert parse_image("2130706433/app") == ImageReference("docker.io", "2130706433/app", "latest")
    assert refused("[fe80::1%25eth0]/app").offset == 8
    refused("[fe80]/app")


def test_i5_digest() -> None:
    image = parse_image(f"reg.example/app@{SHA256}")
    assert image == ImageReference("reg.example", "app", "", SHA256)
    assert image.match_string == str(image) == f"reg.example/app@{SHA256}"


def test_i6_digest_wins_over_tag() -> None:
    image = parse_image(f"reg.example/app:v1@{SHA256}")
    assert (image.tag, image.digest) == ("v1", SHA256)
    assert image.match_string == f"reg.example/app@{SHA256}"
    assert str(image) == f"reg.example/app:v1@{SHA256}"


def test_i7_registered_digests_only() -> None:
    assert parse_image(f"app@{SHA512}").digest == SHA512
    assert refused(f"app@sha384:{HEX}{HEX[:32]}").offset == 4
    assert refused(f"app@md5:{HEX[:32]}").offset == 4
    assert refused(f"app@{SHA256[:-1]}").offset == len("app@") + len(SHA256) - 1
    assert refused(f"app@{SHA256}0").offset == len("app@") + len(SHA256)
    assert refused(f"app@{SHA512[:-2]}").offset == len("app@") + len(SHA512) - 2
    assert refused(f"app@{SHA256.upper()}").offset == 4
    assert refused(f"app@sha256:{HEX.upper()}").offset == len("app@sha256:0123456789")
    assert refused("app@sha256:").offset == len("app@sha256:")
    assert refused("app@").offset == 4


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        (" nginx", 0),
        ("nginx ", 5),
        ("nginx\n", 5),
        ("nginx\r", 5),
        ("nginx\t", 5),
        ("nginx\0", 5),
        ("ng\u200binx", 2),
        ("ng\u00adinx", 2),
        ('"nginx"', 0),
        ("'nginx'", 0),
        ("reg.example/nginx:1 ", 19),
        (f"nginx@{SHA256}\n", 77),
    ],
)
def test_i8_nothing_is_trimmed(text: str, offset: int) -> None:
    assert refused(text).offset == offset


@pytest.mark.parametrize(
    "text",
    ["g\u0441r.io/app", "\uff4eginx", "reg.example/\uff41pp", "nginx:\u2170", "reg.é/app", "a:\u0661"],
)
def test_i9_ascii_only(text: str) -> None:
    assert refused(text).reason.isascii()


def test_i9_punycode_is_ascii_and_stays() -> None:
    assert parse_image("xn--gr-gmc.io/app").registry == "xn--gr-gmc.io"


@pytest.mark.parametrize(
    "text",
    [
        "../app",
        "reg.x/../app",
        "reg.x//app",
        "reg.x/app/",
        "reg.x/.app",
        "%2e%2e/app",
        "reg.x/app:..",
        "reg\\app",
        "/app",
        "reg.x/",
        "reg.x/app.",
        "reg.x/a..b",
        "reg.x/a___b",
        "reg.x/-a",
        "reg.x/a:",
        "reg.x/a:-1",
        "-r.x/a",
        "r-.x/a",
        "r..x/a",
        "reg.x:/a",
        "reg.x:a/b",
        ".reg.x/a",
    ],
)
def test_i10_paths_that_lead_elsewhere(text: str) -> None:
    refused(text)


@pytest.mark.parametrize(
    "text",
    ["https://reg.x/app", "docker://reg.x/app", "oci://reg.x/app", "reg.x/app?x=1", "reg.x/app#f", "a@b/c"],
)
def test_i11_urls(text: str) -> None:
    refused(text)


@pytest.mark.parametrize(
    "text", ["user:secret@reg.x/app", "https://user:secret@reg.x/app", "secret@reg.x:1/a/b:c"]
)
def test_i11_credentials_are_never_shown(text: str) -> None:
    error = refused(text)
    assert "secret" not in str(error)
    assert "reg.x" in str(error)


@pytest.mark.parametrize(
    "text",
    [
        f"a:{'t' * 129}",
        "a" * 256,
        "a/" * 128,
        f"r.x/{'a' * 256}:1",
        f"{'a.' * 128}x/b",
        "r" * 4096,
        "a/" * 32_768,
        "a:" * 32_768,
        "." * 65_536,
        "a-" * 32_768 + "/b",
        "A" * 65_536,
        "[" + ":" * 65_536 + "]/a",
        "1" * MAX_TEXT,
    ],
)
def test_i12_lengths(text: str) -> None:
    time, found = seconds(lambda: read(text))
    assert isinstance(found, ImageReferenceError)
    assert time < 0.001
    assert len(str(refused(text))) < 1000


def test_i12_longest() -> None:
    assert parse_image(f"a:{'t' * 128}").tag == "t" * 128
    assert parse_image("a" * 255).path == "a" * 255
    longest = f"{'a' * 249}.x:80/{'a' * 255}:{'t' * 128}@{SHA512}"
    assert parse_image(longest).digest == SHA512
    assert refused(f"r.x/{'a' * 256}").offset == 4 + 255
    assert refused(f"a:{'t' * 129}").offset == 2 + 128


def test_i13_empty() -> None:
    error = refused("")
    assert (error.offset, error.reason) == (0, "it is empty")


def test_parts() -> None:
    image = parse_image("reg.example:1/a/b/c:v1")
    assert (image.repository, image.name, str(image)) == (
        "reg.example:1/a/b/c",
        "c",
        "reg.example:1/a/b/c:v1",
    )
    assert parse_image("nginx").name == "nginx"


def test_errors_say_what_was_expected() -> None:
    error = refused("reg.example/App")
    assert isinstance(error, PratiqueError)
    assert str(error) == (
        "'reg.example/App' is not an image reference: expected a part of the path (lower case), found 'A'"
        " (at offset 12)"
    )
    assert refused("nginx ").reason == "expected / or : or @ or the end, found ' '"


def test_a_parse_costs_less_than_ten_microseconds() -> None:
    def many() -> None:
        for _ in range(1000):
            parse_image("registry.example.com:5000/team/app/component:v1.2.3")

    assert seconds(many)[0] < 0.010


def test_the_good_path_does_not_load_lark() -> None:
    code = (
        "import sys; from pratique.grammar import image_reference, kinds, wildcard, yaml_tree, documents\n"
        "image_reference.parse_image('a'); kinds.parse_kind('Pod'); assert 'lark' not in sys.modules\n"
        "try: image_reference.parse_image('A')\n"
        "except image_reference.ImageReferenceError as e: assert 'lark' not in sys.modules; e.offset\n"
        "assert 'lark' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- the grammar file is the definition ----------------------------------------------------------------

labels = st.text("aZ0-", min_size=1, max_size=4)
hosts = st.lists(labels, min_size=1, max_size=3).map(".".join) | st.sampled_from(
    ["localhost", "[::1]", "[a]"]
)
ports = st.sampled_from(["", ":", ":80", ":x"])
components = st.text("a0._-", min_size=1, max_size=5)
paths = st.lists(components, min_size=1, max_size=3).map("/".join)
tags = st.sampled_from(["", ":", ":v1", ":-", ":V.1-x_", ":" + "t" * 128, ":" + "t" * 129])
digests = st.sampled_from(
    ["", f"@{SHA256}", f"@{SHA512}", f"@{SHA256}0", f"@{SHA256[:-1]}", "@", "@md5:00", f"@{SHA256.upper()}"]
)


@st.composite
def near_references(draw: st.DrawFn) -> str:
    """Texts that are mostly references, with at most one character changed."""
    host = draw(st.just("") | st.tuples(hosts, ports).map(lambda parts: f"{parts[0]}{parts[1]}/"))
    text = f"{host}{draw(paths)}{draw(tags)}{draw(digests)}"
    if draw(st.booleans()):
        place = draw(st.integers(0, len(text)))
        text = (
            text[:place]
            + draw(st.sampled_from([*"aA0./:@-_[]% \n\té", ""]))
            + text[place + draw(st.integers(0, 1)) :]
        )
    return text


@given(near_references())
@example("a\n")
@example("a" * 256)
@example("a__b/c--d:e")
@example("a___b")
@example("é.x/a")
def test_the_fast_way_reads_the_language_of_the_grammar_file(text: str) -> None:
    found = read(text)
    assert parses(text) is isinstance(found, ImageReference)
    if isinstance(found, ImageReference):
        assert parse_image(str(found)) == found
        assert found.match_string in (str(found), f"{found.repository}@{found.digest}")
    else:
        assert 0 <= found.offset <= len(text)
        assert found.reason


@given(st.text(max_size=30))
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    found = read(text)
    if isinstance(found, ImageReference):
        assert text.isascii()
        assert found.path in text
        assert found.registry
        assert found.digest or found.tag
    else:
        assert str(found).isascii()


@given(near_references().filter(lambda text: 0 < len(text) <= MAX_TEXT))
def test_what_stands_in_front_of_the_offset_is_no_mistake(text: str) -> None:
    """It is the beginning of some reference."""
    found = read(text)
    if isinstance(found, ImageReference):
        return
    start = text[: found.offset]
    digits = start.rpartition(":")[2]
    endings = ["", "a", "a/a", "/a", "]/a", "a]/a", "0/a", "a.b/a", ":]/a"]
    endings += [SHA256, HEX[len(digits) :], (HEX + HEX)[len(digits) :]]
    assert any(parses(start + ending) for ending in endings)
