"""A store and a verifier in memory, for tests about what the engine makes of what it finds."""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pratique.compiler import ir
from pratique.compiler.plan import Plan
from pratique.grammar.errors import NotFoundError, TransportError, VerificationError
from pratique.runtime.applicable import applicable
from pratique.runtime.decision import RuleResult
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.ports import ContextSource, Descriptor, Digest, Manifest, Repository
from pratique.runtime.resource import Resource
from pratique.runtime.signatures.model import (
    AnyIdentity,
    Identity,
    Statement,
    Stored,
    StoredBlob,
    StoredBundle,
    StoredEnvelope,
    StoredNotarySignature,
    StoredSignature,
    VerifiedSignature,
)
from tests.support_policies import read

DSSE = "application/vnd.dsse.envelope.v1+json"


def digest_of(data: bytes) -> Digest:
    return Digest(f"sha256:{hashlib.sha256(data).hexdigest()}")


class FakeStore:
    """Images by name, each with signatures that are plain JSON objects (see `FakeVerifier`)."""

    def __init__(self) -> None:
        self.manifests: dict[tuple[Repository, str], bytes] = {}
        self.blobs: dict[str, bytes] = {}
        self.requests: Counter[str] = Counter()
        self.down: set[str] = set()

    def image(
        self,
        name: str,
        *signatures: Mapping[str, Any],
        attestations: Sequence[Mapping[str, Any]] = (),
        config: Mapping[str, Any] | None = None,
    ) -> Digest:
        repository, tag = self._split(name)
        manifest: dict[str, Any] = {"image": name}
        if config is not None:
            text = json.dumps(config).encode()
            self.blobs[digest_of(text)] = text
            manifest["config"] = {"digest": digest_of(text)}
        body = json.dumps(manifest).encode()
        digest = digest_of(body)
        self.manifests[repository, tag] = self.manifests[repository, digest] = body
        for suffix, stored in (("sig", signatures), ("att", attestations)):
            layers = []
            for signature in stored:
                payload = json.dumps(dict(signature)).encode()
                self.blobs[digest_of(payload)] = payload
                layers.append({"mediaType": DSSE, "digest": digest_of(payload), "annotations": {}})
            if layers:
                tag = f"{digest.replace(':', '-')}.{suffix}"
                self.manifests[repository, tag] = json.dumps({"layers": layers}).encode()
        return digest

    @staticmethod
    def _split(name: str) -> tuple[Repository, str]:
        host, _, rest = name.partition("/")
        path, _, tag = rest.partition(":")
        return Repository(host, path), tag

    async def manifest(self, repository: Repository, reference: str) -> Manifest:
        self.requests[f"manifest {repository}:{reference}"] += 1
        await asyncio.sleep(0)
        if repository.registry in self.down:
            raise TransportError("registry-unreachable", f"{repository.registry} is down")
        body = self.manifests.get((repository, reference))
        if body is None:
            raise NotFoundError("image-not-found", f"{repository}:{reference} is not there")
        return Manifest(repository, digest_of(body), "application/json", body, json.loads(body))

    async def blob(self, repository: Repository, digest: Digest, *, max_bytes: int) -> bytes:
        self.requests[f"blob {digest}"] += 1
        return self.blobs[digest]

    async def referrers(
        self, repository: Repository, digest: Digest, artifact_type: str = ""
    ) -> tuple[Descriptor, ...]:
        self.requests["referrers"] += 1
        return ()

    async def aclose(self) -> None:
        """Nothing is open."""


class FakeVerifier:
    """Believes payloads: {"subject", "issuer", "key", "claims"}; a key signer must name the same key."""

    def __init__(self) -> None:
        self.verified = 0
        self.trusted = "root-1"

    def prepare(self, method: ir.Method, trust: ir.Trust) -> None:
        if isinstance(method, ir.KeySigner) and method.key == "broken":
            raise VerificationError("bad-key", "failed to load public key from PEM: broken")

    def version(self, attestor: ir.Attestor) -> str:
        return self.trusted

    def verify(self, stored: Stored, method: ir.Method, trust: ir.Trust, digest: Digest) -> VerifiedSignature:
        self.verified += 1
        match stored:
            case StoredSignature():
                payload = json.loads(stored.payload)
            case StoredEnvelope():
                payload = json.loads(stored.envelope)
            case StoredBundle():
                payload = json.loads(stored.body)
            case StoredBlob():
                raise AssertionError("signatures of manifests are tested with real ones")
            case StoredNotarySignature():
                raise AssertionError("Notary signatures are tested with real ones")
        identity = None
        match method:
            case AnyIdentity():
                if "subject" not in payload:
                    raise VerificationError("certificate-missing", "no certificate found on signature")
                identity = Identity(subjects=(payload["subject"],), issuer=payload.get("issuer", ISSUER))
            case ir.KeySigner(key=key) if key.strip() != payload.get("key"):
                raise VerificationError("signature-invalid", "invalid signature")
        return VerifiedSignature(
            image_digest=digest,
            identity=identity,
            key=payload.get("key", payload.get("subject", "")),
            claims=tuple(payload.get("claims", {}).items()),
            statement=None if isinstance(stored, StoredSignature) else statement(payload),
        )


def statement(payload: dict[str, Any]) -> Statement:
    return Statement(
        type="https://in-toto.io/Statement/v1",
        predicate_type=payload["type"],
        predicate=payload.get("predicate", {}),
        subjects=(),
    )


ISSUER = "https://accounts.google.com"


class World:
    """Policies, images and the engine over them."""

    def __init__(self, *policies: str) -> None:
        lowered = read("\n---\n".join(policies))
        assert not lowered.errors, [str(e) for e in lowered.errors]
        self.store = FakeStore()
        self.verifier = FakeVerifier()
        self.plan = Plan(lowered.policies)
        self.source: ContextSource | None = None

    def judge(self, *resources: Mapping[str, Any]) -> list[RuleResult]:
        """Return the results of all resources, judged at once over one body of evidence."""

        async def run() -> list[RuleResult]:
            engine = Engine(self.plan, Evidence(self.store, self.verifier), self.source)
            wrapped = [Resource(resource) for resource in resources]
            found = await asyncio.gather(*(engine.judge(r, applicable(self.plan, r)) for r in wrapped))
            return [result for results in found for result in results]

        return asyncio.run(run())


def pod(*images: object, **more: Any) -> dict[str, Any]:
    """Return a Pod with containers c0, c1 ... that run `images`."""
    containers = [{"name": f"c{n}", "image": image} for n, image in enumerate(images)]
    metadata = {"name": "pod", "namespace": "default", **more.pop("metadata", {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": containers, **more},
    }


def said(result: RuleResult) -> list[tuple[str, str]]:
    """Return (status, message) of each check."""
    return [(str(check.status), check.message) for check in result.checks]
