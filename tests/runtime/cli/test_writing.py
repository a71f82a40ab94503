from __future__ import annotations

from pathlib import Path

import pytest

from pratique.runtime.cli import writing
from pratique.runtime.cli.parser import parse
from pratique.runtime.cli.writing import Output, chosen_outputs, output, write, write_pieces
from pratique.runtime.outputs import formats


def chosen(*words: str) -> list[Output]:
    return chosen_outputs(parse(["apply", "p", "-r", "r", *words]).args)


def test_the_names_are_those_of_the_formats() -> None:
    assert list(writing.FORMATS) == list(formats.FORMATS)


@pytest.mark.parametrize(
    ("text", "format", "path"),
    [
        ("json", "json", None),
        ("json=-", "json", None),
        ("sarif=a=b.sarif", "sarif", Path("a=b.sarif")),
    ],
)
def test_output(text: str, format: str, path: Path | None) -> None:
    assert output(text) == Output(format, path)


def test_what_is_written() -> None:
    assert chosen() == [Output("table", None)]
    assert chosen("-t") == [Output("table", None)]
    assert chosen("-p") == chosen("-o", "policy-report") == chosen("-p", "-o", "policy-report")
    assert chosen("-o", "sarif=x") == [Output("sarif", Path("x"))]
    assert chosen("--output-file", "x") == [Output("table", Path("x"))]
    assert chosen("-o", "json", "-o", "sarif=y", "--output-file", "x") == [
        Output("json", Path("x")),
        Output("sarif", Path("y")),
    ]


def test_files_are_written_before_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order: list[str] = []

    def text_of(one: Output) -> str:
        order.append(one.format)
        return f"{one.format}\n"

    write([Output("table", None), Output("json", tmp_path / "a"), Output("yaml", tmp_path / "b")], text_of)
    assert order == ["json", "yaml", "table"]
    assert capsys.readouterr().out == "table\n"
    assert (tmp_path / "a").read_text() == "json\n"


def test_a_file_takes_any_text(tmp_path: Path) -> None:
    write([Output("table", tmp_path / "a")], lambda _: "✓ \udc80")
    assert (tmp_path / "a").read_bytes() == "✓ ".encode() + rb"\udc80"


def test_pieces_are_written_as_they_come(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = [Output("json", None), Output("json", tmp_path / "a")]
    write_pieces(outputs, lambda one: (str(n) for n in range(3)))
    assert capsys.readouterr().out == (tmp_path / "a").read_text() == "012"
