"""What is in a folder of answers, and that clearing takes nothing else along."""

from pathlib import Path

import pytest

from pratique.runtime.cli import main
from pratique.runtime.registry.disk_cache import DiskCache


def test_show_and_clear(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache = DiskCache(tmp_path)
    cache.write(("a",), "", b"one")
    cache.write(("b",), "", b"two")
    (tmp_path / "roots").mkdir()
    size = cache.usage().bytes
    for action, said in (("show", "2 answers kept"), ("clear", "2 answers deleted")):
        assert main(["cache", action, str(tmp_path)]) == 0
        assert capsys.readouterr().out == f"{cache.folder}: {said}, {size} bytes\n"
    assert main(["cache", "show", str(tmp_path)]) == 0
    assert "0 answers kept, 0 bytes" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["roots"]


@pytest.mark.parametrize("arguments", [[], ["show"], ["drop", "x"]])
def test_what_is_no_command(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", *arguments]) == 2
    assert "pratique cache" in capsys.readouterr().err
