"""`pratique lint --fix` and `--diff`."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from pratique.runtime.cli.lint import exit_code, inventory_of, write_report
from pratique.runtime.cli.terminal import use_color

if TYPE_CHECKING:
    from pratique.runtime.cli.writing import Output
    from pratique.runtime.configuration.lint_settings import LintSettings
    from pratique.runtime.fixing import Fixed


def run_fixes(args: argparse.Namespace, settings: LintSettings, outputs: list[Output]) -> int:
    """Make fixes or show them; return as `lint` does for what is left, or 1 for a change that is shown.

    Raises:
        UsageError: standard input stands beside files, or a file cannot be written.
    """
    from pratique.grammar.errors import UsageError
    from pratique.runtime.fixing import fix
    from pratique.runtime.inputs import STDIN, read_inputs
    from pratique.runtime.linting import with_policies

    from_stdin = STDIN in args.policies
    if from_stdin and set(args.policies) != {STDIN}:
        raise UsageError("standard input is fixed alone: its text goes to standard output")
    inputs, named = read_inputs(args.policies), args.policies
    if args.only_policies:
        inputs, named = with_policies(inputs), []
    inventory = inventory_of(args, settings)
    fixed = fix(inputs, settings, unsafe=args.unsafe_fixes, inventory=inventory, named=named)
    _tell(args, fixed)
    if args.diff:
        return _show(args, fixed)
    if from_stdin:
        for source in fixed.after or inputs.sources:
            sys.stdout.write(source.text)
    else:
        _write(fixed)
    write_report(args, fixed.report, outputs, sys.stderr if from_stdin else sys.stdout)
    return exit_code(args, fixed.report, settings)


def _tell(args: argparse.Namespace, fixed: Fixed) -> None:
    from pratique.runtime.outputs.text import plural, visible

    if args.quiet:
        return
    for finding, why in fixed.undone:
        place = f"{finding.location}: " if finding.location else ""
        print(visible(f"note: {place}{finding.code} is not fixed: {why}"), file=sys.stderr)
    if args.diff:
        print(f"{plural(len(fixed.report.fixed), 'finding')} would be fixed", file=sys.stderr)


def _show(args: argparse.Namespace, fixed: Fixed) -> int:
    """Print changes as a unified diff; return 2 for mistakes, 1 for changes, else 0."""
    from pratique.grammar.errors import ExitCode
    from pratique.runtime.file_changes import unified
    from pratique.runtime.outputs.text import Palette

    palette = Palette(use_color(args.color, sys.stdout))
    colors = {"+": "32", "-": "31", "@": "36"}
    for before, after in zip(fixed.before, fixed.after, strict=True):
        for line in unified(before, after).splitlines(keepends=True):
            text = line.rstrip("\n")
            sys.stdout.write(palette.paint(colors[text[0]], text) + "\n" if text[:1] in colors else line)
    if fixed.report.mistakes:
        return ExitCode.USAGE
    return ExitCode.FINDINGS if fixed.before and not args.exit_zero else ExitCode.CLEAN


def _write(fixed: Fixed) -> None:
    """Write every text over its file; what cannot be written keeps none of the others from it."""
    from pratique.grammar.errors import UsageError
    from pratique.runtime.file_changes import replace_text

    problems = []
    for before, after in zip(fixed.before, fixed.after, strict=True):
        try:
            replace_text(before, after.text)
        except UsageError as error:
            problems.append(str(error))
    if problems:
        raise UsageError("\n".join(problems))
