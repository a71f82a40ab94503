"""`parseImageReference(text)`: the parts of an image reference, as go-containerregistry sees them.

That is another reading than that of classic policies (`grammar.image_reference`): the default registry is
`index.docker.io`, `library/` is added, and a reference with a digest has no tag.

References: github.com/kyverno/sdk `extensions/cel/libs/image`; github.com/google/go-containerregistry
`pkg/name`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pratique.compiler.cel.declarations import overload
from pratique.compiler.cel.environment import Library
from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.types import Type, opaque
from pratique.compiler.cel.values.kinds import Opaque
from pratique.grammar.image_reference import MAX_TEXT

_TYPE: Final = opaque("kyverno.image")
_DEFAULT_REGISTRY: Final = "index.docker.io"
_REPOSITORY: Final = re.compile(r"[a-z0-9_./-]{2,255}")
_TAG: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_REGISTRY: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=%-]+(?::[0-9]*)?|\[[0-9A-Fa-f:.]+\](?::[0-9]*)?")


@dataclass(frozen=True, slots=True)
class Image(Opaque):
    """A parsed reference.

    Attributes:
        tag: empty where there is a digest, `latest` where there is neither.
    """

    registry: str
    repository: str
    tag: str
    digest: str

    @property
    def cel_type(self) -> Type:
        """Return `kyverno.image`."""
        return _TYPE


def parse_reference(text: str) -> Image:
    """Return the parts of a reference.

    Raises:
        CelError: it is none.
    """
    failed = CelError(f"could not parse reference: {text[:MAX_TEXT]}")
    if len(text) > MAX_TEXT:
        raise failed
    name, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise failed
    name, tag = _split_tag(name)
    first, slash, rest = name.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    registry, repository = (first, rest) if is_host else (_DEFAULT_REGISTRY, name)
    if not _REPOSITORY.fullmatch(repository) or not _REGISTRY.fullmatch(registry):
        raise failed
    if tag is not None and not _TAG.fullmatch(tag):
        raise failed
    if registry == "docker.io":
        registry = _DEFAULT_REGISTRY
    if registry == _DEFAULT_REGISTRY and "/" not in repository:
        repository = f"library/{repository}"
    return Image(registry, repository, "" if digest else tag or "latest", digest)


def _split_tag(name: str) -> tuple[str, str | None]:
    base, colon, tag = name.rpartition(":")
    return (base, tag) if colon and "/" not in tag else (name, None)


def is_image(text: str) -> bool:
    """Say whether a text is a reference."""
    try:
        parse_reference(text)
    except CelError:
        return False
    return True


LIBRARY: Final = Library(
    overloads=(
        overload("image(string) -> kyverno.image", parse_reference),
        overload("parseImageReference(string) -> kyverno.image", parse_reference),
        overload("isImage(string) -> bool", is_image),
        overload(".containsDigest(kyverno.image) -> bool", lambda image: bool(image.digest)),
        overload(".registry(kyverno.image) -> string", lambda image: image.registry),
        overload(".repository(kyverno.image) -> string", lambda image: image.repository),
        overload(".identifier(kyverno.image) -> string", lambda image: image.digest or image.tag),
        overload(".tag(kyverno.image) -> string", lambda image: image.tag),
        overload(".digest(kyverno.image) -> string", lambda image: image.digest),
    )
)
