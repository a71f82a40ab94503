"""What the questions of the decision graph ask, in words: listings, verifications, conditions, context.

Texts of policies are quoted as in `phrases`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, assert_never

from pratique.compiler import ir
from pratique.compiler.context_entries import (
    ApiSource,
    ConfigMapSource,
    ContextEntry,
    GlobalSource,
    ImageSource,
    VariableSource,
)
from pratique.compiler.graph import Listing, Verification, Way
from pratique.compiler.phrases import holder_of, quote, trust
from pratique.compiler.resource_phrases import joined, one_of

MAX_COMPARISONS: Final = 3
"""Comparisons that a phrase repeats; it counts the others."""


def listing(of: Listing) -> str:
    """Return what is listed and where it is looked for."""
    where = f" in {quote(of.repository)}" if of.repository else ""
    match of.format:
        case ir.SignatureFormat.SIGSTORE_BUNDLE:
            kind = "attestations" if of.attestations else "signatures"
            return f"{kind} in Sigstore bundles among the referrers{where}"
        case ir.SignatureFormat.NOTARY:
            about = f"the document of type {quote(of.type)}" if of.attestations else "the image"
            return f"Notary signatures of {about} among the referrers{where}"
        case ir.SignatureFormat.COSIGN if of.attestations:
            return f"attestations under the tag sha256-HEX.att{where}"
        case ir.SignatureFormat.COSIGN:
            first = "among the referrers, else " if of.referrers else ""
            return f"signatures {first}under the tag sha256-HEX.sig{where}"
        case _:
            assert_never(of.format)


def verification(of: Verification) -> str:
    """Return by what signatures are verified, and what else their cryptography must show."""
    match of.method:
        case ir.AnyIdentity():
            parts = ["each signature by its certificate", *trust(of.trust, certificates=True)]
        case ir.KeySigner():
            parts = [f"each signature by {holder_of(of.method)}", *trust(of.trust)]
        case ir.CertificateSigner() if not of.method.certificate:
            parts = ["each signature by a certificate under the given chain", *trust(of.trust)]
        case ir.CertificateSigner():
            parts = [f"each signature by {holder_of(of.method)}", *trust(of.trust)]
        case ir.TrustStoreSigner():
            parts = ["each signature by its chain, which must hold a given certificate"]
        case _:
            assert_never(of.method)
    return ", ".join(parts)


def way(of: Way) -> str:
    """Return how the registries of an entry are asked, where it is not the usual way."""
    found = []
    if of.credentials:
        if of.credentials.secrets:
            found.append(f"with the credentials of Secret {one_of(of.credentials.secrets)}")
        if of.credentials.providers:
            found.append(f"with credentials of {joined(of.credentials.providers)}")
        if of.credentials.insecure:
            found.append("over plain HTTP where there is no TLS")
    if not of.use_cache:
        found.append("past what earlier runs were told")
    return "registries are asked " + " and ".join(found or ["as usual"])


def context_entry(of: ContextEntry) -> str:
    """Return where a named value of a rule comes from."""
    name = f"value {quote(of.name)}"
    match of.source:
        case VariableSource():
            return f"{name} of the policy itself"
        case ConfigMapSource(name=map_name, namespace=namespace):
            where = f"{namespace}/{map_name}" if namespace else map_name
            return f"{name} from the ConfigMap {quote(where)}"
        case ApiSource(url_path=path) if path:
            return f"{name} from the Kubernetes API at {quote(path)}"
        case ApiSource(service_url=url):
            return f"{name} from the service {quote(url)}"
        case GlobalSource(name=entry):
            return f"{name} from the global context entry {quote(entry)}"
        case ImageSource(reference=reference):
            return f"{name} from the registry of the image {quote(reference)}"
        case _:
            assert_never(of.source)


def conditions(data: Any) -> str:
    """Return conditions (JSON as the IR holds them); of many, how many there are and the first."""
    found = list(_comparisons(data))
    if len(found) > MAX_COMPARISONS:
        return f"{len(found)} comparisons, the first of which is {found[0]}"
    return _joined(data) or "no comparison"


def _joined(data: Any, *, inner: bool = False) -> str:
    """Return conditions with the words between them; in brackets where they are part of others."""
    match data:
        case {"key": _, "operator": str()}:
            return _comparison(data)
        case {"any": some, "all": every}:
            parts, word = [_joined({"any": some}, inner=True), _joined({"all": every}, inner=True)], "and"
        case {"any": list(some)}:
            parts, word = [_joined(part, inner=True) for part in some], "or"
        case {"all": every}:
            return _joined(every, inner=inner)
        case list():
            parts, word = [_joined(part, inner=len(data) > 1 or inner) for part in data], "and"
        case _:
            return ""
    parts = [part for part in parts if part]
    text = f" {word} ".join(parts)
    return f"({text})" if inner and len(parts) > 1 else text


def _comparisons(data: Any) -> Iterator[str]:
    match data:
        case {"key": _, "operator": str()}:
            yield _comparison(data)
        case list():
            for part in data:
                yield from _comparisons(part)
        case dict():
            yield from _comparisons([data[name] for name in ("any", "all") if name in data])
        case _:
            pass


def _comparison(data: dict[str, Any]) -> str:
    return f"{quote(_text(data['key']))} {data['operator']} {quote(_text(data.get('value')))}"


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    import json

    return json.dumps(value, ensure_ascii=False, default=str)
