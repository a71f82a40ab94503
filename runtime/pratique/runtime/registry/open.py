"""Chooses and opens the image store that a command asks for; imports only what that one needs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pratique.grammar.errors import UsageError
from pratique.runtime.ports import Accesses, ImageStore

if TYPE_CHECKING:
    from pratique.runtime.registry.audience import CredentialAudience
    from pratique.runtime.registry.credentials import CredentialSource
    from pratique.runtime.registry.disk_cache import DiskCache
    from pratique.runtime.secrets import SecretSource
    from pratique.runtime.shared_cache.cache import SharedCache


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    """Where images are looked for.

    Attributes:
        layout: OCI layout folder; nothing else is asked then.
        layout_name: `registry/path:tag` of the one image that the layout does not name (`cosign save`).
        mirrors: pairs of `HOST[/PATH]` and URL, see `Mirrors`.
        insecure: plain HTTP for every host that speaks no TLS (True), or for these hosts only.
        offline: open no socket.
        timeout_s: seconds for one HTTP request.
        deadline_s: seconds for one question to a store, with all its requests and retries.
        docker_config: credentials; None for the user's own file (`user_docker_config`).
        pull_secrets: bytes of `.dockerconfigjson` secrets; asked before the file.
        ca_file: PEM of further authorities for HTTPS.
        max_concurrency: requests to one host under way at once.
        cache_dir: folder of the disk cache; None for none (see `cached`).
        cache_ttl_s: seconds for which the disk cache is believed about tags and lists of signatures.
    """

    layout: Path | None = None
    layout_name: str = ""
    mirrors: tuple[tuple[str, str], ...] = ()
    insecure: bool | tuple[str, ...] = False
    offline: bool = False
    timeout_s: float = 10.0
    deadline_s: float = 30.0
    docker_config: Path | None = None
    pull_secrets: tuple[bytes, ...] = ()
    ca_file: Path | None = None
    max_concurrency: int = 8
    cache_dir: Path | None = None
    cache_ttl_s: float = 300.0


def open_store(options: StoreOptions) -> ImageStore:
    """Return the store for the options; the caller closes it (`aclose`) on the event loop it was used on.

    Raises:
        UsageError: an option does not read as it should.
        TransportError: `registry-auth`, if a pull secret is malformed.
    """
    if options.layout is not None:
        from pratique.runtime.registry.layout import LayoutStore

        return LayoutStore(options.layout, name=options.layout_name)
    if options.offline:
        from pratique.runtime.registry.offline import OfflineStore

        return OfflineStore()
    return _open_client(options)


def cached(store: ImageStore, options: StoreOptions, *, believes_tags: bool = True) -> ImageStore:
    """Return `store` with the disk cache before it that the options ask for.

    Layouts have none: they are files already, and what they hold may change at any time. Whoever counts
    requests counts those of `store`.

    Args:
        store: is asked what is not kept.
        options: name the folder.
        believes_tags: what a tag meant is kept, too; a server must not (K3).

    Raises:
        UsageError: the authorities of the options cannot be read.
        TransportError: as `open_store`.
    """
    if options.cache_dir is None or options.layout is not None:
        return store
    from pratique.runtime.registry.disk_cache import DiskCache

    disk, credentials = DiskCache(options.cache_dir), _credentials(options)
    return _with_cache(store, disk, options, credentials, believes_tags=believes_tags)


def shared(store: ImageStore, options: StoreOptions, cache: SharedCache | None) -> ImageStore:
    """Return `store` with the cache before it that replicas share, if there is one; layouts have none.

    Raises:
        UsageError: as `cached`.
        TransportError: as `open_store`.
    """
    if cache is None or options.layout is not None:
        return store
    from pratique.runtime.registry.sharing import SharingStore

    return SharingStore(store, cache, _audience(options, _credentials(options), own=True))


def open_accesses(
    options: StoreOptions,
    client: ImageStore,
    usual: ImageStore,
    secrets: SecretSource,
    *,
    own_namespace: str = "",
    cache: SharedCache | None = None,
) -> Accesses:
    """Return the ways to registries of a run.

    Args:
        options: those that `client` was opened with.
        client: result of `open_store`; whoever closes it closes all ways.
        usual: what stands before it for all who ask for nothing else.
        secrets: Secrets that policies and resources name.
        own_namespace: that of Secrets which an entry names without one; empty for Kyverno's.
        cache: that replicas share; None for none.
    """
    from pratique.runtime.registry.access import RegistryAccesses, Rekeyed
    from pratique.runtime.registry.caching import CachingStore
    from pratique.runtime.registry.credentials import ANONYMOUS
    from pratique.runtime.registry.endpoints import InsecureHosts
    from pratique.runtime.registry.sharing import SharingStore

    if not isinstance(client, Rekeyed):
        return RegistryAccesses(usual, None, ANONYMOUS, secrets)

    def derive(credentials: CredentialSource, insecure: bool) -> ImageStore:
        store: ImageStore = client.with_access(
            credentials, insecure=InsecureHosts.of(True) if insecure else None
        )
        reached = replace(options, insecure=insecure or options.insecure)
        if cache is not None:
            store = SharingStore(store, cache, _audience(reached, credentials, own=False))
        if not isinstance(usual, CachingStore):
            return store
        return _with_cache(
            store, usual.disk, reached, credentials, own=False, believes_tags=usual.believes_tags
        )

    return RegistryAccesses(
        usual,
        derive,
        _credentials(options),
        secrets,
        own_namespace=own_namespace or os.environ.get("KYVERNO_NAMESPACE") or "kyverno",
    )


def _with_cache(
    store: ImageStore,
    disk: DiskCache,
    options: StoreOptions,
    credentials: CredentialSource,
    *,
    own: bool = True,
    believes_tags: bool = True,
) -> ImageStore:
    from pratique.runtime.registry.caching import CachingStore

    audience = _audience(options, credentials, own=own)
    return CachingStore(store, disk, audience, ttl_s=options.cache_ttl_s, believes_tags=believes_tags)


def _audience(options: StoreOptions, credentials: CredentialSource, *, own: bool) -> CredentialAudience:
    from hashlib import sha256

    from pratique.runtime.registry.audience import CredentialAudience

    try:
        authorities = options.ca_file.read_bytes() if options.ca_file else b""
    except OSError as error:
        raise UsageError(f"{options.ca_file}: cannot be read") from error
    way = (repr(options.mirrors), repr(options.insecure), sha256(authorities).hexdigest())
    return CredentialAudience(credentials, way, own=own)


def user_docker_config(environment: Mapping[str, str]) -> Path:
    """Return where Docker, then Podman keep the user's registry credentials: the first file that exists.

    References: Docker CLI (`DOCKER_CONFIG`), containers-auth.json(5).
    """
    home = Path(environment.get("HOME") or "/nonexistent")
    docker = Path(environment.get("DOCKER_CONFIG") or home / ".docker") / "config.json"
    candidates = [docker]
    if file := environment.get("REGISTRY_AUTH_FILE"):
        candidates.append(Path(file))
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        candidates.append(Path(runtime) / "containers" / "auth.json")
    return next((path for path in candidates if path.exists()), docker)


def _credentials(options: StoreOptions) -> CredentialSource:
    """Return where credentials are looked up; helpers are programs that may well use the network."""
    from pratique.runtime.registry.credentials import DockerConfigFile, Keychain, pull_secrets

    path = options.docker_config or user_docker_config(os.environ)
    config = DockerConfigFile(path, with_helpers=not options.offline)
    return Keychain((pull_secrets(options.pull_secrets), config))


def _open_client(options: StoreOptions) -> ImageStore:
    import ssl

    from pratique.runtime.registry.client import DistributionClient
    from pratique.runtime.registry.endpoints import InsecureHosts, Mirrors
    from pratique.runtime.registry.proxies import Proxies

    if not (options.timeout_s > 0 and options.deadline_s > 0 and options.max_concurrency > 0):
        raise UsageError("timeouts and concurrency of registry requests must be positive")
    tls = None
    if options.ca_file is not None:
        try:
            tls = ssl.create_default_context()
            tls.load_verify_locations(cafile=options.ca_file)
        except OSError as error:
            raise UsageError(f"{options.ca_file}: cannot be read as certificates (PEM)") from error
    return DistributionClient(
        credentials=_credentials(options),
        insecure=InsecureHosts.of(options.insecure),
        mirrors=Mirrors.of(options.mirrors),
        timeout_s=options.timeout_s,
        deadline_s=options.deadline_s,
        max_concurrency=options.max_concurrency,
        tls=tls,
        proxies=Proxies.of(os.environ),
    )
