"""Secrets as files."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.errors import PolicyErrors, PratiqueError, UsageError
from pratique.runtime import secrets
from pratique.runtime.now import run_now
from pratique.runtime.secrets import read_secrets

HIDDEN = "hunter2hunter2"


def document(name: object = "key", namespace: object = "team", **fields: Any) -> dict[str, Any]:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **fields}


def write(path: Path, *documents: Any) -> str:
    path.write_text("\n---\n".join(json.dumps(d) for d in documents))
    return str(path)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_data_and_string_data(tmp_path: Path) -> None:
    one = document(data={"a": encoded("1"), "b": encoded("2")}, stringData={"b": "3"}, type="x/y")
    found = run_now(read_secrets([write(tmp_path / "s.yaml", one)]).get("team", "key"))
    assert found is not None
    assert (dict(found.data), found.type) == ({"a": b"1", "b": b"3"}, "x/y")


def test_lists_folders_and_default_namespace(tmp_path: Path) -> None:
    write(
        tmp_path / "a.json", {"apiVersion": "v1", "kind": "List", "items": [document("one"), document("two")]}
    )
    write(tmp_path / "b.yaml", document("three", None))
    found = read_secrets([str(tmp_path)])
    assert sorted(found.items) == [("default", "three"), ("team", "one"), ("team", "two")]
    assert run_now(found.get("team", "three")) is None


@pytest.mark.parametrize(
    ("documents", "what"),
    [
        ([document(), document()], "Secret team/key is given twice"),
        ([{**document(), "kind": "ConfigMap"}], "ConfigMap is no Secret"),
        ([{**document(), "apiVersion": "v2"}], "Secret is no Secret"),
        ([document("")], "the Secret has no name"),
        ([document(data={"a": HIDDEN + "!"})], "the data of the Secret is malformed"),
        ([document(data={"a": 1})], "the data of the Secret is malformed"),
        ([document(data=[HIDDEN])], "the data of the Secret is malformed"),
        ([document(stringData={"a": {"b": HIDDEN}})], "the data of the Secret is malformed"),
        ([document(stringData={"a": "x" * (1 << 20), "b": "y"})], "larger than 1048576 bytes"),
    ],
)
def test_what_cannot_be_used_is_refused_without_a_word_of_it(
    tmp_path: Path, documents: list[Any], what: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read_secrets([write(tmp_path / "s.yaml", *documents)])
    assert what in str(caught.value)
    assert "s.yaml:" in str(caught.value)
    assert HIDDEN not in str(caught.value)


@pytest.mark.parametrize(
    "text", [f"apiVersion: v1\nkind: Secret\n  data: {HIDDEN}", f"{HIDDEN}", f"- {HIDDEN}"]
)
def test_a_file_that_does_not_read_is_not_quoted(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(PratiqueError) as caught:
        read_secrets([str(tmp_path / "s.yaml")])
    rendered = getattr(caught.value, "render", lambda: "")()
    assert HIDDEN not in str(caught.value) + rendered


def test_a_missing_file() -> None:
    with pytest.raises(PolicyErrors, match="there is no file"):
        read_secrets(["nowhere.yaml"])


def test_the_number_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "MAX_SECRETS", 2)
    with pytest.raises(UsageError, match="more than 2"):
        read_secrets([write(tmp_path / "s.yaml", *(document(f"s{n}") for n in range(3)))])
