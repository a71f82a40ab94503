import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.grammar import plain_documents, yaml_tree
from pratique.grammar.limits import Limits
from pratique.grammar.plain_documents import PlainDocument, read_plain
from pratique.grammar.source import Source
from pratique.grammar.yaml_events import PureParser
from pratique.grammar.yaml_tree import plain, read_documents
from tests.grammar.test_yaml_events import MORE_TOKENS, TEXTS, TOKENS
from tests.support_grammar import codes, json_data, policy_sources, seconds, to_yaml

SMALL = Limits(max_nodes=12, max_depth=4, max_scalar_bytes=6, max_documents=3, max_document_bytes=60)

POD = """apiVersion: v1
kind: Pod
metadata:
  name: app-%d
  namespace: team-%d
  labels:
    app.kubernetes.io/name: app
    tier: backend
spec:
  serviceAccountName: default
  containers:
    - name: main
      image: registry.example/team/app-%d:v1.2.3
      ports:
        - containerPort: 8080
      env:
        - name: LEVEL
          value: "info"
    - name: sidecar
      image: registry.example/side/car:v2
"""


def both(text: str, limits: Limits | None = None) -> tuple[Any, Any]:
    """Return the answers of the fast and of the positioned reader as comparable values."""
    source = Source("f", text)
    fast = read_plain(source, limits or Limits())
    slow = read_documents(source, limits or Limits())
    documents = [(plain(d.root), d.root.span.start.line) for d in slow.documents]
    return (
        (repr([(d.data, d.line) for d in fast.documents]), codes(fast.errors)),
        (repr(documents), codes(slow.errors)),
    )


@pytest.mark.parametrize("text", TEXTS)
def test_both_readers_agree(text: str) -> None:
    fast, slow = both(text)
    assert fast == slow


@pytest.mark.parametrize("source", policy_sources(), ids=lambda source: source.name)
def test_both_readers_agree_on_policies(source: Source) -> None:
    fast, slow = both(source.text)
    assert fast == slow


@given(st.lists(json_data, max_size=3), st.booleans())
def test_both_readers_agree_on_data(values: list[Any], small: bool) -> None:
    text = "".join(f"---\n{to_yaml(value)}" for value in values)
    for each in (text, *(json.dumps(value) for value in values)):
        fast, slow = both(each, SMALL if small else None)
        assert fast == slow


@given(st.lists(st.sampled_from(TOKENS + MORE_TOKENS), max_size=25).map("".join))
def test_both_readers_agree_on_any_text(text: str) -> None:
    fast, slow = both(text)
    assert fast == slow


def test_the_fast_reader_works_without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (plain_documents, yaml_tree):
        monkeypatch.setattr(module, "event_parser", PureParser)
    for text in (*TEXTS, POD):
        fast, slow = both(text)
        assert fast == slow


def test_the_common_text_never_reaches_the_positioned_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_documents, "read_documents", None)
    found = read_plain(Source("f", "---\n".join([POD % (1, 2, 3), "", "k: |\n  text\nl: 'é'\n[1]: x"][:2])))
    assert [d.line for d in found.documents] == [1]
    assert read_plain(Source("f", '{"a": [1, 2.5, "é"]}')).documents[0].data == {"a": [1, 2.5, "é"]}


@pytest.mark.parametrize(
    "text",
    [
        "kind: List\nitems:\n- a: {x: [{}]}\n- [b]\n\n- c: 1\nother:\n- z: 1\n",
        "kind: List\nitems:\n- a: {x: [{}]}\n- [b]\n\n- c: &x 1\nother:\n- z: *x\n",
        '{"kind": "List",\n"items":\n[{"a": {"x": ["]", {}]}},\n["b"],\n\n {"c": 1}], "other": [{}]}',
    ],
)
def test_items_of_a_list_have_lines(text: str) -> None:
    (document,) = read_plain(Source("f", text)).documents
    starts = [text.split("\n")[line - 1] for line in document.item_lines]
    assert [re.findall("[abc]", start)[0] for start in starts] == ["a", "b", "c"]


def test_items_that_are_scalars_have_lines_too() -> None:
    for text in ("items:\n- 1\n- a: 2\n- c\n", '{"items": [\n1,\n{"a": 2},\n"c"]}'):
        assert read_plain(Source("f", text)).documents[0].item_lines == (2, 3, 4)


def test_items_that_are_no_list_have_no_lines() -> None:
    for text in ("items: {a: 1}\n", '{"items": {"a": 1}}', '{"a": 1}', "items:\n", '{"a": {"items": [1]}}'):
        (document,) = read_plain(Source("f", text)).documents
        assert document.item_lines == ()


def test_lines_of_json_start_behind_blank_lines() -> None:
    (document,) = read_plain(Source("f", '\n\n {"a": 1}')).documents
    assert document == PlainDocument({"a": 1}, 3)


def test_a_thousand_pods_load_well_under_half_a_second() -> None:
    source = Source("pods.yaml", "---\n".join(POD % (i, i % 10, i) for i in range(1000)))
    time, found = seconds(lambda: read_plain(source))
    assert len(found.documents) == 1000
    assert time < 0.3
    text = json.dumps(
        {"apiVersion": "v1", "kind": "List", "items": [d.data for d in found.documents]}, indent=1
    )
    time, found = seconds(lambda: read_plain(Source("pods.json", text)))
    assert len(found.documents[0].item_lines) == 1000
    assert time < 0.3
