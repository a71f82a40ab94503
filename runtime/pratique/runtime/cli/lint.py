"""`pratique lint`: what is wrong with policies, proved."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

from pratique.runtime.cli.options import CommaList
from pratique.runtime.cli.terminal import use_color

if TYPE_CHECKING:
    from pratique.runtime.outputs.findings import LintReport

NAME: Final = "lint"
HELP: Final = "find what is wrong with policies, with proofs and witness images"
INTERMIXED: Final = True

FORMATS: Final = ("text", "concise", "json", "github", "sarif")
SEVERITIES: Final = ("error", "warning", "info")

_EXAMPLES: Final = """\
examples:
  pratique lint policies/
  kubectl get cpol,pol -A -o yaml | pratique lint -
  pratique lint policies/ --ignore PRQ005 --min-severity error
  pratique lint policies/ -o sarif > lint.sarif

`pratique rule` lists the rules, `pratique rule PRQ001` explains one.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "pratique lint POLICY... [options]"
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "policies", metavar="POLICY", nargs="*", help="file, folder or glob of policies; - is standard input"
    )
    parser.add_argument(
        "-o",
        "--output",
        dest="format",
        metavar="FORMAT",
        choices=FORMATS,
        default="text",
        help=f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]} (default text)",
    )
    group = parser.add_argument_group("which findings")
    for option, text in (("--select", "report these rules alone"), ("--ignore", "do not report these rules")):
        group.add_argument(
            option,
            metavar="RULES",
            action=CommaList,
            default=[],
            help=f"{text}; codes or names, separated by commas or given several times",
        )
    group.add_argument(
        "--min-severity",
        metavar="LEVEL",
        choices=SEVERITIES,
        default="info",
        help="error, warning or info: report nothing of less weight (default info)",
    )
    parser.add_argument(
        "--exit-zero", action="store_true", help="exit with 0 where there are findings; mistakes still give 2"
    )


def run(args: argparse.Namespace) -> int:
    """Print the findings; return 0 where none is a warning or worse, 1 where some is, 2 for mistakes."""
    from pratique.compiler.lint.base import Severity
    from pratique.grammar.errors import ExitCode, UsageError
    from pratique.runtime.linting import lint
    from pratique.runtime.outputs.text import visible

    if not args.policies:
        raise UsageError("no policy given; see `pratique lint --help`")
    report = lint(args.policies, _codes(args), min_severity=Severity(args.min_severity))
    sys.stdout.write(_render(args, report))
    if not args.quiet:
        for notice in report.notices:
            print(f"note: {visible(notice)}", file=sys.stderr)
    if report.mistakes:
        return ExitCode.USAGE
    if not args.exit_zero and any(found.severity is not Severity.INFO for found in report.findings):
        return ExitCode.FINDINGS
    return ExitCode.CLEAN


def _codes(args: argparse.Namespace) -> frozenset[str]:
    """Return the codes of the rules to ask.

    Raises:
        UsageError: an option names a rule that there is not.
    """
    from pratique.compiler.lint.base import catalogue
    from pratique.runtime.cli.rule import find

    everything = [rule.code for rule in catalogue()]
    chosen = [find(name).code for name in args.select] or everything
    return frozenset(chosen) - {find(name).code for name in args.ignore}


def _render(args: argparse.Namespace, report: LintReport) -> str:
    from pratique.runtime.outputs import findings
    from pratique.runtime.outputs.text import Palette

    palette = Palette(use_color(args.color, sys.stdout))
    match args.format:
        case "json":
            from pratique.runtime.outputs import findings_json

            return findings_json.render(report)
        case "sarif":
            from pratique.runtime.outputs import findings_sarif

            return findings_sarif.render(report)
        case "github":
            return findings.render_github(report)
        case "concise":
            return findings.render_concise(report, palette)
        case _:
            return findings.render_text(report, palette)
