"""What questions of the decision graph cost: requests, bytes, signatures, and the time of all that.

A model, not a measurement: it counts exactly what the runtime would ask of a registry that is as an
`Assumptions` says, and prices it with the constants below. `pratique explain --analyze` shows both side by
side. This file prices single questions; `plan_cost` adds them up over images, rules and resources.

Not counted: connections, tokens (one for each repository that wants one; 600 to 1,300 ms were reported of
slow services), retries, the trust root (fetched at most once a day), and what is remembered of earlier runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Final, TypeVar

from pratique.compiler import ir
from pratique.compiler.context_entries import ApiSource, ConfigMapSource, ContextEntry, ImageSource
from pratique.compiler.evidence_limits import (
    MAX_BUNDLES,
    MAX_NOTARY_SIGNATURES,
    MAX_SIGNATURES,
    MAX_TOTAL_BYTES,
)
from pratique.compiler.graph import DecisionGraph, Done, Listing, Node, Op, Verification

# --- prices --------------------------------------------------------------------------------------------

KEYLESS_MS: Final = 1.4
"""CPU of one keyless signature of cosign: `python3 dev.py bench signatures`, 1,468 genuine signatures, one
core (1.44 ms, of which 0.70 ms is the ECDSA it contains). Certificates that are given cost as much."""
STATEMENT_MS: Final = 2.0
"""CPU of one keyless attestation of cosign (a DSSE envelope): median of 50 of the labs of `policies/`."""
BUNDLE_MS: Final = 3.0
"""CPU of one keyless Sigstore bundle, with its inclusion proof: median of 20 of the labs of `policies/`."""
KEY_MS: Final = 0.25
"""CPU of one signature by a P-256 key with its log entry: genuine ones, `tests/data/signatures`."""
NOTARY_MS: Final = 1.4
"""CPU of one Notary signature, JWS or COSE: median of 61 of the lab of `tests/runtime/test_notary.py`."""

INDEX_BYTES: Final = 2_000
"""An index of five platforms, or a manifest of eight layers: some 240 bytes for each."""
CONFIG_BYTES: Final = 4_000
"""The configuration of an image."""
SIGNATURE_BYTES: Final = 6_500
"""A signature's layer in cosign's manifest: 4,479 bytes of certificate, signature and log entry (median of
1,471 genuine ones), the chain, and the names and quotes around them."""
PAYLOAD_BYTES: Final = 335
"""A simple signing payload: median of the same 1,471."""
BUNDLE_BYTES: Final = 7_400
"""A keyless bundle over a small statement: those of the labs."""
REFERRER_BYTES: Final = 400
"""A descriptor in a list of referrers."""
MANIFEST_BYTES: Final = 900
"""The manifest of a bundle or of a Notary signature."""
ENVELOPE_BYTES: Final = 5_000
"""A Notary envelope: a chain of two certificates (2,000 bytes in the labs), and a countersignature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What the world is taken to be like.

    Attributes:
        name: what it is called in plans.
        tagged: images are named by a tag, which has to be resolved; a digest has not.
        first_suffice: the first attestors of a threshold are the ones who signed, so that the others are
            not asked; else all are.
        referrers_api: the registry knows the API of OCI 1.1; else its 404 and the fallback tag are two.
        signatures: stored for each image in each place that is looked at.
        statements: attestations stored for each image.
        statement_bytes: of each beside its signature.
        manifests: of each image that are judged: 1, or one more than its platforms (`--platform all`).
        request_ms: until a registry or another service answers one request.
    """

    name: str
    tagged: bool = True
    first_suffice: bool
    referrers_api: bool
    signatures: int
    statements: int
    statement_bytes: int
    manifests: int = 1
    request_ms: float


TYPICAL: Final = Assumptions(
    name="typical",
    first_suffice=True,
    referrers_api=True,
    signatures=1,
    statements=2,
    statement_bytes=16_000,
    request_ms=100,
)
"""An image by tag with one signature, its provenance and its list of software; a public registry over a
connection that is kept. 100 ms and 16 kB are assumed: no test of ours opens a connection that could tell."""

WORST: Final = Assumptions(
    name="worst",
    first_suffice=False,
    referrers_api=False,
    signatures=10,
    statements=10,
    statement_bytes=1_000_000,
    request_ms=500,
)
"""Nobody signed who should have, so that everyone is asked; ten signatures of others (as many as Kyverno
tries of Notary's), ten large attestations, no referrers API, and a registry that takes half a second."""

LIMIT: Final = Assumptions(
    name="limit",
    first_suffice=False,
    referrers_api=False,
    signatures=MAX_SIGNATURES,
    statements=MAX_SIGNATURES,
    statement_bytes=MAX_TOTAL_BYTES,
    request_ms=500,
)
"""As much as a hostile registry can make pratique read before it refuses the image."""


# --- costs ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What something costs.

    Attributes:
        requests: to registries.
        calls: to others: the Kubernetes API, services, key management.
        bytes: that registries send.
        signatures: whose cryptography is checked.
        cpu_ms: of cryptography.
        wait_ms: for answers, one after the other as the runtime asks.
    """

    requests: int = 0
    calls: int = 0
    bytes: int = 0
    signatures: int = 0
    cpu_ms: float = 0.0
    wait_ms: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        """Return both together."""
        if self is FREE:
            return other
        if other is FREE:
            return self
        return Cost(
            requests=self.requests + other.requests,
            calls=self.calls + other.calls,
            bytes=self.bytes + other.bytes,
            signatures=self.signatures + other.signatures,
            cpu_ms=self.cpu_ms + other.cpu_ms,
            wait_ms=self.wait_ms + other.wait_ms,
        )

    def times(self, number: int) -> Cost:
        """Return the cost of doing it `number` times."""
        return Cost(**{f.name: getattr(self, f.name) * number for f in fields(Cost)})

    @property
    def time_ms(self) -> float:
        """Return how long it takes."""
        return self.cpu_ms + self.wait_ms

    @property
    def is_free(self) -> bool:
        """Say whether it asks nobody and checks no signature."""
        return self == FREE


FREE: Final = Cost()


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The same cost under three assumptions; see `TYPICAL`, `WORST` and `LIMIT`."""

    typical: Cost = FREE
    worst: Cost = FREE
    limit: Cost = FREE

    def __add__(self, other: Estimate) -> Estimate:
        """Return both together."""
        return Estimate(
            typical=self.typical + other.typical,
            worst=self.worst + other.worst,
            limit=self.limit + other.limit,
        )


def estimate(price: Callable[[Assumptions], Cost]) -> Estimate:
    """Return what `price` says under each of the three assumptions."""
    return Estimate(typical=price(TYPICAL), worst=price(WORST), limit=price(LIMIT))


# --- nodes ---------------------------------------------------------------------------------------------


def of_node(graph: DecisionGraph, number: int, assuming: Assumptions) -> Cost:
    """Return what answering one question costs by itself, once its inputs are answered."""
    node = graph.nodes[number]
    price = _PRICES.get(node.op)
    return price(graph, node, assuming) if price else FREE


def _context(graph: DecisionGraph, node: Node, assuming: Assumptions) -> Cost:
    return _entry(_payload(node, ContextEntry), assuming)


def _entry(entry: ContextEntry, assuming: Assumptions) -> Cost:
    match entry.source:
        case ConfigMapSource() | ApiSource():
            return Cost(calls=1, wait_ms=assuming.request_ms)
        case ImageSource():
            # The tag, the index by its digest, the manifest of the platform, the configuration.
            return _asked(4, 3 * INDEX_BYTES + CONFIG_BYTES, assuming)
        case _:
            return FREE


def _body(graph: DecisionGraph, node: Node, assuming: Assumptions) -> Cost:
    """Price the context of loops, taking every list for one of a single element."""
    cost = FREE
    waiting: list[object] = [_payload(node, Done).body]
    while waiting:
        part = waiting.pop()
        match part:
            case ContextEntry():
                cost += _entry(part, assuming)
            case tuple():
                waiting += part
            case _ if is_dataclass(part):
                waiting += [getattr(part, f.name) for f in fields(part)]
            case _:
                pass
    return cost


def _resolve(graph: DecisionGraph, node: Node, assuming: Assumptions) -> Cost:
    indexes = int(assuming.tagged) + int(assuming.manifests > 1)
    return _asked(indexes, indexes * INDEX_BYTES, assuming)


def _list(graph: DecisionGraph, node: Node, assuming: Assumptions) -> Cost:
    listing = _payload(node, Listing)
    return _LISTINGS[listing.format](listing, assuming).times(assuming.manifests)


def _cosign(listing: Listing, assuming: Assumptions) -> Cost:
    number = _stored(listing, assuming)
    asked, listed = _referrers(1, assuming) if listing.referrers and not listing.attestations else (0, 0)
    each = SIGNATURE_BYTES + (assuming.statement_bytes if listing.attestations else PAYLOAD_BYTES)
    return _asked(asked + 1 + number, listed + number * each, assuming)


def _bundles(listing: Listing, assuming: Assumptions) -> Cost:
    asked, listed = _referrers(_stored(listing, assuming), assuming)
    number = _stored(listing, assuming)
    statements = min(assuming.statements, number)
    size = number * (MANIFEST_BYTES + BUNDLE_BYTES) + statements * assuming.statement_bytes
    return _asked(asked + 2 * number, listed + size, assuming)


def _notary(listing: Listing, assuming: Assumptions) -> Cost:
    number = _stored(listing, assuming)
    requests, size = _referrers(number + assuming.statements, assuming)
    requests, size = requests + 1, size + INDEX_BYTES  # the manifest that the signatures are about
    if listing.attestations:
        # That was the document's: its own referrers, and its content once a signature holds.
        asked, listed = _referrers(number, assuming)
        size += listed + assuming.statement_bytes
        requests += asked + 1
    # Signatures are fetched at once: as long as the two requests of one.
    cost = _asked(requests + 2, size + number * (MANIFEST_BYTES + ENVELOPE_BYTES), assuming)
    return cost + Cost(requests=2 * (number - 1))


_LISTINGS: Final[Mapping[ir.SignatureFormat, Callable[[Listing, Assumptions], Cost]]] = {
    ir.SignatureFormat.COSIGN: _cosign,
    ir.SignatureFormat.SIGSTORE_BUNDLE: _bundles,
    ir.SignatureFormat.NOTARY: _notary,
}


def _stored(listing: Listing, assuming: Assumptions) -> int:
    """Return how many signatures a listing finds, all of which are verified."""
    match listing.format:
        case ir.SignatureFormat.COSIGN:
            return min(assuming.statements if listing.attestations else assuming.signatures, MAX_SIGNATURES)
        case ir.SignatureFormat.SIGSTORE_BUNDLE:
            # Which bundles are signatures and which attestations is known once they are verified.
            return min(assuming.signatures + assuming.statements, MAX_BUNDLES)
        case ir.SignatureFormat.NOTARY:
            return min(assuming.signatures, MAX_NOTARY_SIGNATURES)


def _referrers(number: int, assuming: Assumptions) -> tuple[int, int]:
    """Return the requests and bytes of a list of so many referrers."""
    return 1 if assuming.referrers_api else 2, number * REFERRER_BYTES


def _asked(requests: int, size: int, assuming: Assumptions) -> Cost:
    return Cost(
        requests=requests, bytes=min(size, MAX_TOTAL_BYTES), wait_ms=requests * float(assuming.request_ms)
    )


def _verify(graph: DecisionGraph, node: Node, assuming: Assumptions) -> Cost:
    verification = _payload(node, Verification)
    listing = next(_payload(graph.nodes[n], Listing) for n in node.inputs if graph.nodes[n].op is Op.LIST)
    number = _stored(listing, assuming) * assuming.manifests
    cost = Cost(signatures=number, cpu_ms=number * _cpu_ms(verification.method, listing))
    if isinstance(verification.method, ir.KeySigner) and "://" in verification.method.key:
        cost += Cost(calls=1, wait_ms=assuming.request_ms)
    return cost


def _cpu_ms(method: ir.Method, listing: Listing) -> float:
    if isinstance(method, ir.TrustStoreSigner):
        return NOTARY_MS
    if listing.format is ir.SignatureFormat.SIGSTORE_BUNDLE:
        return BUNDLE_MS
    if isinstance(method, ir.KeySigner):
        return KEY_MS
    return STATEMENT_MS if listing.attestations else KEYLESS_MS


_PRICES: Final[Mapping[Op, Callable[[DecisionGraph, Node, Assumptions], Cost]]] = {
    Op.CONTEXT: _context,
    Op.BODY: _body,
    Op.RESOLVE: _resolve,
    Op.LIST: _list,
    Op.VERIFY: _verify,
}
"""The kinds of questions that cost more than comparing texts."""

PayloadT = TypeVar("PayloadT")


def _payload(node: Node, kind: type[PayloadT]) -> PayloadT:
    assert isinstance(node.payload, kind)  # noqa: S101 (what `graph` puts there)
    return node.payload
