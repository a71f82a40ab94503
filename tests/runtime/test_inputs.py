import io
import json
import os
import socket
import sys
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.grammar.limits import Limits
from pratique.grammar.source import Source
from pratique.runtime import inputs
from pratique.runtime.inputs import Inputs, ResourceDocument, load_resources, read_inputs, show
from tests.support_grammar import codes, place, pointed_at

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "b.yaml",
        "a.yml",
        "sub/c.json",
        "sub/deep/d.yaml",
        "kustomization.yaml",
        "notes.txt",
        ".hidden.yaml",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}\na: 1\n")
    return tmp_path


def names(found: Inputs) -> list[str]:
    return [Path(source.name).name for source in found.sources]


# --- what is read --------------------------------------------------------------------------------------


def test_files_are_read_in_the_order_they_are_named(folder: Path) -> None:
    found = read_inputs([str(folder / "b.yaml"), str(folder / "a.yml")])
    assert (names(found), found.errors, found.notices) == (["b.yaml", "a.yml"], (), ())
    assert found.sources[0].text == "# b.yaml\na: 1\n"
    assert found.sources[0].name == str(folder / "b.yaml")


def test_a_named_file_may_be_called_anything(folder: Path) -> None:
    assert names(read_inputs([str(folder / "notes.txt")])) == ["notes.txt"]
    assert names(read_inputs([str(folder / "kustomization.yaml")])) == ["kustomization.yaml"]


def test_folders_are_searched_through_in_order(folder: Path) -> None:
    found = read_inputs([str(folder)])
    assert names(found) == [".hidden.yaml", "a.yml", "b.yaml", "c.json", "d.yaml"]
    assert (found.errors, found.notices) == ((), ())


def test_a_folder_without_files_is_worth_a_word(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("a: 1")
    found = read_inputs([str(tmp_path)])
    assert (found.sources, found.errors) == ((), ())
    assert found.notices == (f"{tmp_path}: no *.yaml, *.yml, *.json in this folder",)


def test_globs(folder: Path) -> None:
    assert names(read_inputs([str(folder / "*.y*ml")])) == ["a.yml", "b.yaml", "kustomization.yaml"]
    assert names(read_inputs([str(folder / "**" / "*.json")])) == ["c.json"]
    assert names(read_inputs([str(folder / "s?b")])) == ["c.json", "d.yaml"]
    (error,) = read_inputs([str(folder / "*.toml")]).errors
    assert (error.code, error.location) == ("no-such-file", None)


def test_a_name_that_exists_is_no_glob(folder: Path) -> None:
    (folder / "[x].yaml").write_text("a: 1")
    assert names(read_inputs([str(folder / "[x].yaml")])) == ["[x].yaml"]


def test_a_file_is_read_once(folder: Path) -> None:
    (folder / "link.yaml").symlink_to(folder / "b.yaml")
    paths = [
        str(folder / "b.yaml"),
        str(folder),
        str(folder / "b.yaml"),
        str(folder / "sub" / ".." / "b.yaml"),
    ]
    assert names(read_inputs(paths)) == ["b.yaml", ".hidden.yaml", "a.yml", "c.json", "d.yaml"]


def test_folders_as_kubernetes_mounts_them(tmp_path: Path) -> None:
    """A mounted ConfigMap is a folder of links into a hidden folder: each file counts once."""
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..2026" / "p.yaml").write_text("a: 1")
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "p.yaml").symlink_to("..data/p.yaml")
    assert names(read_inputs([str(tmp_path)])) == ["p.yaml"]


# --- standard input ------------------------------------------------------------------------------------


def test_standard_input() -> None:
    found = read_inputs(["-", "-"], lambda: b"a: 1\n")
    assert [(source.name, source.text) for source in found.sources] == [("<stdin>", "a: 1\n")]


def test_the_standard_input_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a: 2\n")))
    assert read_inputs(["-"]).sources[0].text == "a: 2\n"


def test_b31_standard_input_that_is_closed_or_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.TextIOWrapper(io.BytesIO())
    closed.close()
    for stdin in (closed, None):
        monkeypatch.setattr(sys, "stdin", stdin)
        assert codes(read_inputs(["-"]).errors) == ["unreadable-file"]


def test_empty_standard_input_is_worth_a_word() -> None:
    assert read_inputs(["-"], lambda: b" \n").notices == ("<stdin>: standard input is empty",)


# --- what is not read ----------------------------------------------------------------------------------


def test_missing_files(tmp_path: Path) -> None:
    (error,) = read_inputs([str(tmp_path / "none.yaml")]).errors
    assert (error.code, error.location) == ("no-such-file", None)
    assert "none.yaml" in error.message


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_names_that_are_none(path: str) -> None:
    assert codes(read_inputs([path]).errors) == ["no-such-file"]


@pytest.mark.parametrize(
    "path",
    ["https://example.com/p.yaml", "git@github.com:a/b", "oci://r/a", "HTTP://x", "https://u:secret@h/p"],
)
def test_urls_are_refused(path: str) -> None:
    (error,) = read_inputs([path]).errors
    assert error.code == "not-a-file"
    assert "is a URL" in error.message
    assert "secret" not in error.render()


def test_one_bad_path_does_not_hide_the_others(folder: Path) -> None:
    (folder / "bad.yaml").write_bytes(b"a: \xff")
    found = read_inputs([str(folder / "none"), "https://x", str(folder / "bad.yaml"), str(folder / "b.yaml")])
    assert names(found) == ["b.yaml"]
    assert codes(found.errors) == ["no-such-file", "not-a-file", "bad-encoding"]


def test_b18_an_empty_file_by_name_is_worth_a_word(tmp_path: Path) -> None:
    path = tmp_path / "e.yaml"
    path.write_text("")
    assert read_inputs([str(path)]).notices == (f"{path}: the file is empty",)
    assert read_inputs([str(tmp_path)]).notices == ()


def test_b31_fifos_do_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "f.yaml")
    (tmp_path / "g.yaml").write_text("a: 1")
    start = process_time()
    found = read_inputs([str(tmp_path / "f.yaml"), str(tmp_path)])
    assert process_time() - start < 5
    assert names(found) == ["g.yaml"]
    assert codes(found.errors) == ["not-a-file"] * 2
    assert "standard input" in found.errors[0].help


def test_b31_sockets_and_devices(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.yaml"))
        assert codes(read_inputs([str(tmp_path / "s.yaml")]).errors) == ["unreadable-file"]
    assert codes(read_inputs(["/dev/null"]).errors) == ["not-a-file"]


def test_b31_loops_of_links(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to("b.yaml")
    (tmp_path / "b.yaml").symlink_to("a.yaml")
    (tmp_path / "self").symlink_to(".")
    (tmp_path / "c.yaml").write_text("a: 1")
    (tmp_path / "gone.yaml").symlink_to("nowhere")
    found = read_inputs([str(tmp_path), str(tmp_path / "a.yaml")])
    assert names(found) == ["c.yaml"]
    assert codes(found.errors) == ["unreadable-file"] * 4


def test_b31_folders_called_like_files(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").mkdir()
    (tmp_path / "x.yaml" / "y.yaml").write_text("a: 1")
    assert names(read_inputs([str(tmp_path)])) == ["y.yaml"]


def test_b31_unreadable_files_and_folders(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For root nothing is unreadable, so the system's refusal is played."""
    open_file, list_folder = os.open, os.scandir

    def refuse_file(path: Any, *args: Any) -> int:
        if str(path).endswith("b.yaml"):
            raise PermissionError(13, "Permission denied", path)
        return open_file(path, *args)

    def refuse_folder(path: Any) -> Any:
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", path)
        return list_folder(path)

    monkeypatch.setattr(os, "open", refuse_file)
    monkeypatch.setattr(os, "scandir", refuse_folder)
    found = read_inputs([str(folder)])
    assert names(found) == [".hidden.yaml", "a.yml", "c.json"]
    assert [str(error).rpartition("/")[2] for error in found.errors] == [
        "b.yaml: Permission denied",
        "deep: Permission denied",
    ]


def test_b31_the_number_of_files_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "MAX_FILES", 5)
    for number in range(9):
        (tmp_path / f"{number}.yaml").write_text("a: 1")
    for paths in ([str(tmp_path)], [str(tmp_path / "*.yaml")], [str(p) for p in tmp_path.iterdir()]):
        found = read_inputs(paths)
        assert len(found.sources) == 5
        assert codes(found.errors) == ["too-many-files"]


def test_sizes_are_checked_before_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    huge = tmp_path / "h.yaml"
    with huge.open("wb") as file:
        file.truncate(10 * 1024**4)
    start = process_time()
    (error,) = read_inputs([str(huge)]).errors
    assert process_time() - start < 1
    assert (error.code, error.message) == ("too-large", f"{huge} is larger than 64 MiB")
    (tmp_path / "s.yaml").write_text("a: 12345")
    assert codes(read_inputs([str(tmp_path / "s.yaml")], limits=Limits(max_bytes=7)).errors) == ["too-large"]
    assert codes(read_inputs(["-"], lambda: b"a: 12345", Limits(max_bytes=7)).errors) == ["too-large"]


def test_paths_cannot_drive_a_terminal(tmp_path: Path) -> None:
    (error,) = read_inputs([str(tmp_path / "\x1b[31m")]).errors
    assert "\x1b" not in error.render()
    assert show("a b/é.yaml") == "a b/é.yaml"


# --- resources -----------------------------------------------------------------------------------------


def load(text: str, limits: Limits | None = None) -> tuple[list[ResourceDocument], list[Any]]:
    return load_resources([Source("r.yaml", text)], limits or Limits())


def found_names(found: list[ResourceDocument]) -> list[tuple[str, int]]:
    return [(resource.data["metadata"]["name"], resource.line) for resource in found]


def test_resources_of_several_documents() -> None:
    found, errors = load(f"{POD % 'a'}---\n# empty\n---\n{POD % 'b'}---\n")
    assert (found_names(found), errors) == ([("a", 1), ("b", 7)], [])
    assert found[0] == ResourceDocument(
        data={"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}, source_name="r.yaml", line=1
    )


def test_items_of_lists_become_resources_with_their_lines() -> None:
    pods = [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}} for name in "ab"]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": pods}, indent=1)
    found, errors = load(text)
    lines = [number for number, line in enumerate(text.split("\n"), 1) if line == "  {"]
    assert (found_names(found), errors) == (list(zip("ab", lines, strict=True)), [])
    items = "\n".join(f"- {json.dumps(pod)}" for pod in pods)
    found, errors = load(f"apiVersion: v1\nkind: List\nitems:\n{items}\n")
    assert (found_names(found), errors) == ([("a", 4), ("b", 5)], [])


def test_items_of_a_typed_list_may_leave_their_type_out() -> None:
    found, errors = load("apiVersion: apps/v1\nkind: DeploymentList\nitems:\n- metadata: {name: a}\n")
    assert errors == []
    assert found[0].data == {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}}


def test_a_kind_that_only_ends_in_list_is_a_resource() -> None:
    found, errors = load(
        "apiVersion: example.com/v1\nkind: AllowList\nmetadata: {name: a}\nspec: {items: []}\n"
    )
    assert (found_names(found), errors) == ([("a", 1)], [])


@pytest.mark.parametrize("items", ["items: []", "items:", "metadata: {}"])
def test_lists_without_items(items: str) -> None:
    assert load(f"apiVersion: v1\nkind: List\n{items}\n") == ([], [])


def nested(levels: int) -> str:
    data: Any = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}
    for _ in range(levels):
        data = {"apiVersion": "v1", "kind": "List", "items": [data]}
    return json.dumps(data)


def test_lists_nest_four_deep() -> None:
    assert found_names(load(nested(4))[0]) == [("a", 1)]
    assert codes(load(nested(5))[1]) == ["too-deep"]


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("a: 1\n", (1, 1), "the document is no Kubernetes object: it has no `apiVersion`"),
        ("apiVersion: v1\n", (1, 1), "the document is no Kubernetes object: it has no `kind`"),
        (
            "apiVersion: v1\nkind: 1\n",
            (2, 7),
            "the document is no Kubernetes object: its `kind` is not a text",
        ),
        (
            "apiVersion: ''\nkind: Pod\n",
            (1, 13),
            "the document is no Kubernetes object: its `apiVersion` is not a text",
        ),
        ("\n- a\n", (2, 1), "the document is no Kubernetes object: it is not a mapping"),
        ("text\n", (1, 1), "the document is no Kubernetes object: it is not a mapping"),
        ("apiVersion: v1\nkind: List\nitems: {}\n", (3, 8), "`items` must be a list"),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: x\n",
            (3, 11),
            "the document has a `metadata` that is not a mapping",
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: 1}\n",
            (3, 18),
            "the document has a `metadata.name` that is not a text",
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {labels: [a]}\n",
            (3, 20),
            "the document has a `metadata.labels` that is not a mapping",
        ),
        (
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n- 1\n",
            (6, 3),
            "`items[1]` is no Kubernetes object: it is not a mapping",
        ),
        (
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  metadata: {}\n",
            (4, 3),
            "`items[0]` is no Kubernetes object: it has no `kind`",
        ),
    ],
)
def test_what_is_no_resource_is_an_error_at_its_place(
    text: str, where: tuple[int, int], message: str
) -> None:
    _, errors = load(text)
    (error,) = errors
    assert (error.code, place(error), error.message) == ("not-a-resource", where, message)


def test_what_is_null_in_metadata_is_absent() -> None:
    found, errors = load(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: ~, annotations: ~, namespace: ~}\n"
    )
    assert (found_names(found), errors) == ([("a", 1)], [])


def test_a_bad_document_costs_only_itself() -> None:
    found, errors = load(f"{POD % 'a'}---\na: 1\n---\nb: 'x\n---\n{POD % 'c'}")
    assert [name for name, _ in found_names(found)] == ["a", "c"]
    assert codes(errors) == ["yaml-syntax", "not-a-resource"]
    assert pointed_at(errors[1]) == "a: 1"


def test_errors_are_limited_and_cheap() -> None:
    """The place of each is looked up in a second reading of the text: one for all of them."""
    start = process_time()
    found, errors = load("a: 1\n---\n" * 5000)
    assert process_time() - start < 10
    assert (len(found), len(errors)) == (0, 100)
    assert place(errors[-1]) == (199, 1)


def test_several_sources() -> None:
    sources = [Source("a", POD % "a"), Source("b", "x: 1"), Source("c", POD % "c")]
    found, errors = load_resources(sources)
    assert [resource.source_name for resource in found] == ["a", "c"]
    assert [error.location.source.name for error in errors if error.location] == ["b"]


def test_a_thousand_pods_from_a_file_load_in_time(tmp_path: Path) -> None:
    path = tmp_path / "pods.yaml"
    spec = "spec:\n" + "".join(f"  field{i}: {{image: registry.example/app:v{i}}}\n" for i in range(16))
    path.write_text("---\n".join(POD % f"p{i}" + spec for i in range(1000)))
    start = process_time()
    found, errors = load_resources(read_inputs([str(path)]).sources)
    assert (len(found), errors) == (1000, [])
    assert process_time() - start < 4


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda x: (
            st.lists(x, max_size=3)
            | st.dictionaries(
                st.sampled_from(["apiVersion", "kind", "metadata", "items", "name", "labels"]),
                x | st.sampled_from(["List", "v1", "PodList"]),
                max_size=4,
            )
        ),
        max_leaves=15,
    )
)
def test_any_data_is_resources_or_errors(data: Any) -> None:
    found, errors = load(json.dumps(data))
    for resource in found:
        assert isinstance(resource.data["kind"], str)
        assert resource.line >= 1
    for error in errors:
        assert error.location is not None
