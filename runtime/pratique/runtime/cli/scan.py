"""`pratique scan`: look at all resources of a cluster, or of an inventory, once."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pratique.runtime.cli.options import (
    add_cluster_options,
    add_exception_options,
    add_exit_options,
    add_plan_option,
    add_platform_option,
    add_secrets_option,
    add_store_options,
    add_value_options,
    asks_cluster,
    store_options,
    trust_options,
)
from pratique.runtime.cli.scan_job import add_job_options, print_manifest
from pratique.runtime.cli.writing import (
    FORMATS,
    add_output_options,
    chosen_outputs,
    render_options,
    write,
    write_pieces,
)

if TYPE_CHECKING:
    from pratique.runtime.fleet.session import ScanOptions
    from pratique.runtime.fleet.sharding import Shard

NAME: Final = "scan"
HELP: Final = "evaluate all resources of a cluster or inventory; resumable, in shards, merged into one report"
INTERMIXED: Final = True

STANDARD_INPUT: Final = "-"
MAX_WORKERS: Final = 256
ENDING: Final = ".log"

_FORMATS: Final = [name for name in FORMATS if name != "resources"]
"""The names of `outputs.scans.formats.FORMATS`."""

_EXAMPLES: Final = """\
examples:
  pratique scan policies/ --cluster
  kubectl get pods,deployments -A -o json > inventory.json
  pratique scan policies/ --inventory inventory.json --state scan.log -o json=report.json
  pratique scan policies/ --inventory inventory.json --shard 1/4 --state shard-1.log
  pratique scan --merge shard-*.log -o policy-report=reports.yaml
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = (
        "pratique scan POLICY... (--cluster | --inventory FILE) [options]\n"
        "       pratique scan --merge FILE... [options]\n"
        "       pratique scan POLICY... --job-manifest --job-image IMAGE [options]"
    )
    parser.epilog = _EXAMPLES
    inputs = parser.add_argument_group("inputs")
    inputs.add_argument(
        "policies", metavar="POLICY", nargs="*", help="file, folder or glob of policies; - is standard input"
    )
    inputs.add_argument(
        "--inventory",
        metavar="FILE",
        action="append",
        default=[],
        help="resources: JSON lines, YAML, or what `kubectl get -o json|yaml` prints; read as a stream; - is"
        " standard input; may be given several times",
    )
    add_cluster_options(inputs)
    add_plan_option(inputs, "scan by")
    add_secrets_option(inputs)
    add_exception_options(parser, among_resources=False)
    add_value_options(parser, requests=False)
    _add_work_options(parser)
    add_job_options(parser)
    add_output_options(parser, _FORMATS, costs=False)
    add_store_options(parser)
    add_platform_option(parser)
    add_exit_options(parser).add_argument(
        "--exit-zero",
        action="store_true",
        help="exit with 0 also where there are findings: the report tells them",
    )


def run(args: argparse.Namespace) -> int:
    """Scan or merge, write the outputs, and return the exit code of the verdicts.

    Raises:
        PratiqueError: there is no verdict; machine-readable outputs have been written even so.
    """
    from pratique.grammar.errors import PratiqueError
    from pratique.runtime.cli.progress import ProgressBar
    from pratique.runtime.outputs.formats import render_problems
    from pratique.runtime.outputs.problems import problems

    if args.job_manifest:
        return print_manifest(args)
    _check(args)
    outputs = chosen_outputs(args)
    try:
        if args.merge:
            return _report(args, _merged(args.merge))
        from pratique.runtime.fleet.session import scanned

        with ExitStack() as stack:
            with ProgressBar(quiet=args.quiet) as progress:
                path = stack.enter_context(scanned(options(args), progress))
            return _report(args, [path], part=True)
    except PratiqueError as error:
        found = problems(error, lambda name: name in args.policies)
        write(outputs, lambda output: render_problems(output.format, found))
        raise


def _report(args: argparse.Namespace, paths: list[Path], *, part: bool = False) -> int:
    from pratique.grammar.errors import ExitCode
    from pratique.runtime.cli.exit_status import status_of
    from pratique.runtime.fleet.report import open_report
    from pratique.runtime.outputs.scans.formats import pieces
    from pratique.runtime.outputs.text import visible

    report = open_report(paths, audit_warn=args.audit_warn, part=part)
    try:
        write_pieces(
            chosen_outputs(args),
            lambda output: pieces(output.format, report, render_options(args, output)),
        )
        for notice in () if args.quiet else report.notices:
            print(f"note: {visible(notice)}", file=sys.stderr)
        status = status_of(
            report.summary,
            only_transport=report.only_transport,
            warn_exit_code=args.warn_exit_code,
            warn_no_pass=args.warn_no_pass,
        )
        return 0 if args.exit_zero and status == ExitCode.FINDINGS else status
    finally:
        report.close()


def _merged(paths: list[Path]) -> list[Path]:
    """Return the files that are merged: of folders, those that scans write there."""
    from pratique.grammar.errors import UsageError

    found = []
    for path in paths:
        logs = sorted(path.glob(f"*{ENDING}")) if path.is_dir() else [path]
        if not logs:
            raise UsageError(f"there is no finished scan (*{ENDING}) in {path}")
        found += logs
    return found


def options(args: argparse.Namespace) -> ScanOptions:
    """Return what a scan with these arguments is about."""
    from pratique.runtime.fleet.session import ScanOptions

    cluster = None
    if asks_cluster(args):
        from pratique.runtime.kubernetes.settings import find_cluster

        cluster = find_cluster(args.kubeconfig, args.context)
    return ScanOptions(
        policies=tuple(args.policies),
        inventory=tuple(args.inventory),
        cluster=cluster,
        store=store_options(args),
        trust=trust_options(args),
        coverage=args.platform,
        secrets=tuple(args.secrets),
        values_file=args.values_file,
        variables=tuple(args.variables),
        plan=args.plan,
        exceptions=tuple(args.exceptions),
        exceptions_within_policies=args.exceptions_within_policies,
        state=_state(args),
        shard=args.shard,
        workers=args.workers,
        dask=args.dask,
    )


def _state(args: argparse.Namespace) -> str:
    """Return where the scan is recorded: in a folder, in a file named after the shard."""
    path: str = args.state
    if path and Path(path).is_dir():
        number, of = args.shard
        return str(Path(path, f"shard-{number + 1}-of-{of}{ENDING}"))
    return path


def shard(text: str) -> Shard:
    """Return the shard of `I/N`; `I` may be `index` in a Pod of an Indexed Job.

    References: Kubernetes, "Indexed Job": `JOB_COMPLETION_INDEX` counts from 0.
    """
    from pratique.runtime.fleet.sharding import parse_shard

    first, _, of = text.partition("/")
    if first == "index":
        index = os.environ.get("JOB_COMPLETION_INDEX", "")
        if not (index.isascii() and index.isdigit()):
            raise argparse.ArgumentTypeError(f"{text!r}: there is no JOB_COMPLETION_INDEX in the environment")
        text = f"{int(index) + 1}/{of}"
    try:
        return parse_shard(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def workers(text: str) -> int:
    """Return a number of processes."""
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= MAX_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes from 1 to {MAX_WORKERS}")
    return int(text)


def _add_work_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how the work is done")
    group.add_argument(
        "--state",
        metavar="FILE",
        default="",
        help="record finished work there; a scan that was interrupted goes on from it, and --merge reads it;"
        " a folder for a file named after the shard; auto for a name that follows from what is scanned",
    )
    group.add_argument(
        "--shard",
        metavar="I/N",
        type=shard,
        default=(0, 1),
        help="look at the I-th of N parts only; equal images are in one part; index/N in an Indexed Job",
    )
    group.add_argument(
        "--workers",
        metavar="N",
        type=workers,
        default=1,
        help="judge in N processes beside the one that reads (default 1: all in one); pays where thousands of"
        " signatures are verified",
    )
    group.add_argument(
        "--dask",
        metavar="ADDRESS",
        default="",
        help="judge on the workers of a Dask cluster: the address of its scheduler, or local (needs"
        " pratique[dask])",
    )
    group.add_argument(
        "--merge",
        metavar="FILE",
        type=Path,
        nargs="+",
        default=[],
        help="make one report of the --state files of all shards, or of a folder of them; nothing is scanned",
    )


def _check(args: argparse.Namespace) -> None:
    from pratique.grammar.errors import UsageError

    if args.merge:
        if args.policies or args.inventory or args.plan or asks_cluster(args) or args.state:
            raise UsageError("--merge takes files of finished scans, and nothing to scan")
        return
    if not args.policies and not args.plan:
        raise UsageError("no policy given; see `pratique scan --help`")
    if bool(args.inventory) == asks_cluster(args):
        raise UsageError("give --inventory or --cluster, one of them; see `pratique scan --help`")
    if [*args.policies, *args.inventory].count(STANDARD_INPUT) > 1:
        raise UsageError("standard input can be read once: for policies or for one inventory")
    if args.dask and args.workers > 1:
        raise UsageError("--workers and --dask exclude each other")
    if args.shard[1] > 1 and not args.state:
        raise UsageError("--shard needs --state FILE: a shard is kept there for --merge")
