"""`pratique report`: stored results, or the reports of a cluster, as a page or in another format."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, Final

from pratique.runtime.cli.options import CommaList, add_cluster_options, asks_cluster
from pratique.runtime.cli.writing import FORMATS as ALL_FORMATS
from pratique.runtime.cli.writing import (
    Output,
    add_output_options,
    chosen_outputs,
    output,
    render_options,
    write,
)

if TYPE_CHECKING:
    from pratique.runtime.explaining import ExplainReport
    from pratique.runtime.stored.reading import Stored

NAME: Final = "report"
HELP: Final = "show stored results, or the reports of a cluster, as a web page or in any other format"
INTERMIXED: Final = True

FORMATS: Final = [name for name in ALL_FORMATS if name != "resources"]
"""Stored results do not hold the objects that rules changed."""

_EPILOG: Final = """\
RESULT is what `pratique apply` or `scan` wrote (-o json or yaml), or a policy report of any program
(PolicyReport, ClusterPolicyReport, Report, ClusterReport), as kubectl prints it. Several are shown
as one. Policy reports hold no images, no signers and no reasons, and do not say whether a policy
enforces, which is then taken as Audit. Whatever the results are, the exit code is 0.

examples:
  pratique apply policies/ -r manifests/ -o json=results.json
  pratique report results.json --policies policies/ --html report.html
  kubectl get policyreports -A -o json | pratique report - --html report.html
  pratique report --cluster -o table
  pratique report results.json -o junit=results.xml -o sarif=results.sarif
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "pratique report RESULT... [--html FILE] [options]"
    parser.epilog = _EPILOG
    inputs = parser.add_argument_group("inputs")
    inputs.add_argument(
        "results", metavar="RESULT", nargs="*", help="file, folder or glob of results; - is standard input"
    )
    inputs.add_argument(
        "--policies",
        metavar="POLICY",
        action=CommaList,
        default=[],
        help="policies that the results are of: the page shows their plan, and those without results;"
        " repeat it or separate with commas",
    )
    inputs.add_argument(
        "-n", "--namespace", metavar="NAME", default="", help="reports of one namespace alone"
    )
    add_cluster_options(inputs)
    parser.add_argument(
        "--html",
        metavar="FILE",
        type=lambda text: output(f"html={text}"),
        help="same as -o html=FILE; - is standard output",
    )
    add_output_options(parser, FORMATS)


def run(args: argparse.Namespace) -> int:
    """Write the outputs; return 0 whatever the results are.

    Raises:
        PratiqueError: something cannot be read, or a cluster cannot be asked.
    """
    from pratique.grammar.errors import ExitCode, UsageError

    in_cluster = asks_cluster(args)
    if bool(args.results) == in_cluster:
        raise UsageError("give either results or a cluster; see `pratique report --help`")
    if args.namespace and not in_cluster:
        raise UsageError("--namespace is about the reports of a cluster")
    if "-" in args.results and "-" in args.policies:
        raise UsageError("standard input can hold results or policies, not both")
    outputs = _outputs(args)
    stored = _of_cluster(args) if in_cluster else _of_files(args)
    plan = _plan(args) if args.policies else None
    write(outputs, partial(_rendered, stored, plan, args))
    return ExitCode.CLEAN


def _outputs(args: argparse.Namespace) -> list[Output]:
    if args.html:
        args.outputs = [*args.outputs, args.html]
    return chosen_outputs(args)


def _of_files(args: argparse.Namespace) -> Stored:
    from pratique.runtime.stored.reading import read_stored

    return read_stored(args.results)


def _of_cluster(args: argparse.Namespace) -> Stored:
    from pratique.runtime.stored.cluster_reports import read_cluster

    return read_cluster(args.kubeconfig, args.context, args.namespace)


def _plan(args: argparse.Namespace) -> ExplainReport:
    from pratique.runtime.explaining import ExplainOptions, explained
    from pratique.runtime.registry.open import StoreOptions
    from pratique.runtime.session import ApplyOptions

    apply = ApplyOptions(policies=tuple(args.policies), resources=(), store=StoreOptions(offline=True))
    return explained(ExplainOptions(apply=apply))


def _rendered(stored: Stored, plan: ExplainReport | None, args: argparse.Namespace, one: Output) -> str:
    options = render_options(args, one)
    if one.format == "html":
        from pratique.runtime.outputs.verdicts.page import page
        from pratique.runtime.outputs.verdicts.state import state

        report = stored.view.report
        data = state(
            stored.verdicts,
            summary=stored.view.summary,
            now=stored.newest or options.now,
            plan=plan.explanation if plan else None,
            roots=report.roots,
            notices=report.notices,
        )
        return page(data, plan).text
    from dataclasses import replace

    from pratique.runtime.outputs.formats import render

    return render(one.format, stored.view, replace(options, now=stored.newest or options.now))
