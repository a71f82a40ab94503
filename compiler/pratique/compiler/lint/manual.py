"""Pages about the rules, made of the docstrings of their files."""

from __future__ import annotations

import re
from typing import Final

from pratique.compiler.lint.base import Rule, catalogue

SECTIONS: Final = ("What it does", "Why", "Example", "Instead", "Limits")
"""The sections that every rule's docstring has, in this order."""

_HEAD: Final = """\
# Lint rules

`pratique lint` reports what it can prove. `pratique rule CODE` prints a rule's part of this page, which is
made from the rules themselves: `pytest --rewrite-golden tests/compiler/lint/test_manual.py` writes it anew.

Settings, ignores, fixes and pipelines are described in [lint-configuration.md](lint-configuration.md).

A mistake for which a policy is refused bears the code of the rule that explains it, where there is one. It is
reported whatever rules are asked and whatever comments say, and makes the exit code 2.
"""

_FENCE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def sections(rule: Rule) -> dict[str, str]:
    """Return the sections of a rule's page by heading."""
    _, *parts = re.split(r"^## (.+)$", rule.manual, flags=re.MULTILINE)
    return {heading.strip(): text.strip() for heading, text in zip(parts[::2], parts[1::2], strict=True)}


def fenced(section: str, language: str) -> str:
    """Return the first text of a language (`yaml`, `toml`, `text`) in a section, or an empty one."""
    return next((text for found, text in _FENCE.findall(section) if found == language), "")


def page(rule: Rule) -> str:
    """Return the manual page of a rule as Markdown."""
    summary, _, rest = rule.manual.partition("\n")
    return f"# {rule.code} {rule.name}\n\n{summary} ({rule.severity})\n{rest.rstrip()}\n"


def whole() -> str:
    """Return the page of all rules as Markdown: a table, then each rule."""
    rows = [f"| [{r.code}](#{_anchor(r)}) | {r.name} | {r.severity} | {r.summary} |\n" for r in catalogue()]
    table = "".join(["| code | name | severity | what |\n", "| --- | --- | --- | --- |\n", *rows])
    pages = [re.sub(r"^#", "##", page(rule), flags=re.MULTILINE) for rule in catalogue()]
    return "\n".join([_HEAD, table, *pages])


def _anchor(rule: Rule) -> str:
    return f"{rule.code}-{rule.name}".lower()
