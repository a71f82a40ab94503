"""`pratique apply`: evaluate resources against policies."""

from __future__ import annotations

import argparse
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pratique.runtime.cli.kyverno_flags import add_flags
from pratique.runtime.cli.options import (
    CommaList,
    add_exception_options,
    add_exit_options,
    add_plan_option,
    add_platform_option,
    add_secrets_option,
    add_store_options,
    add_value_options,
    apply_options,
)
from pratique.runtime.cli.writing import add_output_options, chosen_outputs, render_options, write

if TYPE_CHECKING:
    from pratique.runtime.cli.progress import ProgressBar
    from pratique.runtime.decision import Report

NAME: Final = "apply"
HELP: Final = "evaluate resources against policies; print a table, reports or SARIF"
INTERMIXED: Final = True

STANDARD_INPUT: Final = "-"

_EXAMPLES: Final = """\
examples:
  pratique apply policy.yaml --resource pod.yaml
  pratique apply policies/ --resource manifests/ -o table -o sarif=results.sarif
  kubectl get pods -A -o yaml | pratique apply policies/ --resource - -o policy-report
  pratique apply policy.yaml -r pod.yaml --registry-layout images/ --offline --detailed
  pratique apply --plan plan.json --resource manifests/
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = (
        "pratique apply POLICY... --resource FILE... [options]\n"
        "       pratique apply --plan FILE [POLICY...] --resource FILE... [options]"
    )
    parser.epilog = _EXAMPLES
    inputs = parser.add_argument_group("inputs")
    inputs.add_argument(
        "policies", metavar="POLICY", nargs="*", help="file, folder or glob of policies; - is standard input"
    )
    inputs.add_argument(
        "-r",
        "--resource",
        "--resources",
        dest="resources",
        metavar="FILE",
        action=CommaList,
        default=[],
        help="file, folder or glob of resources; repeat it or separate with commas; - is standard input",
    )
    inputs.add_argument(
        "--target-resource",
        "--target-resources",
        dest="targets",
        metavar="FILE",
        action=CommaList,
        default=[],
        help="existing objects that `mutate` rules with `targets` change: file, folder or glob;"
        " `-o resources` prints what becomes of them. Without any, such rules are errors",
    )
    add_plan_option(inputs, "apply")
    add_secrets_option(inputs)
    add_exception_options(parser)
    add_value_options(parser)
    add_output_options(parser)
    inputs.add_argument(
        "--output-dir",
        metavar="DIR",
        type=Path,
        help="write each object that rules changed or generated into a file of its own in this folder",
    )
    add_store_options(parser)
    add_platform_option(parser)
    add_exit_options(parser)
    add_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Evaluate, write the outputs, and return the exit code of the verdicts.

    Raises:
        PratiqueError: there is no verdict; machine-readable outputs have been written even so.
    """
    from pratique.grammar.errors import PratiqueError
    from pratique.runtime.cli.exit_status import exit_status
    from pratique.runtime.cli.progress import ProgressBar
    from pratique.runtime.outputs.formats import render, render_problems
    from pratique.runtime.outputs.problems import problems
    from pratique.runtime.outputs.view import View

    _check(args)
    outputs = chosen_outputs(args)
    try:
        with ProgressBar(quiet=args.quiet) as progress:
            report = evaluate(args, progress)
    except PratiqueError as error:
        found = problems(error, lambda name: _is_among(name, args.policies))
        write(outputs, lambda output: render_problems(output.format, found))
        raise
    view = View(report, audit_warn=args.audit_warn)
    if args.output_dir is not None:
        from pratique.runtime.outputs.changed_resources import write_folder

        write_folder(view, args.output_dir)
    write(outputs, lambda output: render(output.format, view, render_options(args, output)))
    if not args.quiet:
        _print_notices(report)
    return exit_status(view, warn_exit_code=args.warn_exit_code, warn_no_pass=args.warn_no_pass)


def evaluate(args: argparse.Namespace, progress: ProgressBar) -> Report:
    """Return the report of a session with these arguments."""
    from pratique.runtime.session import apply

    return apply(apply_options(args), progress=progress)


def _check(args: argparse.Namespace) -> None:
    from pratique.grammar.errors import UsageError

    if not args.policies and not args.plan:
        raise UsageError("no policy given; see `pratique apply --help`")
    if not args.resources:
        raise UsageError("no resource given; see `pratique apply --help`")
    if args.output_dir is not None and args.output_dir.exists() and not args.output_dir.is_dir():
        raise UsageError(f"--output-dir: {args.output_dir} is no folder")
    if STANDARD_INPUT in args.policies and STANDARD_INPUT in args.resources:
        raise UsageError("standard input can hold policies or resources, not both")


def _is_among(name: str, inputs: list[str]) -> bool:
    """Say whether a source of this name comes from one of `inputs`: files, folders, globs or `-`."""
    if name.startswith("<") and STANDARD_INPUT in inputs:
        return True
    return any(
        name == given or Path(given) in Path(name).parents or fnmatchcase(name, given) for given in inputs
    )


def _print_notices(report: Report) -> None:
    from pratique.runtime.outputs.text import visible

    for notice in report.notices:
        print(f"note: {visible(notice)}", file=sys.stderr)
