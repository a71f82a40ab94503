"""`pratique rule`: what a lint rule means."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pratique.compiler.lint.base import Rule

NAME: Final = "rule"
HELP: Final = "explain a lint rule, or list them all"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "pratique rule [RULE] [options]"
    parser.add_argument(
        "rule", metavar="RULE", nargs="?", help="code or name, such as PRQ001; all by default"
    )


def run(args: argparse.Namespace) -> int:
    """Print the manual page of a rule, or a line for each."""
    from pratique.compiler.lint.base import catalogue
    from pratique.compiler.lint.manual import page
    from pratique.grammar.errors import ExitCode

    if args.rule:
        sys.stdout.write(page(find(args.rule)))
        return ExitCode.CLEAN
    rules = catalogue()
    width = max(len(rule.name) for rule in rules)
    for rule in rules:
        print(f"{rule.code}  {rule.name.ljust(width)}  {rule.severity:<7}  {rule.summary}")
    return ExitCode.CLEAN


def find(name: str) -> Rule:
    """Return the rule with a code or a name, in any case.

    Raises:
        UsageError: there is none.
    """
    from pratique.compiler.lint.base import catalogue
    from pratique.grammar.errors import UsageError

    wanted = name.strip().lower()
    for rule in catalogue():
        if wanted in (rule.code.lower(), rule.name):
            return rule
    raise UsageError(f"there is no rule {name!r}; `pratique rule` lists them")
