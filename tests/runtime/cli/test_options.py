from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from pratique.runtime.cli.options import (
    cache_seconds,
    exit_code,
    file,
    folder,
    mirror,
    seconds,
    store_options,
    trust_options,
    trusted_root,
)
from pratique.runtime.cli.parser import parse
from pratique.runtime.registry.open import StoreOptions
from pratique.runtime.trust_options import RootChoice, TrustOptions


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("registry.k8s.io=https://mirror.example", ("registry.k8s.io", "https://mirror.example")),
        ("localhost:5000=http://127.0.0.1:5001/x?a=b", ("localhost:5000", "http://127.0.0.1:5001/x?a=b")),
    ],
)
def test_mirrors(text: str, parts: tuple[str, str]) -> None:
    assert mirror(text) == parts


@pytest.mark.parametrize("text", ["", "host", "host=", "=https://x", "host=mirror", "host=file:///etc"])
def test_what_is_no_mirror(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="HOST=URL"):
        mirror(text)


def test_files_and_folders(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.touch()
    assert file(str(path)) == path
    assert folder(str(tmp_path)) == tmp_path
    with pytest.raises(argparse.ArgumentTypeError, match="not a file"):
        file(str(tmp_path))
    with pytest.raises(argparse.ArgumentTypeError, match="not a folder"):
        folder(str(path))


@pytest.mark.parametrize(("text", "value"), [("1", 1.0), ("0.5", 0.5), ("3600", 3600.0)])
def test_seconds(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "3601", "x", ""])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="seconds"):
        seconds(text)


@pytest.mark.parametrize(("text", "value"), [("0", 0.0), ("300", 300.0), ("604800", 604800.0)])
def test_times_of_a_cache(text: str, value: float) -> None:
    assert cache_seconds(text) == value


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "604801", "x", ""])
def test_what_is_no_time_of_a_cache(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="seconds"):
        cache_seconds(text)


@pytest.mark.parametrize("command", [["apply", "p"], ["verify", "image"]])
def test_the_folder_of_caches(command: list[str], tmp_path: Path) -> None:
    args = parse([*command, "--cache-dir", str(tmp_path), "--cache-ttl", "5"]).args
    assert (store_options(args).cache_dir, store_options(args).cache_ttl_s) == (tmp_path, 5.0)
    assert trust_options(args).cache == tmp_path


def test_exit_codes() -> None:
    assert [exit_code(text) for text in ("0", "7", "255")] == [0, 7, 255]


@pytest.mark.parametrize("command", [["apply", "p"], ["verify", "image"]])
def test_both_commands_share_the_options_of_stores(command: list[str], tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    args = parse(
        [
            *command,
            *("--registry-layout", str(tmp_path), "--layout-image", "a/b:c"),
            *("--mirror", "a=https://b", "--mirror", "c=http://d"),
            *("--registry-ca", str(path), "--registry-config", str(path), "--registry-timeout", "5"),
            *("--insecure-registry", "--trusted-root", str(path), "--offline"),
        ]
    ).args
    assert args.trusted_root == [RootChoice(name=str(path), path=path)]
    assert store_options(args) == StoreOptions(
        layout=tmp_path,
        layout_name="a/b:c",
        mirrors=(("a", "https://b"), ("c", "http://d")),
        insecure=True,
        offline=True,
        timeout_s=5.0,
        deadline_s=5.0,
        docker_config=path,
        ca_file=path,
    )


@pytest.mark.parametrize("command", [["apply", "p"], ["verify", "image"]])
def test_without_options_the_store_has_its_defaults(command: list[str]) -> None:
    args = parse(command).args
    assert store_options(args) == StoreOptions()
    assert trust_options(args) == TrustOptions()


def test_a_longer_deadline_does_not_make_one_request_longer() -> None:
    options = store_options(parse(["verify", "image", "--registry-timeout", "120"]).args)
    assert (options.timeout_s, options.deadline_s) == (StoreOptions().timeout_s, 120.0)


def test_trusted_roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "root.json").touch()
    (tmp_path / "public").touch()
    assert trusted_root("root.json") == RootChoice(name="root.json", path=Path("root.json"))
    assert trusted_root("acme=root.json") == RootChoice(name="acme", path=Path("root.json"))
    assert trusted_root("github") == RootChoice(name="github")
    assert trusted_root("public") == RootChoice(name="public", path=Path("public"))  # a file is a file


@pytest.mark.parametrize(
    "text", ["", "no-such", "no.json", "acme=no.json", "A=root.json", "../x", "=root.json"]
)
def test_what_is_no_trusted_root(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a file"):
        trusted_root(text)
