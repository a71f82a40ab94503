"""How the API server is reached: from a kubeconfig, or from inside a Pod.

References: Kubernetes, "Organizing Cluster Access Using kubeconfig Files"; "Accessing the Kubernetes API from
a Pod".
"""

from __future__ import annotations

import base64
import binascii
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pratique.grammar.errors import UsageError
from pratique.grammar.plain_documents import read_plain
from pratique.grammar.source import Source
from pratique.runtime.pem_files import load_pair

MAX_BYTES: Final = 1 << 20
"""Of a kubeconfig and of each file that it names."""
ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_UNSUPPORTED: Final = ("exec", "auth-provider")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """One API server and who asks it; its representation shows no credential.

    Attributes:
        server: URL without a slash at its end.
        authority: PEM of the certificates that the server's is checked against; empty for the system's.
        server_name: name that the server's certificate must have; empty for the URL's host.
        certificate: PEM of the client's certificate, with `key`.
        token: sent as it is; `token_file` is read anew when it has changed.
        namespace: the one of the context, or of the Pod.
    """

    server: str
    authority: bytes = b""
    server_name: str = ""
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    token: str = field(default="", repr=False)
    token_file: Path | None = None
    namespace: str = "default"

    def tls(self) -> ssl.SSLContext | None:
        """Return the context of connections; None for a server without TLS.

        Raises:
            UsageError: a certificate or key cannot be read.
        """
        if not self.server.startswith("https:"):
            return None
        try:
            context = ssl.create_default_context(cadata=self.authority.decode() or None)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.certificate:
                load_pair(context, self.certificate, self.key)
        except (OSError, ValueError) as error:
            raise UsageError(f"certificates for {self.server} cannot be read") from error
        return context

    def bearer(self) -> str:
        """Return the token to send now; empty for none.

        Raises:
            UsageError: its file cannot be read.
        """
        return _read(self.token_file).decode().strip() if self.token_file else self.token


def find_cluster(
    kubeconfig: str = "", context: str = "", environment: Mapping[str, str] = os.environ
) -> ClusterSettings:
    """Return the cluster named, that of `$KUBECONFIG`, the one this Pod is in, or that of `~/.kube/config`.

    Raises:
        UsageError: there is none, or it cannot be used.
    """
    if named := kubeconfig or environment.get("KUBECONFIG", ""):
        return from_kubeconfig(Path(named.split(os.pathsep)[0]), context)
    if environment.get("KUBERNETES_SERVICE_HOST"):
        return in_cluster(environment)
    usual = Path("~/.kube/config").expanduser()
    if usual.is_file():
        return from_kubeconfig(usual, context)
    raise UsageError("no cluster: give --kubeconfig FILE or set KUBECONFIG")


def in_cluster(environment: Mapping[str, str], account: Path = ACCOUNT) -> ClusterSettings:
    """Return the cluster that this Pod runs in, with its service account.

    Raises:
        UsageError: the service account is not mounted.
    """
    host = environment.get("KUBERNETES_SERVICE_HOST", "")
    port = environment.get("KUBERNETES_SERVICE_PORT", "443")
    token = account / "token"
    _read(token)
    namespace = account / "namespace"
    return ClusterSettings(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        authority=_read(account / "ca.crt"),
        token_file=token,
        namespace=_read(namespace).decode().strip() if namespace.exists() else "default",
    )


def from_kubeconfig(path: Path, context: str = "") -> ClusterSettings:
    """Return the cluster of a context of a kubeconfig; its current context where none is named.

    Raises:
        UsageError: the file or the context cannot be used. No message quotes a credential.
    """
    read = read_plain(Source(str(path), _read(path).decode(errors="replace")))
    data = read.documents[0].data if len(read.documents) == 1 and not read.errors else None
    if not isinstance(data, dict):
        raise UsageError(f"{path} is no kubeconfig")
    name = context or _text(data.get("current-context"))
    chosen = _entry(path, data, "contexts", "context", name)
    cluster = _entry(path, data, "clusters", "cluster", _text(chosen.get("cluster")))
    user = _entry(path, data, "users", "user", _text(chosen.get("user"))) if chosen.get("user") else {}
    for unsupported in _UNSUPPORTED:
        if user.get(unsupported):
            raise UsageError(
                f"{path}: credentials by `{unsupported}` are not read; use a token or certificate"
            )
    server = _text(cluster.get("server")).rstrip("/")
    if urlsplit(server).scheme not in ("http", "https"):
        raise UsageError(f"{path}: the cluster of context {name!r} has no server")
    if cluster.get("insecure-skip-tls-verify"):
        raise UsageError(f"{path}: insecure-skip-tls-verify is not followed; give certificate-authority")
    token_file = _text(user.get("tokenFile"))
    return ClusterSettings(
        server=server,
        authority=_content(path, cluster, "certificate-authority"),
        server_name=_text(cluster.get("tls-server-name")),
        certificate=_content(path, user, "client-certificate"),
        key=_content(path, user, "client-key"),
        token=_text(user.get("token")),
        token_file=path.parent / token_file if token_file else None,
        namespace=_text(chosen.get("namespace")) or "default",
    )


def _entry(path: Path, data: Mapping[str, Any], section: str, field: str, name: str) -> dict[str, Any]:
    items = data.get(section)
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict) and item.get("name") == name and isinstance(item.get(field), dict):
            found: dict[str, Any] = item[field]
            return found
    raise UsageError(f"{path}: there is no {field} {name!r}")


def _content(path: Path, data: Mapping[str, Any], field: str) -> bytes:
    """Return what a field holds as base64 in `FIELD-data`, or as the name of a file."""
    if encoded := _text(data.get(f"{field}-data")):
        try:
            return base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise UsageError(f"{path}: {field}-data is not base64") from error
    name = _text(data.get(field))
    return _read(path.parent / name) if name else b""


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise UsageError(f"{path} is larger than {MAX_BYTES} bytes")
    return content


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
