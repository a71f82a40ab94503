"""What functions about images do in one evaluation of a policy, and what all policies learn about images.

Answers come from whoever settles questions (see `cel.questions.SignedQuestion`); here they are counted.

References: Kyverno 1.19 `pkg/cel/libs/imageverify` (`impl.go`, `results.go`). Its texts are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler import ir
from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.libraries.outside import ask
from pratique.compiler.cel.questions import ImageDataQuestion, SignedQuestion
from pratique.compiler.cel.types import Type, opaque
from pratique.compiler.cel.values.kinds import Opaque, type_name
from pratique.compiler.cel_images import Hole, NamedAttestor, NamedStatement

if TYPE_CHECKING:
    from pratique.compiler.cel.program import Run

_TYPE: Final = opaque("imageverify.attestor")
_UNVERIFIED: Final = "intoto attestation payload cannot be fetch before verifying intoto attestation"
_PEM: Final = "-----BEGIN "


class VerifiedImages:
    """What the policies of one request have learned about images; shared, since any may prove for all.

    What was learned is never taken back, so that evaluating a policy again does no harm.
    """

    def __init__(self) -> None:
        self._verified: dict[str, bool] = {}
        self._payloads: dict[tuple[str, str], Any] = {}

    def record(self, image: str, *, verified: bool) -> None:
        """Remember that someone asked whether an image is signed, and what came out."""
        self._verified[image] = self._verified.get(image, False) or verified

    def keep(self, image: str, type: str, payload: Any) -> None:
        """Remember what a verified statement says; the last one of a type counts."""
        self._payloads[image, type] = payload

    def payload(self, image: str, type: str) -> Any:
        """Return what was kept; None where nothing was."""
        return self._payloads.get((image, type))

    def problem(self, image: str) -> str:
        """Return why an image counts as unverified; empty where it does not."""
        verified = self._verified.get(image)
        if verified is None:
            return (
                f"image {image} is not verified: no policy performed a signature or attestation check on it"
            )
        return "" if verified else f"image {image} failed signature or attestation verification"


@dataclass(frozen=True, slots=True)
class AttestorValue(Opaque):
    """`attestors.NAME`, once its expressions have values."""

    attestor: NamedAttestor

    @property
    def cel_type(self) -> Type:
        """Return the type of attestors."""
        return _TYPE


class ImageRun:
    """The functions of one policy; implements `cel.program.ImageFunctions`."""

    def __init__(
        self,
        applies: Callable[[str], bool],
        statements: Mapping[str, NamedStatement],
        credentials: ir.RegistryCredentials | None,
        verified: VerifiedImages,
    ) -> None:
        """Take the policy.

        Args:
            applies: says whether the policy is about an image; raises `EvaluationError`.
            statements: those that the policy declares, by name.
            credentials: how registries are asked.
            verified: what the request's policies have learned.
        """
        self._applies = applies
        self._statements = statements
        self._credentials = credentials
        self._verified = verified

    def signatures(self, run: Run, image: str, attestors: Sequence[Any]) -> int:
        """Return how many attestors have signed an image; 0 where the policy is not about it."""
        wanted = [_attestor(each) for each in attestors]
        if not self._applies(image):
            return 0
        self.data(run, image)
        count = sum(self._signed(run, image, each) is not None for each in wanted)
        if wanted:
            self._verified.record(image, verified=count > 0)
        return count

    def statements(self, run: Run, image: str, name: str, attestors: Sequence[Any]) -> int:
        """Return how many attestors have signed a statement about an image."""
        wanted = [_attestor(each) for each in attestors]
        if not self._applies(image):
            return 0
        statement = self._statement(name)
        self.data(run, image)
        count = 0
        for each in wanted:
            if _is_notary(each) and not statement.is_referrer:
                raise CelError("notary verifier only supports oci 1.1 referrers as attestations")
            found = self._stated(run, image, each, statement)
            count += bool(found)
            for payload in found:
                self._verified.keep(image, statement.type, payload)
        if wanted:
            self._verified.record(image, verified=count > 0)
        return count

    def payload(self, run: Run, image: str, name: str) -> Any:
        """Return what a verified statement says.

        DEVIATION: of a document beside the image, too, nothing is told before a signature of it was verified;
        Kyverno 1.19 hands out the first of its type, whoever put it there
        (`tests/compiler/cel_policies/test_image_run.py::test_payloads_are_verified_first`).
        """
        statement = self._statement(name)
        self.data(run, image)
        found = self._verified.payload(image, statement.type)
        if found is None:
            raise CelError(f"failed to get payload: {_UNVERIFIED}")
        return found

    def data(self, run: Run, image: str) -> Any:
        """Return what a registry knows of an image."""
        question = ImageDataQuestion(reference=image, credentials=self._credentials, of_registry=True)
        return ask(run, question, "failed to get imagedata: ")

    def _statement(self, name: str) -> NamedStatement:
        found = self._statements.get(name)
        if found is None:
            raise CelError(f"attestation not found in policy: {name}")
        return found

    def _signed(self, run: Run, image: str, attestor: NamedAttestor) -> Any:
        if not attestor.layers:
            return None
        return ask(run, self._question(image, attestor))

    def _stated(
        self, run: Run, image: str, attestor: NamedAttestor, statement: NamedStatement
    ) -> Sequence[Any]:
        """Return the statements that an attestor has signed; cosign knows none beside the image."""
        if not attestor.layers or not statement.type or statement.is_referrer is not _is_notary(attestor):
            return ()
        return ask(run, replace(self._question(image, attestor), type=statement.type)) or ()

    def _question(self, image: str, attestor: NamedAttestor) -> SignedQuestion:
        return SignedQuestion(
            reference=image,
            layers=attestor.layers,
            bundles=() if attestor.unbundled else attestor.bundles,
            credentials=_with(self._credentials, attestor.secrets),
        )


def _attestor(value: Any) -> NamedAttestor:
    if not isinstance(value, AttestorValue):
        raise CelError(f"type conversion error from '{type_name(value)}' to 'v1beta1.Attestor'")
    return value.attestor


def _is_notary(attestor: NamedAttestor) -> bool:
    return any(each.format is ir.SignatureFormat.NOTARY for each in attestor.layers)


def _with(
    credentials: ir.RegistryCredentials | None, secrets: tuple[str, ...]
) -> ir.RegistryCredentials | None:
    if not secrets:
        return credentials
    known = credentials or ir.RegistryCredentials()
    return replace(known, secrets=(*known.secrets, *secrets))


# --- attestors whose parts expressions say --------------------------------------------------------------


def filled(attestor: NamedAttestor, texts: Sequence[str]) -> NamedAttestor:
    """Return an attestor with the values of its fillings, in order."""
    for filling, text in zip(attestor.fillings, texts, strict=True):
        if filling.hole is Hole.KEY and _PEM not in text:
            # A reference would be looked up; in Kyverno it is no key.
            return replace(attestor, layers=(), bundles=())
        attestor = replace(
            attestor,
            layers=_all_filled(attestor.layers, filling.hole, filling.number, text),
            bundles=_all_filled(attestor.bundles, filling.hole, filling.number, text),
        )
    return attestor


def _all_filled(
    attestors: tuple[ir.Attestor, ...], hole: Hole, number: int, text: str
) -> tuple[ir.Attestor, ...]:
    if hole is Hole.TRUSTED_ROOT:
        return tuple(replace(each, trust=replace(each.trust, trusted_root=text)) for each in attestors)
    return tuple(
        replace(each, signer=_filled(each.signer, hole, text)) if at == number else each
        for at, each in enumerate(attestors)
    )


def _filled(signer: ir.Signer, hole: Hole, text: str) -> ir.Signer:
    match signer:
        case ir.KeySigner():
            return replace(signer, key=text)
        case ir.IdentitySigner():
            return replace(signer, subject=ir.TextTests(tests=(ir.Exactly(text=text),)))
        case ir.CertificateSigner() | ir.TrustStoreSigner() if hole is Hole.CHAIN:
            return replace(signer, chain=text)
        case _:
            return replace(signer, certificate=text)
