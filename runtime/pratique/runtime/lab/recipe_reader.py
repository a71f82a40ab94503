"""From the text of a recipe to a `Recipe`, with the place of every mistake.

pydantic judges each value by itself; what two values must have to do with each other is judged here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ValidationError

from pratique.grammar.errors import PolicyError, PolicyErrors
from pratique.grammar.source import Source
from pratique.grammar.yaml_tree import Document, plain, read_documents
from pratique.runtime.lab.authority import AUTHORITY_LIFE
from pratique.runtime.lab.faults import CATALOGUE, Fault, FaultInfo, Format, Part
from pratique.runtime.lab.keys import HashName, KeyType
from pratique.runtime.lab.recipe import (
    AttestationSpec,
    Covers,
    ImageSpec,
    ManifestSpec,
    Recipe,
    SignatureSpec,
    SignerSpec,
    SigstoreSpec,
    SubjectSpec,
)
from pratique.runtime.lab.signing import LONG_LIFE, EntryKind

Path = tuple[str | int, ...]


def read_recipe(source: Source) -> Recipe:
    """Return the recipe in a YAML or JSON text.

    Raises:
        PolicyErrors: all that is wrong with it, in the order of the text.
    """
    documents = read_documents(source)
    if documents.errors:
        raise PolicyErrors(documents.errors)
    if len(documents.documents) != 1:
        found = len(documents.documents)
        error = PolicyError("not-a-recipe", f"{source.name} holds {found} documents, a recipe is one")
        raise PolicyErrors([error])
    document = documents.documents[0]
    try:
        recipe = Recipe.model_validate(plain(document.root))
    except ValidationError as invalid:
        errors = [_value_error(document, error) for error in invalid.errors(include_url=False)]
        raise PolicyErrors(_in_order(errors)) from invalid
    errors = list(_relations(document, recipe))
    if errors:
        raise PolicyErrors(_in_order(errors))
    return recipe


def _in_order(errors: Sequence[PolicyError]) -> list[PolicyError]:
    return sorted(errors, key=lambda error: error.location.span if error.location else ())


def _value_error(document: Document, error: Any) -> PolicyError:
    """Return a pydantic error with its place."""
    path: Path = error["loc"]
    match error["type"]:
        case "extra_forbidden":
            name = str(path[-1])
            place, help = document.location(path, key=True), _suggestion(name, _known_fields(path))
            return PolicyError("unknown-field", f"there is no field {name!r} here", place, help=help)
        case "missing":
            place = document.location(path[:-1])
            return PolicyError("missing-field", f"the field {path[-1]} is missing", place)
        case "enum":
            known = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
            return _bad_value(document, path, f"{error['input']!r} is not known here", known, error["input"])
        case "value_error":
            return _bad_value(document, path, str(error["ctx"]["error"]))
        case _:
            return _bad_value(document, path, error["msg"])


def _bad_value(
    document: Document, path: Path, message: str, known: Sequence[str] = (), given: Any = ""
) -> PolicyError:
    is_key = path[-1:] == ("[key]",)
    place = document.location(path[:-1] if is_key else path, key=is_key)
    return PolicyError("bad-value", message, place, help=_suggestion(str(given), known))


def _suggestion(given: str, known: Sequence[str]) -> str:
    """Return the known word that was meant, or all of them."""
    close = difflib.get_close_matches(given, known, 1)
    if close:
        return f"did you mean {close[0]}?"
    return f"known are {', '.join(known)}" if known else ""


def _known_fields(path: Path) -> list[str]:
    """Return the fields of the model at `path`, found by the shape of the path."""
    model: type[BaseModel] = Recipe
    match path:
        case ("sigstore", _):
            model = SigstoreSpec
        case ("signers", _, "subject", *_):
            model = SubjectSpec
        case ("signers", *_):
            model = SignerSpec
        case ("manifests", *_):
            model = ManifestSpec
        case ("images", _, "signatures", *_):
            model = SignatureSpec
        case ("images", _, "attestations", *_):
            model = AttestationSpec
        case ("images", *_):
            model = ImageSpec
        case _:
            pass
    return list(model.model_fields)


def _relations(document: Document, recipe: Recipe) -> Iterator[PolicyError]:
    seen: dict[str, Path] = {}
    for n, image in enumerate(recipe.images):
        for m, name in enumerate(image.image):
            path: Path = ("images", n, "image", m)
            if str(name) in seen:
                first = ("here first", document.location(seen[str(name)]))
                yield PolicyError(
                    "duplicate-image", f"{name} is made twice", document.location(path), related=[first]
                )
            seen.setdefault(str(name), path)
        for m, signature in enumerate(image.signatures):
            yield from _Check(document, recipe, image, signature, ("images", n, "signatures", m)).errors()
        for m, attestation in enumerate(image.attestations):
            yield from _Check(document, recipe, image, attestation, ("images", n, "attestations", m)).errors()
    files: set[str] = set()
    for n, manifest in enumerate(recipe.manifests):
        if manifest.name in files:
            text = f"{manifest.name} is made twice"
            yield PolicyError("duplicate-manifest", text, document.location(("manifests", n, "name")))
        files.add(manifest.name)
        for m, signer in enumerate(manifest.by):
            if signer not in recipe.signers:
                help = _suggestion(signer, list(recipe.signers))
                place = document.location(("manifests", n, "by", m))
                yield PolicyError("unknown-signer", f"there is no signer {signer}", place, help=help)


class _Check:
    """The relations inside one signature or attestation, and to the rest of the recipe."""

    def __init__(
        self,
        document: Document,
        recipe: Recipe,
        image: ImageSpec,
        spec: SignatureSpec | AttestationSpec,
        path: Path,
    ) -> None:
        self.document, self.recipe, self.image, self.spec, self.path = document, recipe, image, spec, path
        self.envelope = isinstance(spec, AttestationSpec) or spec.format is Format.BUNDLE

    def errors(self) -> Iterator[PolicyError]:
        yield from self._signer()
        yield from self._storage()
        if self.spec.format.is_notary:
            yield from self._notary()
        else:
            yield from self._entry()
        yield from self._time()
        for index, fault in enumerate(self.spec.fault):
            problem = self._fault(fault, CATALOGUE[fault])
            if problem:
                yield self._error("impossible-fault", f"{fault}: {problem}", "fault", index)

    def _error(self, code: str, message: str, *route: str | int, help: str = "") -> PolicyError:
        return PolicyError(code, message, self.document.location((*self.path, *route)), help=help)

    def _signer(self) -> Iterator[PolicyError]:
        names = list(self.recipe.signers)
        if self.spec.by not in names:
            help = _suggestion(self.spec.by, names)
            yield self._error("unknown-signer", f"there is no signer {self.spec.by}", "by", help=help)

    def _storage(self) -> Iterator[PolicyError]:
        spec = self.spec
        attestation = isinstance(spec, AttestationSpec)
        if attestation and spec.format in (Format.COSIGN_REFERRER, Format.BUNDLE_MESSAGE):
            text = "attestations have the format cosign, bundle, notary or notary-cose"
            yield self._error("bad-value", text, "format")
        for field, given in (("copies", spec.copies > 1), ("repository", spec.repository is not None)):
            if given and spec.format is not Format.COSIGN:
                yield self._error("bad-value", f"{field} is for the format cosign only", field)
        if isinstance(spec, SignatureSpec):
            if spec.annotations and spec.format is Format.BUNDLE_MESSAGE:
                yield self._error("bad-value", "a message bundle signs no annotations", "annotations")
            if spec.reference is not None and (spec.format.is_bundle or spec.format.is_notary):
                yield self._error("bad-value", "reference is for cosign's own formats only", "reference")
        if spec.covers is not Covers.INDEX and not self.image.platforms:
            yield self._error("bad-value", "covers needs an image with platforms", "covers")

    def _notary(self) -> Iterator[PolicyError]:
        signer = self.recipe.signers.get(self.spec.by)
        if signer and (not signer.key or signer.key is KeyType.ED25519 or "hash" in signer.model_fields_set):
            text = "a Notary signer has a key, not ed25519, whose kind decides on the hash"
            yield self._error("bad-value", text, "by")
        for field in ("at", "log", "entry", "timestamp"):
            if field in self.spec.model_fields_set:
                yield self._error("bad-value", f"{field} is not for Notary signatures", field)

    def _entry(self) -> Iterator[PolicyError]:
        spec = self.spec
        signer = self.recipe.signers.get(spec.by)
        kinds = [EntryKind.HASHEDREKORD, EntryKind.REKORD]
        if self.envelope:
            # Clients never took entries of the older kind in bundles.
            kinds = [EntryKind.DSSE, *([] if spec.format.is_bundle else [EntryKind.INTOTO])]
        if spec.entry and not spec.log:
            yield self._error("bad-value", "there is no entry where log is false", "entry")
        elif spec.entry and spec.entry not in kinds:
            yield self._error("bad-value", f"the entry of this is {' or '.join(kinds)}", "entry")
        elif spec.log and not self.envelope and signer and not _logs_by_hash(signer):
            message = f"Rekor takes no {spec.entry or kinds[0]} entry of such a key"
            yield self._error("bad-value", message, "by", help="set log: false, or format: bundle")

    def _time(self) -> Iterator[PolicyError]:
        if self.spec.at is None:
            return
        first, last = _signing_span(self.recipe.sigstore.at)
        if not first <= self.spec.at <= last:
            span = f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
            yield self._error("bad-value", f"the lab's authorities can be asked from {span}", "at")

    def _fault(self, fault: Fault, info: FaultInfo) -> str:
        """Return why the fault cannot be planted here; empty if it can."""
        spec, faults = self.spec, self.spec.fault
        signer = self.recipe.signers.get(spec.by)
        if faults.count(fault) > 1:
            return "it is given twice"
        if spec.format not in info.formats:
            return f"it is for the format {' or '.join(f for f in Format if f in info.formats)}"
        if info.statement and not self.envelope:
            return "it is for attestations and the format bundle, which sign a statement"
        if info.keyless and signer and signer.key and not spec.format.is_notary:
            return "it needs a certificate, and the signer has a key"
        if info.part is Part.LOG and not spec.log:
            return "it needs a log entry, and log is false"
        remover = next((f for f in faults if CATALOGUE[f].removes and CATALOGUE[f].part is info.part), None)
        if remover not in (None, fault):
            return f"{remover} leaves nothing of the {info.part} that could have it"
        return ""


def _logs_by_hash(signer: SignerSpec) -> bool:
    """Say whether Rekor can check the signer's signatures against a SHA-256 hash alone."""
    return signer.hash is HashName.SHA256 and signer.key is not KeyType.ED25519


def _signing_span(at: datetime) -> tuple[datetime, datetime]:
    """Return when certificates can be issued, however long they live."""
    return at - AUTHORITY_LIFE[0], at + AUTHORITY_LIFE[1] - LONG_LIFE
