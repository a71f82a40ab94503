"""What `pratique serve` is asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pratique.runtime.outputs.formats import Grouping
from pratique.runtime.registry.open import StoreOptions
from pratique.runtime.serving.webhooks import Endpoint
from pratique.runtime.shared_cache.address import SharedCacheOptions
from pratique.runtime.trust_options import TrustOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateOptions:
    """The certificate of the server in files, kept by somebody else.

    Attributes:
        authorities: PEM of what clients are to trust; None where nobody needs to be told.
    """

    certificate: Path
    key: Path
    authorities: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanOptions:
    """The background scan.

    Attributes:
        open_reports: reports of OpenReports instead of the policy working group's.
        grouping: what one report gathers.
        seconds: between two looks at the same resource.
    """

    open_reports: bool = False
    grouping: Grouping = Grouping.RESOURCE
    seconds: float = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """The cluster that is served.

    Attributes:
        kubeconfig: file; empty for `$KUBECONFIG`, the Pod's own cluster, or the usual file.
        context: in that file; empty for the current one.
        namespace: where this installation keeps its Secret and Lease; empty for that of the Pod or context.
        name: of the webhook configurations, the Lease, and (with `-certificates`) the Secret.
        endpoint: how the API server reaches the webhooks; None where they are not registered.
        excluded: namespaces that no webhook is called for.
        account: service account of the server's own Pods; empty for none.
        owner: ClusterRole that the webhook configurations go with; empty for none.
        beside_kyverno: a Kyverno runs here, too: it reviews policies, and writes their status.
        scan: None for no background scan.
        refused: least severity of findings for which a policy is refused; empty for none.
        exceptions: namespace in which policy exceptions count, `*` for any; empty for none.
        services: `HOST` or `HOST:PORT` of services that policies may call.
    """

    kubeconfig: str = ""
    context: str = ""
    namespace: str = ""
    name: str = "pratique"
    endpoint: Endpoint | None = None
    excluded: tuple[str, ...] = ()
    account: str = ""
    owner: str = ""
    beside_kyverno: bool = False
    scan: ScanOptions | None = None
    refused: str = ""
    exceptions: str = ""
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOptions:
    """Where the page of verdicts is shown."""

    host: str = "127.0.0.1"
    port: int = 8080


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """All of it.

    Attributes:
        policies: files, folders and globs; none for those of the cluster.
        certificate: None for certificates of the server's own, in a Secret of the cluster.
        clients: PEM of the authorities of clients that are answered; None to answer any.
        cluster: None where no cluster is asked for anything.
        secrets: files with Secrets that policies refer to.
        page: None for no page of verdicts.
        grace: seconds that requests in flight are given at the end.
        linger: seconds of going on after the end was announced.
        shared_cache: what replicas share; None for nothing.
        traces: URL of the collector that they are sent to; empty for none.
        debug_port: on loopback, where the plan in force is shown; None for nowhere.
    """

    policies: tuple[str, ...]
    store: StoreOptions
    trust: TrustOptions = field(default_factory=TrustOptions)
    certificate: CertificateOptions | None = None
    clients: Path | None = None
    cluster: ClusterOptions | None = None
    secrets: tuple[str, ...] = ()
    page: PageOptions | None = None
    host: str = "0.0.0.0"  # noqa: S104 (a Pod is reached by its own address)
    port: int = 8443
    grace: float = 25.0
    linger: float = 2.0
    debug_port: int | None = None
    traces: str = ""
    shared_cache: SharedCacheOptions | None = None
