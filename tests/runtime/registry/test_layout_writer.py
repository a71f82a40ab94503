"""LayoutWriter: deterministic, atomic, names move like tags."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.errors import UsageError
from pratique.runtime.registry.layout_files import DirectoryFiles, LayoutFiles, MemoryFiles
from pratique.runtime.registry.layout_writer import LayoutWriter
from pratique.runtime.registry.media_types import OCI_INDEX, OCI_MANIFEST, REF_NAME

ONE, TWO = b'{"one":1}', b'{"two":2}'


def index_of(files: LayoutFiles) -> Any:
    body = files.read("index.json", 1 << 20)
    assert body is not None
    return json.loads(body)


def names_of(files: LayoutFiles) -> dict[str, str]:
    entries = index_of(files)["manifests"]
    return {e.get("annotations", {}).get(REF_NAME, ""): e["digest"] for e in entries}


def test_writes_a_layout(tmp_path: Path) -> None:
    with LayoutWriter(tmp_path / "new") as writer:
        digest = writer.blob(b"hello")
        descriptor = writer.manifest(
            ONE, OCI_MANIFEST, ["reg.example/app:v1"], artifact_type="a/b", annotations={"x": "y"}
        )
    root = tmp_path / "new"
    assert json.loads((root / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    assert digest == "sha256:" + hashlib.sha256(b"hello").hexdigest()
    assert (root / "blobs/sha256" / digest[7:]).read_bytes() == b"hello"
    assert (root / "blobs/sha256" / descriptor.digest[7:]).read_bytes() == ONE
    assert (descriptor.size, descriptor.artifact_type, descriptor.annotations) == (
        len(ONE),
        "a/b",
        {"x": "y"},
    )
    assert index_of(DirectoryFiles(root)) == {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            {
                "mediaType": OCI_MANIFEST,
                "digest": descriptor.digest,
                "size": len(ONE),
                "artifactType": "a/b",
                "annotations": {"x": "y", REF_NAME: "reg.example/app:v1"},
            }
        ],
    }
    assert not [p for p in root.rglob("*") if p.name.startswith(".writing")]


def test_index_does_not_depend_on_order() -> None:
    def written(*bodies: bytes) -> bytes | None:
        files = MemoryFiles()
        with LayoutWriter(files) as writer:
            for body in bodies:
                writer.manifest(body, OCI_MANIFEST, [f"reg.example/{body[2:5].decode()}:v1"])
        return files.read("index.json", 1 << 20)

    assert written(ONE, TWO) == written(TWO, ONE, ONE)


def test_name_moves_and_the_old_content_stays_listed() -> None:
    files = MemoryFiles()
    with LayoutWriter(files) as writer:
        old = writer.manifest(ONE, OCI_MANIFEST, ["reg.example/app:v1"])
    with LayoutWriter(files) as writer:
        new = writer.manifest(TWO, OCI_MANIFEST, ["reg.example/app:v1", "reg.example/app:v2"])
    assert names_of(files) == {
        "": old.digest,
        "reg.example/app:v1": new.digest,
        "reg.example/app:v2": new.digest,
    }


def test_entry_without_name_gives_way_to_one_with_name() -> None:
    files = MemoryFiles()
    with LayoutWriter(files) as writer:
        writer.manifest(ONE, OCI_MANIFEST)
        digest = writer.manifest(ONE, OCI_MANIFEST, ["reg.example/app:v1"]).digest
    assert names_of(files) == {"reg.example/app:v1": digest}


def test_keeps_what_others_wrote() -> None:
    files = MemoryFiles()
    entry = {
        "mediaType": OCI_MANIFEST,
        "digest": "sha256:" + "0" * 64,
        "size": 3,
        "platform": {"os": "linux"},
    }
    files.write("index.json", json.dumps({"manifests": [entry], "annotations": {"a": "b"}}).encode())
    with LayoutWriter(files) as writer:
        writer.manifest(ONE, OCI_MANIFEST, ["reg.example/app:v1"])
    assert index_of(files)["annotations"] == {"a": "b"}
    assert entry in index_of(files)["manifests"]


def test_exception_leaves_the_names_as_they_were(tmp_path: Path) -> None:
    with LayoutWriter(tmp_path) as writer:
        writer.manifest(ONE, OCI_MANIFEST, ["reg.example/app:v1"])
    before = (tmp_path / "index.json").read_bytes()

    def interrupted() -> None:
        with LayoutWriter(tmp_path) as writer:
            writer.manifest(TWO, OCI_MANIFEST, ["reg.example/app:v1"])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert (tmp_path / "index.json").read_bytes() == before


def test_close_twice_writes_once() -> None:
    files = MemoryFiles()
    writer = LayoutWriter(files)
    writer.close()
    stamp = files.stamp("index.json")
    writer.close()
    assert files.stamp("index.json") == stamp


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "x" * 2000, "a\x1b[2Jb"])
def test_refuses_names_that_no_reference_has(name: str) -> None:
    with pytest.raises(UsageError, match="not a name"):
        LayoutWriter(MemoryFiles()).manifest(ONE, OCI_MANIFEST, [name])


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"manifests":[1]}', b'{"manifests":7}', b"[" * 10**5])
def test_refuses_to_extend_what_is_no_index(body: bytes) -> None:
    files = MemoryFiles()
    files.write("index.json", body)
    with pytest.raises(UsageError, match=r"index\.json is not an OCI image index"):
        LayoutWriter(files)
