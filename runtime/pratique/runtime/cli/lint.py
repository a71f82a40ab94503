"""`pratique lint`: what is wrong with policies, proved."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING, Final, TextIO

from pratique.runtime.cli.options import CommaList, file
from pratique.runtime.cli.terminal import use_color
from pratique.runtime.cli.writing import Output, output, placed, write
from pratique.runtime.outputs.findings_formats import FORMATS, render

if TYPE_CHECKING:
    from pratique.compiler.lint.inventory import Inventory
    from pratique.runtime.configuration.lint_settings import LintSettings
    from pratique.runtime.outputs.findings import LintReport

NAME: Final = "lint"
HELP: Final = "find what is wrong with policies, with proofs and witness images"
INTERMIXED: Final = True

SEVERITIES: Final = ("error", "warning", "info")

BY_SEVERITY: Final = {"info": 11, "warning": 12, "error": 13}
"""Severity of the worst finding -> exit code under `--exit-by-severity`."""

_EPILOG: Final = """\
examples:
  pratique lint policies/
  kubectl get cpol,pol -A -o yaml | pratique lint -
  pratique lint policies/ --ignore PRQ005 --min-severity error
  pratique lint policies/ -o text -o sarif=lint.sarif
  pratique lint policies/ --diff
  pratique lint policies/ --fix

`pratique rule` lists the rules, `pratique rule PRQ001` explains one. Options count over pratique.toml, or
[tool.pratique] of pyproject.toml, which is looked for in the folder of the policies and upwards.

exit codes: 0 no finding of the fail level, 1 findings (with --diff: changes), 2 a policy, the
configuration or the command line cannot be used, 3 the cluster could not be asked.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "pratique lint POLICY... [options]"
    parser.epilog = _EPILOG
    parser.add_argument(
        "policies", metavar="POLICY", nargs="*", help="file, folder or glob of policies; - is standard input"
    )
    parser.add_argument(
        "-o",
        "--output",
        dest="outputs",
        metavar="FORMAT[=FILE]",
        type=partial(output, formats=FORMATS),
        action="append",
        default=[],
        help=f"one of {', '.join(FORMATS)} (default text); repeat it to write several",
    )
    parser.add_argument(
        "--only-policies",
        action="store_true",
        help="leave files alone that hold no policy, whatever is wrong with them; there need be none",
    )
    _add_choice(parser)
    _add_fixing(parser)
    group = parser.add_argument_group("configuration")
    group.add_argument("--config", metavar="FILE", type=file, help="read settings from this file")
    group.add_argument("--no-config", action="store_true", help="read no configuration file")
    group.add_argument(
        "--show-config",
        action="store_true",
        help="print the settings, each with where it comes from, and exit",
    )


def _add_choice(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which findings")
    for option, text in (("--select", "ask these rules alone"), ("--ignore", "do not ask these rules")):
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
        help="error, warning or info: report nothing of less weight (default info)",
    )
    group.add_argument(
        "--target",
        metavar="RELEASES",
        help="the releases of Kyverno that the policies are for, such as 1.19 or 1.13..1.19",
    )
    group = parser.add_argument_group("images that there are")
    group.add_argument(
        "--inventory",
        metavar="FILE|cluster",
        help="compare patterns with these images: a file with one a line or with Kubernetes objects, or the"
        " Pods of the current cluster",
    )
    group.add_argument(
        "--kubeconfig", metavar="FILE", type=file, help="how to reach the cluster (default $KUBECONFIG)"
    )
    group.add_argument("--context", metavar="NAME", default="", help="context of the kubeconfig")
    group = parser.add_argument_group("exit code")
    group.add_argument(
        "--fail-level",
        metavar="LEVEL",
        choices=SEVERITIES,
        help="exit with 1 for findings of this weight or more (default warning)",
    )
    codes = ", ".join(f"{code} {name}" for name, code in BY_SEVERITY.items())
    group.add_argument(
        "--exit-by-severity", action="store_true", help=f"in place of 1, tell the worst finding: {codes}"
    )
    group.add_argument(
        "--exit-zero", action="store_true", help="exit with 0 where there are findings; mistakes still give 2"
    )


def _add_fixing(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("fixes")
    group.add_argument(
        "--fix",
        action="store_true",
        help="change the files: make the fixes with which no image is admitted that was not before;"
        " of standard input, print the fixed text",
    )
    group.add_argument(
        "--unsafe-fixes",
        action="store_true",
        help="with --fix or --diff: make fixes that may admit more, too",
    )
    group.add_argument(
        "--diff", action="store_true", help="print what --fix would change, and change nothing"
    )


def run(args: argparse.Namespace) -> int:
    """Print the findings; return 0 where none is of the fail level, 1 where some is, 2 for mistakes."""
    from pratique.grammar.errors import UsageError
    from pratique.runtime.linting import lint

    settings, outputs = _settings(args)
    if args.show_config:
        return 0
    if not args.policies:
        raise UsageError("no policy given; see `pratique lint --help`")
    if args.fix or args.diff:
        from pratique.runtime.cli.lint_fixing import run_fixes

        return run_fixes(args, settings, outputs)
    if args.unsafe_fixes:
        raise UsageError("--unsafe-fixes goes with --fix or --diff")
    inventory = inventory_of(args, settings)
    report = lint(args.policies, settings, inventory=inventory, only_policies=args.only_policies)
    write_report(args, report, outputs, sys.stdout)
    return exit_code(args, report, settings)


def inventory_of(args: argparse.Namespace, settings: LintSettings) -> Inventory | None:
    """Return the images that there are, where they are asked for.

    Raises:
        UsageError: no cluster is known.
        PolicyErrors: the file cannot be read.
        TransportError: the cluster could not be asked.
    """
    if settings.inventory is None:
        return None
    from pratique.runtime.inventories import find_inventory
    from pratique.runtime.outputs.text import visible

    read = find_inventory(settings.inventory, str(args.kubeconfig or ""), args.context)
    if not args.quiet:
        for notice in read.notices:
            print(f"note: {visible(notice)}", file=sys.stderr)
    return read.inventory


def write_report(args: argparse.Namespace, report: LintReport, outputs: list[Output], stream: TextIO) -> None:
    """Write a report in every format asked for, to files or to `stream`; notices to standard error."""
    from pratique.runtime.outputs.text import Palette, visible

    def text_of(one: Output) -> str:
        return render(one.format, report, Palette(one.path is None and use_color(args.color, stream)))

    write(outputs, text_of, stream)
    if not args.quiet:
        for notice in report.notices:
            print(f"note: {visible(notice)}", file=sys.stderr)


def exit_code(args: argparse.Namespace, report: LintReport, settings: LintSettings) -> int:
    """Return what a report means: mistakes before findings, findings below the fail level nothing."""
    from pratique.grammar.errors import ExitCode

    if report.mistakes:
        return ExitCode.USAGE
    counted = SEVERITIES[: SEVERITIES.index(settings.fail_level) + 1]
    worst = next((level for level in counted if any(f.severity == level for f in report.findings)), None)
    if worst is None or args.exit_zero:
        return ExitCode.CLEAN
    return BY_SEVERITY[worst] if args.exit_by_severity else ExitCode.FINDINGS


# --- settings ------------------------------------------------------------------------------------------


def _settings(args: argparse.Namespace) -> tuple[LintSettings, list[Output]]:
    """Return what the run is told, and where it writes; prints it where that is asked for.

    Raises:
        UsageError: an option names a rule or a release that there is not.
        PolicyErrors: the configuration file has mistakes.
    """
    from pathlib import Path

    from pratique.grammar.errors import UsageError
    from pratique.runtime.configuration.files import find_configuration, read_configuration
    from pratique.runtime.configuration.lint_settings import LintSettings

    if args.config and args.no_config:
        raise UsageError("--config and --no-config contradict each other")
    here = Path.cwd()
    found = None
    if args.config:
        found = read_configuration(args.config, here)
    elif not args.no_config:
        found = find_configuration(args.policies, here)
    settings = LintSettings()
    if found:
        from pratique.runtime.configuration.lint_table import settings_of

        settings = settings_of(found)
    settings = _given(args).over(settings)
    if args.show_config:
        from pratique.runtime.configuration.showing import shown

        sys.stdout.write(shown(settings, found))
    return settings, placed(args.outputs or [Output(settings.output, None)])


def _given(args: argparse.Namespace) -> LintSettings:
    """Return the settings of the command line."""
    from pratique.compiler.kyverno.releases import ReleaseRange
    from pratique.compiler.lint.base import Severity
    from pratique.grammar.errors import UsageError
    from pratique.runtime.cli.rule import find
    from pratique.runtime.configuration.lint_settings import COMMAND_LINE, LintSettings

    given: dict[str, object] = {}
    for name, words in (("select", args.select), ("ignore", args.ignore)):
        if words:
            given[name] = tuple(find(word).code for word in words)
    for name, level in (("min_severity", args.min_severity), ("fail_level", args.fail_level)):
        if level:
            given[name] = Severity(level)
    if args.target:
        try:
            given["target"] = ReleaseRange.parse(args.target)
        except ValueError as error:
            raise UsageError(f"--target: {error}") from error
    if args.inventory:
        given["inventory"] = args.inventory
    if args.outputs:
        given["output"] = args.outputs[0].format
    return LintSettings(**given, origins=dict.fromkeys(given, COMMAND_LINE))  # type: ignore[arg-type]
