import pytest
from hypothesis import given, settings

from pratique.compiler.languages.boxes import Boxes
from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.references import images
from pratique.compiler.languages.search import Proof, Witness, find
from pratique.compiler.languages.sets import AllOf
from tests.support_languages import IMAGE_PATTERNS


@settings(max_examples=400)
@given(IMAGE_PATTERNS, IMAGE_PATTERNS)
def test_meetings_agree_with_the_product_search(first: str, second: str) -> None:
    one, other = Glob.parse(first), Glob.parse(second)
    boxes = Boxes()
    answer = boxes.meet(boxes.cut(one), boxes.cut(other))
    assert type(answer) is type(find(AllOf((one, other)), images()))
    if isinstance(answer, Witness):
        assert images().exact.contains(answer.text)
        assert one.matches(answer.text)
        assert other.matches(answer.text)


@given(IMAGE_PATTERNS)
def test_no_box_means_no_reference(pattern: str) -> None:
    boxes = Boxes()
    cut = boxes.cut(Glob.parse(pattern))
    assert bool(cut) != isinstance(find(Glob.parse(pattern), images()), Proof)
    assert bool(boxes.sample(cut)) == bool(cut)


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("ghcr.io/acme/*:v1*", 1),
        ("ghcr.io/acme/app@sha256:*", 1),
        ("*.example.com/app:1", 2),
        ("ghcr.io/acme/*", 3),  # a tag, or a digest of either algorithm
        ("registry.k8s.io/", 0),
        ("ghcr.io/acme/*@md5:*", 0),
    ],
)
def test_ways_to_cut(pattern: str, count: int) -> None:
    assert len(Boxes().cut(Glob.parse(pattern))) == count


def test_limits_hold_section_by_section() -> None:
    boxes = Boxes()
    assert boxes.cut(Glob.parse("ghcr.io/" + "p" * 255 + ":*"))
    assert not boxes.cut(Glob.parse("ghcr.io/" + "p" * 256 + ":*"))
    assert not boxes.cut(Glob.parse("ghcr.io/app:" + "t" * 129))


def test_digests_meet_in_their_digits() -> None:
    boxes = Boxes()
    first, second = (boxes.cut(Glob.parse(f"ghcr.io/app@sha256:{end}")) for end in ("abc*", "*def"))
    answer = boxes.meet(first, second)
    assert isinstance(answer, Witness)
    assert answer.text.startswith("ghcr.io/app@sha256:abc")
    assert answer.text.endswith("def")
