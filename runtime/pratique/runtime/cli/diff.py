"""`pratique diff`: what a change of policies newly admits, refuses and reports."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pratique.runtime.cli.terminal import use_color

if TYPE_CHECKING:
    from pratique.runtime.differing import DiffReport

NAME: Final = "diff"
HELP: Final = (
    "show what a change of policies newly admits, refuses and reports, or prove that it changes nothing"
)
INTERMIXED: Final = True
PATHS_BEHIND_DASHES: Final = True

FORMATS: Final = ("text", "json", "markdown", "github")
UNDECIDED: Final = 4
"""Exit code where no difference was found and none was excluded."""

_EPILOG: Final = """\
examples:
  pratique diff old/ new/
  kubectl get cpol,pol -A -o yaml | pratique diff - policies/
  pratique diff HEAD~1 HEAD -- policies/
  pratique diff HEAD -- policies/
  pratique diff origin/main -o github -- policies/

With -- both sides are git revisions, or one revision and the working tree.

exit codes: 0 equivalent (proved), 1 differences, 2 a policy or the command line cannot be used,
3 git cannot be asked, 4 no difference was found but not every part could be decided.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "pratique diff OLD NEW [options] | REVISION [REVISION] -- PATH..."
    parser.epilog = _EPILOG
    parser.add_argument(
        "sides",
        metavar="OLD NEW",
        nargs="*",
        help="file, folder or glob of policies; - is standard input; with --, git revisions",
    )
    parser.add_argument(
        "-o",
        "--output",
        dest="format",
        metavar="FORMAT",
        choices=FORMATS,
        default="text",
        help="text, json, markdown, or github: text, and markdown appended to the file that"
        " $GITHUB_STEP_SUMMARY names (default text)",
    )


def run(args: argparse.Namespace) -> int:
    """Print what differs; return 0 for a proof that nothing does, 1 for differences, 4 for neither."""
    from pratique.grammar.errors import ExitCode
    from pratique.runtime.outputs.text import visible

    report = _report(args.sides, args.behind_dashes)
    _write(args, report)
    if not args.quiet:
        for notice in report.notices:
            print(f"note: {visible(notice)}", file=sys.stderr)
    if report.comparison.differs:
        return ExitCode.FINDINGS
    return UNDECIDED if report.comparison.undecided else ExitCode.CLEAN


def _report(sides: list[str], paths: list[str] | None) -> DiffReport:
    """Compare what the arguments name.

    Raises:
        UsageError: too few or too many sides or paths.
    """
    from pratique.grammar.errors import UsageError
    from pratique.runtime.differing import diff_files, diff_revisions

    if paths is None:
        if len(sides) != 2:
            raise UsageError(
                "give the old and the new policies, or revisions and -- PATH...; see `pratique diff --help`"
            )
        return diff_files(sides[0], sides[1])
    if not 1 <= len(sides) <= 2 or not paths:
        raise UsageError(
            "give one or two revisions before --, and paths behind it; see `pratique diff --help`"
        )
    return diff_revisions(sides, paths)


def _write(args: argparse.Namespace, report: DiffReport) -> None:
    from pratique.runtime.outputs import differences
    from pratique.runtime.outputs.text import Palette

    match args.format:
        case "json":
            from pratique.runtime.outputs import differences_json

            sys.stdout.write(differences_json.render(report))
        case "markdown":
            sys.stdout.write(differences.render_markdown(report))
        case _:
            sys.stdout.write(differences.render_text(report, Palette(use_color(args.color, sys.stdout))))
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if args.format == "github" and summary:
        _append(Path(summary), differences.render_markdown(report))


def _append(path: Path, text: str) -> None:
    from pratique.grammar.errors import UsageError

    try:
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
