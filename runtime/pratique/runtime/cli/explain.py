"""`pratique explain`: the plan of policies, whom it concerns, what it costs, and what became of it."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pratique.runtime.cli.options import (
    CommaList,
    add_exception_options,
    add_plan_option,
    add_platform_option,
    add_secrets_option,
    add_store_options,
    add_value_options,
    apply_options,
    file,
)
from pratique.runtime.cli.terminal import use_color
from pratique.runtime.cli.writing import Output, output, placed, write

if TYPE_CHECKING:
    from pratique.runtime.explaining import ExplainReport

NAME: Final = "explain"
HELP: Final = "show the plan of policies: what is asked in which order, for whom, at what cost"
INTERMIXED: Final = True

FORMATS: Final = {
    "text": "the order of asking, a tree for each rule, and why rules apply",
    "json": "everything, for programs",
    "mermaid": "a flowchart for Markdown",
    "dot": "a graph for Graphviz",
    "html": "a page with the graph, which needs nothing else",
    "plan": "the policies as they were compiled, for `pratique apply --plan`",
}

_EXAMPLES: Final = """\
examples:
  pratique explain policies/
  pratique explain policies/ --image registry.k8s.io/etcd:3.5.6-0 -n kube-system
  pratique explain policies/ --resource pod.yaml --analyze
  pratique explain policies/ --inventory images.txt -o html=plan.html
  pratique explain policies/ --save-plan plan.json
  pratique apply --plan plan.json --resource manifests/
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "pratique explain POLICY... [--resource FILE | --image REFERENCE] [options]"
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "policies", metavar="POLICY", nargs="*", help="file, folder or glob of policies; - is standard input"
    )
    add_plan_option(parser, "explain")
    group = parser.add_argument_group("what applies, and why")
    group.add_argument(
        "-r",
        "--resource",
        "--resources",
        dest="resources",
        metavar="FILE",
        action=CommaList,
        default=[],
        help="say of these resources what applies to them; repeat it or separate with commas",
    )
    group.add_argument(
        "--image",
        dest="images",
        metavar="REFERENCE",
        action="append",
        default=[],
        help="say of a Pod with this image what applies to it; may be given several times",
    )
    group.add_argument(
        "-n",
        "--namespace",
        metavar="NAME",
        default="default",
        help="namespace of the Pods of --image (default default)",
    )
    group.add_argument(
        "--inventory",
        metavar="FILE|cluster",
        default="",
        help="count what each pattern prunes of these images: a file with one a line or with Kubernetes"
        " objects, or the Pods of the current cluster",
    )
    group.add_argument(
        "--kubeconfig", metavar="FILE", type=file, help="how to reach the cluster (default $KUBECONFIG)"
    )
    group.add_argument("--context", metavar="NAME", default="", help="context of the kubeconfig")
    group.add_argument(
        "--analyze",
        action="store_true",
        help="apply the policies to the resources and images, and show what became of the plan",
    )
    written = parser.add_argument_group("output")
    written.add_argument(
        "-o",
        "--output",
        dest="outputs",
        metavar="FORMAT[=FILE]",
        type=partial(output, formats=FORMATS),
        action="append",
        default=[],
        help=f"one of {', '.join(FORMATS)} (default text); repeat it to write several",
    )
    written.add_argument(
        "--save-plan", metavar="FILE", type=Path, help="same as -o plan=FILE; for `pratique apply --plan`"
    )
    add_secrets_option(group)
    add_exception_options(parser)
    add_value_options(parser)
    add_store_options(parser)
    add_platform_option(parser)


def run(args: argparse.Namespace) -> int:
    """Write the plan; return 0 whatever a run of it has found."""
    from pratique.grammar.errors import ExitCode, UsageError
    from pratique.runtime.cli.progress import ProgressBar
    from pratique.runtime.explaining import ExplainOptions, explained
    from pratique.runtime.outputs.text import visible

    if not args.policies and not args.plan:
        raise UsageError("no policy given; see `pratique explain --help`")
    if ["-" in args.policies, "-" in args.resources, args.inventory == "-"].count(True) > 1:
        raise UsageError("standard input can hold one thing: policies, resources or the inventory")
    outputs = chosen(args)
    options = ExplainOptions(
        apply=apply_options(args),
        images=tuple(args.images),
        namespace=args.namespace,
        inventory=args.inventory,
        kubeconfig=str(args.kubeconfig or ""),
        context=args.context,
        analyze=args.analyze,
    )
    with ProgressBar(quiet=args.quiet) as progress:
        report = explained(options, progress=progress)
    write(outputs, lambda one: render(report, one, color=use_color(args.color, sys.stdout)))
    if not args.quiet:
        for notice in report.notices:
            print(f"note: {visible(notice)}", file=sys.stderr)
    return ExitCode.CLEAN


def chosen(args: argparse.Namespace) -> list[Output]:
    """Return what is to be written, once each.

    Raises:
        UsageError: two outputs would share standard output or a file, or a file cannot be there.
    """
    outputs: list[Output] = list(args.outputs)
    if args.save_plan:
        outputs.append(Output("plan", args.save_plan))
    if not any(one.path is None for one in outputs) and not args.outputs:
        outputs.append(Output("text", None))
    return placed(outputs)


def render(report: ExplainReport, one: Output, *, color: bool) -> str:
    """Return the report in one format; only standard output is ever coloured."""
    from pratique.runtime.outputs.plans.forms import render as rendered
    from pratique.runtime.outputs.text import Palette

    return rendered(one.format, report, Palette(color and one.path is None))
