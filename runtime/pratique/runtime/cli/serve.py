"""`pratique serve`: the admission webhook."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
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
    group.add_argument(
        "--tls-certificate",
        metavar="FILE",
        required=True,
        type=Path,
        help="PEM of its certificate, with those of its issuers; read anew when it changes",
    )
    group.add_argument("--tls-key", metavar="FILE", required=True, type=Path, help="PEM of its key")
    group.add_argument("--host", metavar="ADDRESS", default="0.0.0.0", help="where to listen (all)")  # noqa: S104
    group.add_argument("--port", metavar="N", type=int, default=8443, help="where to listen (8443)")
    group.add_argument(
        "--linger",
        metavar="SECONDS",
        type=float,
        default=2.0,
        help="go on for so long once told to end, until the API server asks others (2)",
    )
    add_secrets_option(group)
    logs = parser.add_argument_group("logs")
    logs.add_argument("--log-format", choices=("text", "json"), default="text", help="of the log (text)")
    logs.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="least level that is logged (info): debug tells of every request, info of what is refused",
    )
    add_store_options(parser)


def run(args: argparse.Namespace) -> int:
    """Serve until told to end; return 0.

    Raises:
        PratiqueError: it cannot begin.
    """
    from pratique.runtime.serving.logs import write_logs
    from pratique.runtime.serving.options import CertificateOptions, ServeOptions
    from pratique.runtime.serving.running import serve

    def started(port: int) -> None:
        if not args.quiet:
            print(f"pratique serve listens on {args.host}:{port}", file=sys.stderr, flush=True)

    options = ServeOptions(
        policies=tuple(args.policies),
        certificate=CertificateOptions(certificate=args.tls_certificate, key=args.tls_key),
        store=store_options(args),
        trust=trust_options(args),
        secrets=tuple(args.secrets),
        host=args.host,
        port=args.port,
        linger=args.linger,
    )
    write_logs(as_json=args.log_format == "json", level=args.log_level)
    serve(options, started)
    return 0
