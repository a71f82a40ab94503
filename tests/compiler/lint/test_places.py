from pratique.compiler.lint.places import of_setting, of_text
from pratique.grammar.source import Location, Position, Source, Span

TEXT = """\
- keyless:
    subject: "a: b"
    "issuer" : https://x
    rekor: {url: u, ignoreTlog: true}
    note: ignoreTlogs: x
"""
SOURCE = Source("p.yaml", TEXT)
BLOCK = Location(SOURCE, Span(Position(2, 5), Position(6, 1)))


def marked(place: Location | None) -> str:
    assert place is not None
    start, end = place.span
    return place.source.line(start.line)[start.column - 1 : end.column - 1]


def test_settings() -> None:
    assert marked(of_setting(BLOCK, "ignoreTlog")) == "ignoreTlog: true"
    assert marked(of_setting(BLOCK, "issuer")) == '"issuer" : https://x'


def test_texts() -> None:
    assert marked(of_text(BLOCK, "a: b")) == "a: b"


def test_what_cannot_be_told_keeps_the_block() -> None:
    assert of_setting(BLOCK, "missing") == BLOCK
    assert of_text(BLOCK, "r") == BLOCK
    assert of_text(BLOCK, "") == BLOCK
    assert of_setting(None, "issuer") is None


def test_only_the_block_is_looked_at() -> None:
    inner = Location(SOURCE, Span(Position(4, 12), Position(4, 20)))
    assert of_setting(inner, "ignoreTlog") == inner
