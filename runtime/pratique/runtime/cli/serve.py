"""`pratique serve`: the admission webhook."""

from __future__ import annotations

import argparse
import sys
from typing import Final

from pratique.runtime.cli.options import add_secrets_option, add_store_options, store_options, trust_options

NAME: Final = "serve"
HELP: Final = "answer admission reviews of a Kubernetes API server"

_EPILOG: Final = """\
/mutate writes digests and verifies, /validate verifies what is pinned; /readyz, /healthz and
/metrics tell how it goes. Policies are read at the start. Register both webhooks with
failurePolicy: Fail, /mutate with reinvocationPolicy: IfNeeded.

example:
  pratique serve policies/ --tls-certificate tls.crt --tls-key tls.key
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "pratique serve POLICY... --tls-certificate FILE --tls-key FILE [options]"
    parser.epilog = _EPILOG
    parser.add_argument("policies", metavar="POLICY", nargs="+", help="file, folder or glob of policies")
    group = parser.add_argument_group("server")
    group.add_argument("--tls-certificate", metavar="FILE", required=True, help="PEM of its certificate")
    group.add_argument("--tls-key", metavar="FILE", required=True, help="PEM of its key")
    group.add_argument("--host", metavar="ADDRESS", default="0.0.0.0", help="where to listen (all)")  # noqa: S104
    group.add_argument("--port", metavar="N", type=int, default=8443, help="where to listen (8443)")
    add_secrets_option(group)
    add_store_options(parser)


def run(args: argparse.Namespace) -> int:
    """Serve until told to end; return 0.

    Raises:
        PratiqueError: it cannot begin.
    """
    from pratique.runtime.admission.running import ServeOptions, serve

    def started(port: int) -> None:
        if not args.quiet:
            print(f"pratique serve listens on {args.host}:{port}", file=sys.stderr, flush=True)

    options = ServeOptions(
        policies=tuple(args.policies),
        certificate=args.tls_certificate,
        key=args.tls_key,
        store=store_options(args),
        trust=trust_options(args),
        secrets=tuple(args.secrets),
        host=args.host,
        port=args.port,
    )
    serve(options, started)
    return 0
