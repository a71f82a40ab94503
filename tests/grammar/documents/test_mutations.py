"""Row B32: whatever happens to a valid policy, reading it ends soon, in policies or in errors with places."""

from time import process_time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.grammar.documents import PolicyFile, read_policies
from pratique.grammar.errors import PolicyError
from pratique.grammar.source import Source
from pratique.grammar.text import decode
from pratique.grammar.yaml_tree import plain, read_documents
from tests.support_grammar import json_scalars, policy_sources, to_yaml

SOURCES = policy_sources()
TEXTS = [source.text for source in SOURCES]
DATA = [plain(document.root) for source in SOURCES for document in read_documents(source).documents]
TOKENS = (
    *(
        "---\n",
        "...\n",
        "- ",
        ": ",
        "? ",
        "\n",
        "\n  ",
        "\t",
        "{",
        "}",
        "[",
        "]",
        ",",
        "'",
        '"',
        "|",
        ">",
        "#",
        "%",
    ),
    *(
        "&a ",
        "*a",
        "<<: ",
        "<<: *a\n",
        "!!binary ",
        "!x ",
        "no",
        "~",
        "1e9",
        ".nan",
        "{{ x }}",
        "\\",
        "@",
        "`",
        "é",
    ),
)
TOO_SLOW_S = 8.0


def read(source: Source) -> PolicyFile:
    start = process_time()
    found = read_policies(source)
    assert process_time() - start < TOO_SLOW_S
    for error in found.errors:
        assert error.code
        assert error.location is not None
        line, column = error.location.span.start
        assert line >= 1
        assert column >= 1
        assert len(error.render()) < 4000
    for policy in found.policies:
        data: Any = policy.model.model_dump(by_alias=True, exclude_unset=True)
        again = read_policies(Source("again", to_yaml(data)))
        assert [p.model for p in again.policies] == [policy.model], (
            "accepted, but another policy when reloaded"
        )
    return found


@given(st.sampled_from(TEXTS), st.data())
def test_b32_one_byte(text: str, draw: st.DataObject) -> None:
    data = bytearray(text.encode())
    place = draw.draw(st.integers(0, len(data) - 1))
    match draw.draw(st.sampled_from(["change", "insert", "delete"])):
        case "change":
            data[place] = draw.draw(st.integers(0, 255))
        case "insert":
            data.insert(place, draw.draw(st.integers(0, 255)))
        case _:
            del data[place]
    try:
        source = decode(bytes(data), "p.yaml")
    except PolicyError:
        return
    read(source)


@given(st.sampled_from(TEXTS), st.data())
def test_b32_one_token(text: str, draw: st.DataObject) -> None:
    place = draw.draw(st.integers(0, len(text)))
    token = draw.draw(st.sampled_from(TOKENS))
    read(Source("p.yaml", text[:place] + token + text[place + draw.draw(st.integers(0, 3)) :]))


@given(st.sampled_from(TEXTS), st.data())
def test_b32_one_line(text: str, draw: st.DataObject) -> None:
    lines = text.splitlines(keepends=True)
    place = draw.draw(st.integers(0, len(lines) - 1))
    other = draw.draw(st.integers(0, len(lines) - 1))
    match draw.draw(st.sampled_from(["swap", "double", "delete", "indent"])):
        case "swap":
            lines[place], lines[other] = lines[other], lines[place]
        case "double":
            lines.insert(other, lines[place])
        case "delete":
            del lines[place]
        case _:
            lines[place] = " " + lines[place]
    read(Source("p.yaml", "".join(lines)))


def nodes(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all parts of JSON data."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(found for key, value in inner for found in nodes(value, (*path, key)))]


def replaced(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = data.copy()
    copy[path[0]] = replaced(copy[path[0]], path[1:], value)
    return copy


@given(st.sampled_from(DATA), st.data())
@settings(max_examples=200)
def test_b32_one_node(data: Any, draw: st.DataObject) -> None:
    path = draw.draw(st.sampled_from(nodes(data)))
    other = draw.draw(st.sampled_from(nodes(data)))
    part = data
    for key in other:
        part = part[key]
    value = draw.draw(st.just(part) | json_scalars | st.sampled_from([[], {}, [None], {"a": {}}]))
    read(Source("p.yaml", to_yaml(replaced(data, path, value))))
