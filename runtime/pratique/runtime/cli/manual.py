"""The manual page of the command line, made from the parsers themselves: `docs/cli.md`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Final

from pratique.runtime.cli import explain
from pratique.runtime.cli.parser import COMMANDS, EXIT_CODES, PROGRAM, command_parser, root_parser
from pratique.runtime.cli.writing import FORMATS

_HEAD: Final = """\
# The command line

This page is made from `--help`; `pytest --rewrite-golden tests/runtime/cli/test_manual.py` writes it anew.
"""

_AFTER_FORMATS: Final = """\
Several outputs in one run: `-o table -o sarif=results.sarif -o json=results.json`. At most one goes to
standard output. Reports name `pratique` as their source. Results stand in the order of the policies, then of
the resources; there are no times in them unless `--timestamps` is given.

Where policies or resources cannot be used, `json`, `yaml`, `junit` and `sarif` are written all the same: with
no results, and each mistake with its code and place; files of the other formats are left empty.
`kyverno apply -o FILE` names a file for changed resources; here `-o` names a format.
"""


def manual() -> str:
    """Return the page as Markdown."""
    parts = [_HEAD, "## Exit codes\n", _exit_codes(), _fenced(root_parser().format_help())]
    for name in COMMANDS:
        parser = command_parser(name)
        parts += [f"## {PROGRAM} {name}\n", _fenced(parser.format_help())]
        for action, sub in _actions(parser).items():
            parts += [f"### {PROGRAM} {name} {action}\n", _fenced(sub.format_help())]
        if name == "apply":
            parts += ["### Formats\n", _formats(FORMATS), _AFTER_FORMATS]
        if name == "explain":
            parts += ["### Formats of plans\n", _formats(explain.FORMATS)]
    return "\n".join(parts)


def _actions(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of a command's own commands, by name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _exit_codes() -> str:
    rows = [f"| {code} | {meaning} |\n" for code, meaning in EXIT_CODES]
    return "".join(["| code | meaning |\n", "| --- | --- |\n", *rows])


def _formats(formats: Mapping[str, str]) -> str:
    rows = [f"| `{name}` | {text} |\n" for name, text in formats.items()]
    return "".join(["| `-o` | what |\n", "| --- | --- |\n", *rows])


def _fenced(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```\n"
