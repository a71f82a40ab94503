"""`pratique convert`: classic image policies as ImageValidatingPolicies, proved to be the same."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pratique.runtime.cli.terminal import use_color

if TYPE_CHECKING:
    from pratique.grammar.source import Source
    from pratique.runtime.converting import ConversionReport, Converted

NAME: Final = "convert"
HELP: Final = "convert classic image policies to ImageValidatingPolicies, each with a proof or a witness"
INTERMIXED: Final = True

FORMATS: Final = ("yaml", "json")
ENGINES: Final = ("kyverno", "pratique")
UNDECIDED: Final = 4
"""Exit code where nothing differs, and equivalence is not proved everywhere."""

_EPILOG: Final = """\
examples:
  pratique convert policies/ --check
  pratique convert policy.yaml > converted.yaml
  pratique convert policies/ -o converted/
  pratique convert policies/ --write
  kubectl get cpol,pol -A -o yaml | pratique convert - --format json

A policy that cannot be converted as it is, is left out; what cannot be said is told with its place and an
image, resource or signer on which the two differ.

exit codes: 0 all are equivalent (proved), 1 something differs or was left out, 2 a policy or the command line
cannot be used, 4 nothing was found to differ but not everything could be decided.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "pratique convert PATH... [options]"
    parser.epilog = _EPILOG
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", help="file, folder or glob of policies; - is standard input"
    )
    parser.add_argument(
        "--format",
        metavar="FORMAT",
        choices=FORMATS,
        default="yaml",
        help="yaml, the new policies; or json, the new policies with what is known of each (default yaml)",
    )
    group = parser.add_argument_group("where to")
    group.add_argument(
        "-o",
        "--output",
        metavar="FILE|DIR",
        help="write to this file, or to a file in this folder for each one that was read",
    )
    group.add_argument("--force", action="store_true", help="with -o: write over files that are there")
    group.add_argument(
        "--write", action="store_true", help="write the new policies in the place of the classic ones"
    )
    group.add_argument("--check", action="store_true", help="write nothing: say what would become of each")
    group = parser.add_argument_group("what counts")
    group.add_argument(
        "--allow-differences",
        action="store_true",
        help="convert policies, too, of which something cannot be said; what that is, is told all the same",
    )
    group.add_argument(
        "--engine",
        metavar="ENGINE",
        choices=ENGINES,
        default="kyverno",
        help="kyverno or pratique: who will enforce the result; what Kyverno 1.19 overlooks is no difference"
        " for pratique (default kyverno)",
    )
    group.add_argument(
        "--everywhere",
        action="store_true",
        help="name every kind in place of autogen, so that ephemeral containers that are added, image volumes"
        " and ReplicationControllers are judged as before",
    )
    group.add_argument(
        "--strict",
        action="store_true",
        help="what differs between the languages whatever the policy is a difference, too",
    )


def run(args: argparse.Namespace) -> int:
    """Convert, write, and say what is known; return 1 for differences, 4 where something is not decided.

    Raises:
        UsageError: options do not go together, or something cannot be written.
    """
    from pratique.runtime.cli.progress import ProgressBar
    from pratique.runtime.converting import Options, convert_inputs
    from pratique.runtime.inputs import STDIN, read_inputs

    _check(args, STDIN)
    options = Options(
        allow_differences=args.allow_differences,
        for_pratique=args.engine == "pratique",
        strict=args.strict,
        everywhere=args.everywhere,
    )
    with ProgressBar(quiet=args.quiet) as progress:
        report = convert_inputs(read_inputs(args.paths), options, progress)
    if not report.mistakes:
        _write(args, report)
    return _tell(args, report)


def _check(args: argparse.Namespace, stdin: str) -> None:
    from pratique.grammar.errors import UsageError

    chosen = [name for name in ("output", "write", "check") if getattr(args, name)]
    if len(chosen) > 1:
        raise UsageError(f"--{chosen[0]} and --{chosen[1]} do not go together")
    if args.force and not args.output:
        raise UsageError("--force goes with -o")
    if args.write and stdin in args.paths:
        raise UsageError(
            "standard input cannot be written back: leave --write out, the text goes to standard output"
        )


def _tell(args: argparse.Namespace, report: ConversionReport) -> int:
    """Print what is known, to standard error where the new policies go to standard output."""
    from pratique.compiler.converting.proof import Status
    from pratique.grammar.errors import ExitCode, PolicyErrors
    from pratique.runtime.outputs import conversions
    from pratique.runtime.outputs.text import Palette, visible

    to_stdout = args.format == "yaml" and not (args.output or args.write or args.check)
    stream = sys.stderr if to_stdout else sys.stdout
    if args.format == "json":
        sys.stdout.write(conversions.render_json(report))
    elif not (args.quiet and to_stdout):
        stream.write(conversions.render_text(report, Palette(use_color(args.color, stream))))
    if not args.quiet:
        for notice in report.notices:
            print(f"note: {visible(notice)}", file=sys.stderr)
    if report.mistakes:
        raise PolicyErrors(report.mistakes)
    found = {each.status for each in report.converted}
    if Status.DIFFERENT in found:
        return ExitCode.FINDINGS
    return UNDECIDED if Status.UNKNOWN in found else ExitCode.CLEAN


# --- writing -------------------------------------------------------------------------------------------


def _write(args: argparse.Namespace, report: ConversionReport) -> None:
    from pratique.runtime.outputs.conversions import documents

    if args.check:
        return
    if args.write:
        _write_back(report)
    elif args.output and (args.output.endswith("/") or Path(args.output).is_dir()):
        _write_folder(Path(args.output), args, report)
    elif args.output:
        _new_file(Path(args.output), documents(list(report.converted)), force=args.force)
    elif args.format == "yaml":
        sys.stdout.write(documents(list(report.converted)))


def _write_back(report: ConversionReport) -> None:
    """Write the new policies over the classic ones, each file as a whole or not at all.

    Raises:
        UsageError: a file cannot be written, or a policy stands in a list.
    """
    from pratique.grammar.errors import UsageError
    from pratique.runtime.file_changes import replace_text
    from pratique.runtime.outputs.conversions import replaced

    problems = []
    for source, converted in _by_source(report):
        listed = next((each for each in converted if each.texts and each.document.path_prefix), None)
        if listed:
            problems.append(
                f"{listed.document.location()}: a policy in a list cannot be written back: use -o"
            )
            continue
        try:
            after = replaced(source, converted)
            if after != source.text:
                replace_text(source, after)
        except UsageError as error:
            problems.append(str(error))
    if problems:
        raise UsageError("\n".join(problems))


def _write_folder(folder: Path, args: argparse.Namespace, report: ConversionReport) -> None:
    """Write a file for each that was read, under the same name below the folder that was named.

    Raises:
        UsageError: two would have one name, or a file is there or cannot be written.
    """
    from pratique.grammar.errors import UsageError
    from pratique.runtime.outputs.conversions import documents

    wanted: dict[Path, str] = {}
    for source, converted in _by_source(report):
        text = documents(converted)
        path = folder / _relative(source.name, args.paths)
        if text and path in wanted:
            raise UsageError(f"two files would be written to {path}: name their folder instead of each")
        if text:
            wanted[path] = text
    present = [path for path in wanted if path.exists()]
    if present and not args.force:
        raise UsageError(f"{present[0]} is there already: --force writes over it")
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        _new_file(path, text, force=args.force)


def _relative(name: str, paths: list[str]) -> Path:
    """Return a name below the folder among `paths` that it was found in; else its last part."""
    path = Path(name)
    for each in paths:
        folder = Path(each)
        if folder.is_dir() and path.is_relative_to(folder):
            return path.relative_to(folder)
    return Path("stdin.yaml" if name == "<stdin>" else path.with_suffix(".yaml").name)


def _new_file(path: Path, text: str, *, force: bool) -> None:
    from pratique.grammar.errors import UsageError

    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already: --force writes over it") from error
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def _by_source(report: ConversionReport) -> list[tuple[Source, list[Converted]]]:
    found: list[tuple[Source, list[Converted]]] = []
    for source in report.sources:
        mine = [each for each in report.converted if each.document.document.source is source]
        if mine:
            found.append((source, mine))
    return found
