"""Which outputs a run writes, and writing them: `-o FORMAT` to standard output, `-o FORMAT=FILE` to files."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO

from pratique.runtime.cli.terminal import use_color

if TYPE_CHECKING:
    from pratique.runtime.outputs.formats import RenderOptions

FORMATS: Final = {
    "table": "a row per policy, rule and resource; what failed; the counts as `kyverno apply` prints them",
    "json": "everything, `apiVersion: pratique.dev/v1`: `results` per image and stage with the reason tree,"
    " `rows` and `summary` per policy, rule and resource, `errors` where inputs cannot be used",
    "yaml": "the same as YAML",
    "policy-report": "`wgpolicyk8s.io/v1alpha2` `PolicyReport` and `ClusterPolicyReport`",
    "openreports": "`openreports.io/v1alpha1` `Report` and `ClusterReport`",
    "junit": "JUnit XML: a suite per policy, a case per rule and resource",
    "sarif": "SARIF 2.1.0 for code scanning: what is not as it should be, at the rule that says so",
    "html": "a page for browsers that needs nothing else: results, images with reasons, who signed what",
    "resources": "YAML: the objects that rules changed or generated, as they left them",
}
"""The names of `outputs.formats.FORMATS`, written out so that help needs no output's module."""


class Output(NamedTuple):
    """A format and where it goes; None is standard output."""

    format: str
    path: Path | None


def add_output_options(
    parser: argparse.ArgumentParser, formats: Collection[str] = FORMATS, *, costs: bool = True
) -> None:
    """Declare what is written and where: one of `formats`, and with `costs` whether tables show them."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "-o",
        "--output",
        dest="outputs",
        metavar="FORMAT[=FILE]",
        type=partial(output, formats=formats),
        action="append",
        default=[],
        help=f"one of {', '.join(formats)} (default table); repeat it to write several",
    )
    group.add_argument(
        "--output-file", metavar="FILE", type=Path, help="write the only -o without a file of its own here"
    )
    group.add_argument(
        "--detailed",
        "--detailed-results",
        action="store_true",
        help="in tables: show why, as a tree of what was looked at and found",
    )
    if costs:
        group.add_argument(
            "--show-performance",
            action="store_true",
            help="in tables: show registry requests and verifications",
        )
    else:
        parser.set_defaults(show_performance=False)
    group.add_argument("-t", "--table", action="store_true", help="same as -o table")
    group.add_argument("-p", "--policy-report", action="store_true", help="same as -o policy-report")
    group.add_argument(
        "--output-format",
        metavar="SYNTAX",
        choices=("yaml", "json"),
        default="yaml",
        help="yaml or json, for policy-report and openreports (default yaml)",
    )
    group.add_argument(
        "--report-per",
        metavar="WHAT",
        choices=("policy", "resource"),
        default="policy",
        help="policy or resource: what one policy report gathers (default policy)",
    )
    group.add_argument(
        "--timestamps",
        action="store_true",
        help="write the time of the run into reports; without it, equal runs give equal bytes",
    )
    group.add_argument("--remove-color", action="store_true", help="same as --color never")


def output(text: str, formats: Collection[str] = FORMATS) -> Output:
    """Return the output that `FORMAT` or `FORMAT=FILE` names; `-` as file is standard output."""
    name, equals, path = text.partition("=")
    if name not in formats:
        raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(formats)}")
    if equals and not path:
        raise argparse.ArgumentTypeError(f"{text!r} names no file")
    return Output(name, Path(path) if path and path != "-" else None)


def chosen_outputs(args: argparse.Namespace) -> list[Output]:
    """Return what is to be written, once each, in the order given.

    Raises:
        UsageError: two outputs would share standard output or a file, or a file cannot be there.
    """
    from pratique.grammar.errors import UsageError

    outputs: list[Output] = list(args.outputs)
    if args.table:
        outputs.append(Output("table", None))
    if args.policy_report:
        outputs.append(Output("policy-report", None))
    outputs = list(dict.fromkeys(outputs or [Output("table", None)]))
    if args.output_file:
        homeless = [number for number, one in enumerate(outputs) if one.path is None]
        if len(homeless) != 1:
            raise UsageError("--output-file needs exactly one -o without a file of its own")
        outputs[homeless[0]] = outputs[homeless[0]]._replace(path=args.output_file)
    return placed(outputs)


def placed(given: Sequence[Output]) -> list[Output]:
    """Return outputs that have places of their own, each once, in the order given.

    Raises:
        UsageError: two outputs would share standard output or a file, or a file cannot be there.
    """
    from pratique.grammar.errors import UsageError

    outputs = list(dict.fromkeys(given))
    for number, one in enumerate(outputs):
        if any(one.path == other.path for other in outputs[:number]):
            place = f"the file {one.path}" if one.path else "standard output"
            raise UsageError(f"two outputs for {place}: write one of them as -o {one.format}=FILE")
        if one.path and (one.path.is_dir() or not one.path.parent.is_dir()):
            raise UsageError(f"cannot write {one.path}: it is a folder, or there is no folder for it")
    return outputs


def render_options(args: argparse.Namespace, one: Output) -> RenderOptions:
    """Return how `one` is rendered; only standard output is ever coloured."""
    from pratique.runtime.outputs.formats import Grouping, RenderOptions

    when = "never" if args.remove_color else args.color
    return RenderOptions(
        color=one.path is None and use_color(when, sys.stdout),
        detailed=args.detailed,
        cost=args.show_performance,
        grouping=Grouping(args.report_per),
        as_json=args.output_format == "json",
        now=int(time.time()) if args.timestamps else None,
    )


def write(outputs: Sequence[Output], text_of: Callable[[Output], str], stream: TextIO | None = None) -> None:
    """Write every output, files first; an empty text empties its file, so that no old report survives.

    What has no file goes to `stream`, by default standard output.

    Raises:
        UsageError: a file cannot be written.
    """
    write_pieces(outputs, lambda one: (text_of(one),), stream)


def write_pieces(
    outputs: Sequence[Output], pieces_of: Callable[[Output], Iterable[str]], stream: TextIO | None = None
) -> None:
    """Write every output piece by piece; otherwise as `write`.

    Raises:
        UsageError: a file cannot be written.
    """
    from pratique.grammar.errors import UsageError

    for one in sorted(outputs, key=lambda o: o.path is None):
        pieces = pieces_of(one)
        if one.path is None:
            (stream or sys.stdout).writelines(pieces)
        else:
            try:
                with one.path.open("w", encoding="utf-8", errors="backslashreplace") as file:
                    file.writelines(pieces)
            except OSError as error:
                raise UsageError(f"cannot write {one.path}: {error.strerror}") from error
