"""`pratique test`: run declarative test suites of policies."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Final

from pratique.runtime.cli.kyverno_flags import refuse_test_flags
from pratique.runtime.cli.terminal import use_color

if TYPE_CHECKING:
    from pratique.runtime.outputs.text import Palette
    from pratique.runtime.testing.model import SuiteResult

NAME: Final = "test"
HELP: Final = "run test suites of policies, in the format of the Kyverno CLI"
INTERMIXED: Final = True

FORMATS: Final = ("json", "yaml", "markdown", "junit")
FILE_NAME: Final = "kyverno-test.yaml"

_EXAMPLES: Final = """\
examples:
  pratique test .
  pratique test policies/ --fail-only --detailed-results
  pratique test . -t "policy=require-*,resource=web"
  pratique test . -o junit > results.xml
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "pratique test [PATH...] [options]"
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="*",
        help="folder to look for suites in, or a file with one (default: the current folder)",
    )
    parser.add_argument(
        "-f",
        "--file-name",
        metavar="NAME",
        default=FILE_NAME,
        help=f"name of the files with suites (default {FILE_NAME})",
    )
    parser.add_argument(
        "-t",
        "--test-case-selector",
        dest="selector",
        metavar="SELECTOR",
        default="",
        help="run these rows alone: policy=GLOB,rule=GLOB,resource=GLOB",
    )
    parser.add_argument(
        "--require-tests", action="store_true", help="exit with 1 where no test was found or chosen"
    )
    parser.add_argument(
        "-j",
        "--jobs",
        metavar="N",
        type=_jobs,
        default=0,
        help="run suites in so many processes (default: one for each core)",
    )
    parser.add_argument(
        "--registry",
        action="store_true",
        help="ask registries about images of suites that have no lab (lab.yaml or lab/) beside them",
    )
    _add_output_options(parser)
    refuse_test_flags(parser)


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument(
        "-o",
        "--output-format",
        dest="format",
        metavar="FORMAT",
        choices=FORMATS,
        default="",
        help=f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]} instead of tables; counts go to standard error",
    )
    group.add_argument("--fail-only", action="store_true", help="show failed tests alone")
    group.add_argument("--detailed-results", action="store_true", help="show messages of rules as well")
    group.add_argument("--remove-color", action="store_true", help="as --color never")


def _jobs(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= 256:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 256")
    return number


def run(args: argparse.Namespace) -> int:
    """Run the suites, print what became of them, and return 1 where a test failed.

    Raises:
        UsageError: a path or the selector cannot be used.
    """
    from pratique.runtime.outputs.tests_text import suite_text, summary
    from pratique.runtime.outputs.text import Palette
    from pratique.runtime.testing.discovery import find_files
    from pratique.runtime.testing.running import Selector, run_files

    selector = Selector.parse(args.selector)
    files = find_files(args.paths or ["."], args.file_name)
    coloured = not args.remove_color and use_color(args.color, sys.stdout)
    palette = Palette(enabled=coloured)
    results: list[SuiteResult] = []
    for result in run_files(files, selector, args.jobs or _cores(), registries=args.registry):
        results.append(result)
        if not args.format and not args.fail_only:
            print(suite_text(result, palette, detailed=args.detailed_results))
    _print_rest(args, results, palette)
    if not files:
        print(f"no {args.file_name} was found", file=sys.stderr)
    counts = summary(results, fail_only=args.fail_only)
    print(f"\n{counts}\n", file=sys.stderr if args.format else sys.stdout)
    if args.require_tests and not any(result.rows or result.problem for result in results):
        return 1
    return 1 if any(result.failures for result in results) else 0


def _print_rest(args: argparse.Namespace, results: list[SuiteResult], palette: Palette) -> None:
    """Print what is printed of all suites together."""
    from pratique.runtime.outputs.tests_formats import FORMATS as RENDERERS
    from pratique.runtime.outputs.tests_text import failures_text, only_failures

    shown = only_failures(results) if args.fail_only else results
    if args.format:
        print(RENDERERS[args.format](shown, detailed=args.detailed_results), end="")
    elif args.fail_only:
        text = failures_text(results, palette, detailed=args.detailed_results)
        print(text, end="\n" if text else "")


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
