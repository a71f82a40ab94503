"""What signatures are anchored in: the logs and authorities that an authority of a policy names.

References: sigstore/policy-controller of August 2026 `pkg/webhook/validator.go` (`fulcioCertsFromAuthority`,
`rekorClientAndKeysFromAuthority`, `checkOptsFromAuthority`), `pkg/apis/config/sigstore_keys.go`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from pratique.compiler import ir

if TYPE_CHECKING:
    from pratique.grammar.documents import TrustRootDocument
    from pratique.grammar.documents.sigstore import Authority, SigstoreKeys

TrustRoots: TypeAlias = "Mapping[str, TrustRootDocument]"
"""By name."""

_PEM = b"-----BEGIN "


def trust(authority: Authority, roots: TrustRoots) -> ir.Trust:
    """Return what the signatures of an authority are anchored in.

    Those of identities must be in the log, unless a trust root of their own takes the place of the usual one;
    those of keys if there is a `ctlog`. Where there is a timestamp authority, no log is asked for.
    """
    log, keyless, timestamp = authority.ctlog, authority.keyless, authority.rfc3161timestamp
    own = keyless.trust_root_ref if keyless else ""
    usual = keyless is not None and not own
    own_log = log.trust_root_ref if log else ""
    return ir.Trust(
        roots=_text(each.cert_chain for each in _keys(own, roots).certificate_authorities) if own else None,
        log=ir.LogPolicy(
            required=(log is not None or usual) and timestamp is None,
            url=_url(authority, roots),
            public_keys=_text(each.public_key for each in _keys(own_log, roots).t_logs) if own_log else None,
        ),
        sct=ir.SctPolicy(
            required=not (keyless and keyless.insecure_ignore_sct),
            public_keys=_text(each.public_key for each in _keys(own, roots).ct_logs) or None if own else None,
        ),
        timestamp_chain=_text(
            each.cert_chain for each in _keys(timestamp.trust_root_ref, roots).timestamp_authorities
        )
        if timestamp
        else None,
    )


def _url(authority: Authority, roots: TrustRoots) -> str:
    log = authority.ctlog
    if log is None:
        return ""
    named = [each.base_url for each in _keys(log.trust_root_ref, roots).t_logs] if log.trust_root_ref else []
    return (named[-1] if named else "") or log.url


def _keys(name: str, roots: TrustRoots) -> SigstoreKeys:
    keys = roots[name].model.spec.sigstore_keys
    assert keys is not None  # noqa: S101 (else `problems` refuses the reference)
    return keys


def _text(encoded: Iterator[str]) -> str:
    return "".join(f"{(decoded(each) or '').strip()}\n" for each in encoded)


def decoded(encoded: str) -> str | None:
    """Return the PEM in base64; None for anything else."""
    try:
        found = base64.b64decode("".join(encoded.split()), validate=True)
        return found.decode("ascii") if found.lstrip().startswith(_PEM) else None
    except (binascii.Error, ValueError):
        return None


# --- what is wrong with references ---------------------------------------------------------------------


def problems(authority: Authority, roots: TrustRoots) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Yield route, code and text of what is wrong with the trust roots that an authority names."""
    keyless, log, timestamp = authority.keyless, authority.ctlog, authority.rfc3161timestamp
    if keyless and keyless.trust_root_ref:
        route = ("keyless", "trustRootRef")
        wanted = ["certificateAuthorities", *([] if keyless.insecure_ignore_sct else ["ctLogs"])]
        yield from _found(keyless.trust_root_ref, roots, route, wanted)
        if authority.signature_format == "bundle":
            text = "bundles can be verified by the usual trust root alone; give it with --trusted-root"
            yield route, "unsupported-field", text
    if log and log.trust_root_ref:
        yield from _found(log.trust_root_ref, roots, ("ctlog", "trustRootRef"), ["tLogs"])
    if timestamp:
        route = ("rfc3161timestamp", "trustRootRef")
        if not timestamp.trust_root_ref:
            yield route[:1], "missing-value", "missing field: trustRootRef"
        elif authority.signature_format == "bundle" and not (keyless and keyless.trust_root_ref):
            text = (
                "the trustRootRef for the TSA must be the same as the trustRootRef for the Keyless authority"
            )
            yield route, "wrong-value", text
        else:
            yield from _found(timestamp.trust_root_ref, roots, route, ["timestampAuthorities"])


def _found(
    name: str, roots: TrustRoots, route: tuple[str, ...], wanted: Sequence[str]
) -> Iterator[tuple[tuple[str, ...], str, str]]:
    if name not in roots:
        yield route, "missing-value", f"there is no TrustRoot {name:.80} among the policies"
        return
    keys = roots[name].model.spec.sigstore_keys
    if keys is None:
        text = f"TrustRoot {name} has its keys from TUF, and is not read; give the root with --trusted-root"
        yield route, "unsupported-field", text
        return
    found = {
        "certificateAuthorities": len(keys.certificate_authorities),
        "tLogs": len(keys.t_logs),
        "ctLogs": len(keys.ct_logs),
        "timestampAuthorities": len(keys.timestamp_authorities),
    }
    for field in wanted:
        if not found[field]:
            yield route, "wrong-value", f"TrustRoot {name} has no {field}"
        elif field == "timestampAuthorities" and found[field] > 1:
            text = f"TrustRoot {name} has several timestamp authorities, of which only one can be asked for"
            yield route, "unsupported-field", text


def malformed(root: TrustRootDocument) -> Iterator[tuple[str, int, str]]:
    """Yield list, number and field of what is no PEM in base64."""
    keys = root.model.spec.sigstore_keys
    if keys is None:
        return
    for field, authorities in (
        ("certificateAuthorities", keys.certificate_authorities),
        ("timestampAuthorities", keys.timestamp_authorities),
    ):
        for number, each in enumerate(authorities):
            if decoded(each.cert_chain) is None:
                yield field, number, "certChain"
    for field, logs in (("tLogs", keys.t_logs), ("ctLogs", keys.ct_logs)):
        for number, log in enumerate(logs):
            if decoded(log.public_key) is None:
                yield field, number, "publicKey"
