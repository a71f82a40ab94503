"""`pratique install`: the server and all that it needs, in a cluster."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from pratique.runtime.cli.options import add_cluster_options, asks_cluster

if TYPE_CHECKING:
    from pratique.runtime.installing.manifests import InstallOptions, Object

NAME: Final = "install"
HELP: Final = "install the server in a cluster, or print what would be installed"

_EPILOG: Final = """\
The objects are those of the Helm chart, as docs/delivery.md explains them: namespace, definitions of
policies and reports, service account, rights, network policy, disruption budget, Service, Deployment.
They are applied by the API server's own apply; a namespace and definitions that are there are kept as
they are, and what belongs to a release of Helm is refused. Whoever needs other values of the chart uses Helm.

examples:
  pratique install --image registry.example/pratique@sha256:... --dry-run
  pratique install --image registry.example/pratique@sha256:... --dry-run | kubectl diff -f -
  pratique install --image registry.example/pratique@sha256:... --dry-run=server --cluster
  pratique install --image registry.example/pratique@sha256:... --cluster
  pratique install --image registry.example/pratique@sha256:... --dry-run --no-crds | kubectl delete -f -
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "pratique install --image REFERENCE [--dry-run[=server] | --cluster] [options]"
    parser.epilog = _EPILOG
    group = parser.add_argument_group("what is installed")
    group.add_argument(
        "--image",
        metavar="REFERENCE",
        required=True,
        type=image,
        help="image of the server: nobody publishes one, docs/delivery.md builds it",
    )
    group.add_argument(
        "-n", "--namespace", metavar="NAME", default="pratique", help="where it lives (default pratique)"
    )
    group.add_argument("--replicas", metavar="N", type=replicas, help="servers at a time (default 2)")
    group.add_argument(
        "--exclude-namespace",
        dest="excluded",
        metavar="NAME",
        action="append",
        help="namespace that no webhook is called for, in place of kube-system; may be given several times,"
        " and be empty for none",
    )
    group.add_argument(
        "--argument",
        dest="arguments",
        metavar="--NAME=VALUE",
        action="append",
        default=[],
        help="further option of `pratique serve`, such as --argument=--page-port=8080; may be given several"
        " times",
    )
    group.add_argument("--no-crds", action="store_true", help="leave all definitions of kinds out")
    how = parser.add_argument_group("how")
    how.add_argument(
        "--dry-run",
        metavar="WHERE",
        nargs="?",
        const="client",
        choices=("client", "server"),
        help="change nothing: print the objects as YAML (client, where nothing is said), or ask the API"
        " server whether it would take them (server)",
    )
    add_cluster_options(how)


def image(text: str) -> str:
    """Return a reference to an image as it is."""
    from pratique.grammar.image_reference import ImageReferenceError, parse_image

    try:
        parse_image(text)
    except ImageReferenceError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def replicas(text: str) -> int:
    """Return a number of servers."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 100")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Install, or print; return 0.

    Raises:
        PratiqueError: an option cannot be used, or a cluster could not be asked, or refused.
    """
    from pratique.grammar.errors import ExitCode, UsageError
    from pratique.runtime.installing.manifests import manifests

    objects = manifests(_options(args))
    if args.dry_run == "client":
        from pratique.runtime.outputs.json_text import yaml_text

        print(yaml_text(objects), end="")
        return ExitCode.CLEAN
    if not asks_cluster(args):
        raise UsageError("give --dry-run, or a cluster: --cluster, --kubeconfig FILE or --context NAME")
    _apply(objects, args)
    return ExitCode.CLEAN


def _options(args: argparse.Namespace) -> InstallOptions:
    from pratique.runtime.installing.manifests import InstallOptions

    return InstallOptions(
        image=args.image,
        namespace=args.namespace,
        replicas=args.replicas,
        excluded=None if args.excluded is None else tuple(filter(None, args.excluded)),
        arguments=tuple(args.arguments),
        definitions=not args.no_crds,
    )


def _apply(objects: list[Object], args: argparse.Namespace) -> None:
    import asyncio

    from pratique.runtime.installing.applying import applied
    from pratique.runtime.kubernetes.client import Cluster
    from pratique.runtime.kubernetes.settings import find_cluster

    asks = args.dry_run == "server"
    words = {
        "applied": "would be applied" if asks else "applied",
        "kept": "is there, and kept as it is",
        "unknown": "cannot be asked about before its namespace is there",
    }

    async def work() -> None:
        async with Cluster(find_cluster(args.kubeconfig, args.context)) as cluster:
            async for each in applied(cluster, objects, dry_run=asks):
                if not args.quiet:
                    print(f"{each.kind} {each.name}: {words[each.outcome]}")

    asyncio.run(work())
