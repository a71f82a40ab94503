"""`pratique serve`: the admission webhook."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pratique.runtime.cli.options import (
    add_cluster_options,
    add_secrets_option,
    add_store_options,
    asks_cluster,
    store_options,
    trust_options,
)

if TYPE_CHECKING:
    from pratique.runtime.serving.options import CertificateOptions, ClusterOptions, ScanOptions
    from pratique.runtime.serving.webhooks import Endpoint
    from pratique.runtime.shared_cache.address import SharedCacheOptions

NAME: Final = "serve"
HELP: Final = "answer admission reviews of a Kubernetes API server"

_EPILOG: Final = """\
/mutate writes digests and verifies, /validate verifies what is pinned; /readyz, /healthz and
/metrics tell how it goes.

Policies are those of the files that are named, or, with a cluster, those that live in it (see
`pratique crds`): they are watched, and whoever applies one is told what lint finds. With --service
or --url the webhooks are registered, as narrow as the policies allow, and kept so; without
--tls-certificate the server makes its own certificates, keeps them in a Secret that all replicas
share, and renews them. Beside a running Kyverno, its policies are enforced a second time.

examples:
  pratique serve policies/ --tls-certificate tls.crt --tls-key tls.key
  pratique serve --cluster --service pratique/pratique
  pratique serve --cluster --cleanup
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "pratique serve [POLICY...] [options]"
    parser.epilog = _EPILOG
    parser.add_argument("policies", metavar="POLICY", nargs="*", help="file, folder or glob of policies")
    group = parser.add_argument_group("server")
    group.add_argument(
        "--tls-certificate",
        metavar="FILE",
        type=Path,
        help="PEM of its certificate, with those of its issuers; read anew when it changes",
    )
    group.add_argument("--tls-key", metavar="FILE", type=Path, help="PEM of its key")
    group.add_argument(
        "--tls-ca", metavar="FILE", type=Path, help="PEM of what the API server is to trust, to be registered"
    )
    group.add_argument(
        "--client-ca",
        metavar="FILE",
        type=Path,
        help="PEM: answer reviews only to clients with a certificate of these authorities; the API server"
        " shows one if its configuration of admission says so",
    )
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
    page = parser.add_argument_group("page of verdicts")
    page.add_argument(
        "--page-port",
        metavar="N",
        type=int,
        help="show policies, plan and the latest verdicts at a port of its own, to be read only (no page)",
    )
    page.add_argument(
        "--page-host",
        metavar="ADDRESS",
        default="127.0.0.1",
        help="where the page is shown (127.0.0.1); it asks nobody who they are: elsewhere put something"
        " before it that does",
    )
    _add_cluster(parser.add_argument_group("cluster"))
    _add_shared_cache(parser.add_argument_group("cache that replicas share"))
    logs = parser.add_argument_group("what is told")
    logs.add_argument("--log-format", choices=("text", "json"), default="text", help="of the log (text)")
    logs.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="least level that is logged (info): debug tells of every request, info of what is refused",
    )
    logs.add_argument(
        "--traces",
        metavar="URL",
        default="",
        help="send traces to an OpenTelemetry collector, such as http://localhost:4318 (none); extra `otel`",
    )
    logs.add_argument(
        "--debug-port",
        metavar="N",
        type=int,
        help="show the plan in force at http://127.0.0.1:N/debug/plan, and its results (not shown)",
    )
    add_store_options(parser)


def _add_cluster(group: argparse._ArgumentGroup) -> None:
    add_cluster_options(group)
    group.add_argument(
        "--service",
        metavar="NAMESPACE/NAME[:PORT]",
        type=service,
        help="register the webhooks: the API server reaches this server by a Service",
    )
    group.add_argument(
        "--url",
        metavar="URL",
        type=https,
        help="register the webhooks: by a URL, such as https://10.0.0.7:8443",
    )
    group.add_argument(
        "--name",
        metavar="NAME",
        default="pratique",
        help="of the webhook configurations, the Lease, and with -certificates the Secret (pratique)",
    )
    group.add_argument(
        "--namespace", metavar="NAME", default="", help="of Lease and Secret (that of the Service or Pod)"
    )
    group.add_argument(
        "--exclude-namespace",
        metavar="NAME",
        action="append",
        default=[],
        help="namespace that no webhook is called for; may be given several times",
    )
    group.add_argument(
        "--service-account",
        metavar="NAME",
        default="",
        help="of this server's Pods, which are admitted without it, so that they can come back",
    )
    group.add_argument(
        "--owner",
        metavar="CLUSTERROLE",
        default="",
        help="ClusterRole that the webhook configurations belong to: they go when it goes",
    )
    group.add_argument(
        "--beside-kyverno",
        action="store_true",
        help="a Kyverno runs in the cluster: leave reviews and the status of policies to it",
    )
    group.add_argument(
        "--refuse-findings",
        metavar="SEVERITY",
        choices=("error", "warning", "info"),
        default="",
        help="refuse policies in which lint finds something as severe (error, warning, info); else it warns",
    )
    group.add_argument(
        "--exceptions-in",
        metavar="NAMESPACE",
        default="",
        help="policy exceptions in this namespace count (* for any: whoever may write one may lift a policy)",
    )
    group.add_argument(
        "--allow-service",
        metavar="HOST[:PORT]",
        action="append",
        default=[],
        help="service that policies may call (apiCall.service, http.Get); may be given several times (none)",
    )
    group.add_argument(
        "--reports",
        metavar="WHICH",
        choices=("policyreports", "openreports", "none"),
        default="",
        help="judge what exists in the background, and write what is found as policyreports (the default for"
        " policies of the cluster), openreports, or not at all (none; the default for files)",
    )
    group.add_argument(
        "--report-per",
        metavar="WHAT",
        choices=("resource", "policy"),
        default="resource",
        help="what one report gathers: a resource, named after its uid, or a policy, pol-NAME (resource)",
    )
    group.add_argument(
        "--scan-interval",
        metavar="SECONDS",
        type=float,
        default=3600.0,
        help="look at each resource again after so long (3600): tags move",
    )
    group.add_argument(
        "--cleanup",
        action="store_true",
        help="remove webhook configurations, certificates and Lease, and end",
    )


def _add_shared_cache(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--shared-cache",
        metavar="URL",
        default="",
        help="share with other replicas what registries answer, over a Valkey or Redis:"
        " valkey://[USER@]HOST[:PORT][/NUMBER], valkeys:// with TLS, unix:///PATH",
    )
    group.add_argument(
        "--shared-cache-key",
        metavar="FILE",
        type=Path,
        help="secret of 32 bytes or more that all replicas have: what others write there is not believed",
    )
    group.add_argument("--shared-cache-password", metavar="FILE", type=Path, help="password of the server")
    group.add_argument(
        "--shared-cache-ca",
        metavar="FILE",
        type=Path,
        help="PEM of authorities to trust (those of the system)",
    )


def service(text: str) -> Endpoint:
    """Return the Service that NAMESPACE/NAME[:PORT] names."""
    from pratique.runtime.serving.webhooks import Endpoint

    namespace, found, rest = text.partition("/")
    name, colon, port = rest.partition(":")
    if not (found and namespace and name) or (colon and not port.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAMESPACE/NAME or NAMESPACE/NAME:PORT")
    return Endpoint(namespace=namespace, service=name, port=int(port) if port else 443)


def https(text: str) -> Endpoint:
    """Return the endpoint of a URL."""
    from urllib.parse import urlsplit

    from pratique.runtime.serving.webhooks import Endpoint

    url = urlsplit(text)
    if url.scheme != "https" or not url.hostname or url.path.strip("/") or url.query or url.fragment:
        raise argparse.ArgumentTypeError(f"{text!r} is not https://HOST or https://HOST:PORT")
    return Endpoint(url=text.rstrip("/"))


def run(args: argparse.Namespace) -> int:
    """Serve until told to end; return 0.

    Raises:
        PratiqueError: it cannot begin.
    """
    from pratique.runtime.serving.logs import write_logs
    from pratique.runtime.serving.options import PageOptions, ServeOptions
    from pratique.runtime.serving.running import clean_up, serve

    def started(port: int) -> None:
        if not args.quiet:
            print(f"pratique serve listens on {args.host}:{port}", file=sys.stderr, flush=True)

    options = ServeOptions(
        policies=tuple(args.policies),
        certificate=_certificate(args),
        clients=args.client_ca,
        cluster=_cluster(args),
        store=store_options(args),
        trust=trust_options(args),
        secrets=tuple(args.secrets),
        page=None if args.page_port is None else PageOptions(host=args.page_host, port=args.page_port),
        host=args.host,
        port=args.port,
        linger=args.linger,
        debug_port=args.debug_port,
        traces=args.traces,
        shared_cache=_shared_cache(args),
    )
    write_logs(as_json=args.log_format == "json", level=args.log_level)
    if args.cleanup:
        clean_up(options)
    else:
        serve(options, started)
    return 0


def _certificate(args: argparse.Namespace) -> CertificateOptions | None:
    from pratique.grammar.errors import UsageError
    from pratique.runtime.serving.options import CertificateOptions

    if args.tls_certificate is None and args.tls_key is None:
        return None
    if args.tls_certificate is None or args.tls_key is None:
        raise UsageError("--tls-certificate and --tls-key go together")
    return CertificateOptions(certificate=args.tls_certificate, key=args.tls_key, authorities=args.tls_ca)


def _shared_cache(args: argparse.Namespace) -> SharedCacheOptions | None:
    from pratique.grammar.errors import UsageError
    from pratique.runtime.shared_cache.address import SharedCacheOptions

    if not args.shared_cache:
        if args.shared_cache_key or args.shared_cache_password or args.shared_cache_ca:
            raise UsageError("which shared cache? give --shared-cache URL")
        return None
    if args.shared_cache_key is None:
        raise UsageError("--shared-cache needs --shared-cache-key FILE: nothing there is believed without it")
    return SharedCacheOptions(
        url=args.shared_cache,
        key=args.shared_cache_key,
        password=args.shared_cache_password,
        authorities=args.shared_cache_ca,
    )


def _cluster(args: argparse.Namespace) -> ClusterOptions | None:
    from pratique.grammar.errors import UsageError
    from pratique.runtime.serving.options import ClusterOptions

    if args.service and args.url:
        raise UsageError("--service and --url exclude each other")
    endpoint = args.service or args.url
    if not asks_cluster(args):
        if endpoint or args.cleanup:
            raise UsageError("webhooks are registered in a cluster: give --cluster or --kubeconfig FILE")
        if args.exceptions_in:
            raise UsageError("exceptions are those of a cluster: give --cluster or --kubeconfig FILE")
        return None
    if args.exceptions_in and args.policies:
        raise UsageError("--exceptions-in is about policies of the cluster, not of files")
    return ClusterOptions(
        kubeconfig=args.kubeconfig,
        context=args.context,
        namespace=args.namespace,
        name=args.name,
        endpoint=endpoint,
        excluded=tuple(args.exclude_namespace),
        account=args.service_account,
        owner=args.owner,
        beside_kyverno=args.beside_kyverno,
        refused=args.refuse_findings,
        exceptions=args.exceptions_in,
        services=tuple(args.allow_service),
        scan=_scan(args),
    )


def _scan(args: argparse.Namespace) -> ScanOptions | None:
    from pratique.runtime.outputs.formats import Grouping
    from pratique.runtime.serving.options import ScanOptions

    which = args.reports or ("none" if args.policies else "policyreports")
    if which == "none":
        return None
    return ScanOptions(
        open_reports=which == "openreports",
        grouping=Grouping(args.report_per),
        seconds=args.scan_interval,
    )
