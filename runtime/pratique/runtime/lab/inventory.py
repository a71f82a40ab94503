"""What a lab holds, for programs: the file `lab.json`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from pratique.grammar.errors import UsageError
from pratique.runtime.lab.faults import Fault, Format
from pratique.runtime.lab.keys import KeyType
from pratique.runtime.ports import Digest

FILE_NAME = "lab.json"
MAX_BYTES = 64 << 20


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SignerRecord(_Record):
    """A signer: certificates with an issuer and subjects, or a key whose public half is in `public_key`.

    `extensions` are texts by OID, the issuer's among them.
    """

    issuer: str = ""
    subjects: tuple[str, ...] = ()
    extensions: dict[str, str] = {}
    key: KeyType | None = None
    public_key: str = ""


class SignatureRecord(_Record):
    """One signature or attestation.

    Attributes:
        of: digest of the manifest it is about.
        stored: name of the manifest that carries it: `registry/path:sha256-….sig`, or a referrer's digest.
        log_index: index of its log entry; None without one.
        copies: how many times it is stored.
    """

    by: str
    format: Format
    of: Digest
    stored: str
    at: datetime
    log_index: int | None = None
    faults: tuple[Fault, ...] = ()
    copies: int = 1


class AttestationRecord(SignatureRecord):
    """An attestation; `type` is its predicate type."""

    type: str


class ImageRecord(_Record):
    """An image: `platforms` are the digests of the single manifests of a multi-platform one."""

    image: str
    digest: Digest
    platforms: dict[str, Digest] = {}
    signatures: tuple[SignatureRecord, ...] = ()
    attestations: tuple[AttestationRecord, ...] = ()


class Inventory(_Record):
    """A whole lab; `trust` are paths of the files that verifiers need, by what they are."""

    version: Literal[1] = 1
    seed: str
    at: datetime
    signers: dict[str, SignerRecord]
    images: tuple[ImageRecord, ...]
    trust: dict[str, str]

    def to_json(self) -> str:
        """Return the text of `lab.json`."""
        return self.model_dump_json(indent=2, exclude_defaults=True) + "\n"


def read_inventory(folder: Path) -> Inventory:
    """Return what the lab in a folder holds.

    Raises:
        UsageError: there is no lab, or it is by another version of pratique.
    """
    path = folder / FILE_NAME
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{folder} is no lab: {error.strerror or error} ({FILE_NAME})") from error
    if len(text) > MAX_BYTES:
        raise UsageError(f"{path} is larger than {MAX_BYTES} bytes")
    try:
        return Inventory.model_validate_json(text)
    except ValidationError as error:
        raise UsageError(f"{path} cannot be read: {error.errors()[0]['msg']}") from error
