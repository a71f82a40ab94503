"""Image references: `registry/path:tag@digest` as the container runtime reads them.

`image_reference.lark` defines the language; this module reads it with one regular expression.

References: Kyverno 1.19 `pkg/utils/image` (normalisation); github.com/distribution/reference 0.6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from pratique.grammar.errors import PratiqueError

DEFAULT_REGISTRY = "docker.io"
MAX_HOST = 255
"""Code points of host and port; no domain name is longer."""
MAX_PATH = 255
MAX_TAG = 128
MAX_TEXT = MAX_HOST + MAX_PATH + MAX_TAG + len("/:@sha512:") + 128

_MAX_SHOWN = 120
_CREDENTIALS = re.compile(r"^(?:[a-z]+://)?[^/@]*@(?=[^@]*/)")

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]++\])(?::[0-9]++)?"
_COMPONENT = r"[a-z0-9]++(?:(?:\.|__?|-++)[a-z0-9]++)*+"
_BARE = (
    rf"(?P<path>{_COMPONENT}(?:/{_COMPONENT})*+)"
    rf"(?::(?P<tag>[a-zA-Z0-9_][a-zA-Z0-9_.-]{{0,{MAX_TAG - 1}}}+))?+"
    r"(?:@(?P<digest>sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}))?+"
)
_BARE_REFERENCE = re.compile(_BARE)
_HOSTED_REFERENCE = re.compile(rf"(?P<host>{_HOST})/{_BARE}")


class ImageReferenceError(PratiqueError):
    """A text that is no image reference. It is never trimmed or repaired: the kubelet would see another one.

    Attributes:
        text: the text as it was given.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    @cached_property
    def _diagnosis(self) -> tuple[int, str]:
        return _explain(self.text)

    @property
    def offset(self) -> int:
        """The 0-based place, in code points, where the text goes wrong."""
        return self._diagnosis[0]

    @property
    def reason(self) -> str:
        """What is wrong there, as a phrase."""
        return self._diagnosis[1]

    def __str__(self) -> str:
        shown = _CREDENTIALS.sub("***@", self.text[:_MAX_SHOWN])
        shown += "…" if len(self.text) > _MAX_SHOWN else ""
        return f"{shown!a} is not an image reference: {self.reason} (at offset {self.offset})"


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A normalised image reference.

    Attributes:
        registry: host with its port if one is given; in lower case.
        path: repository without the host; `library/` is not added.
        tag: empty if there is none; `latest` if there is neither tag nor digest.
        digest: `sha256:` and 64, or `sha512:` and 128 lower-case hexadecimal digits; empty if there is none.
    """

    registry: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def repository(self) -> str:
        """`registry/path`."""
        return f"{self.registry}/{self.path}"

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path[self.path.rfind("/") + 1 :]

    @property
    def match_string(self) -> str:
        """What image patterns are matched against: `registry/path@digest`, else `registry/path:tag`."""
        if self.digest:
            return f"{self.registry}/{self.path}@{self.digest}"
        return f"{self.registry}/{self.path}:{self.tag}"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.registry}/{self.path}{tag}" + (f"@{self.digest}" if self.digest else "")


def parse_image(text: str, *, default_registry: str = DEFAULT_REGISTRY) -> ImageReference:
    """Return the normalised form of an image as a Pod names it. Linear in the text, whose length is bounded.

    The default registry is added where the text in front of the first `/` is not a host, and the tag
    `latest` where there is neither tag nor digest.

    DEVIATION: the host is compared as DNS does, in lower case; Kyverno compares it as written, so that
    `REG.example/app` escapes a pattern for `reg.example/*`. Test: test_i2_host_is_compared_in_lower_case.
    A host that only its upper case makes one (`Team/app`) stays: `team/app` would be another image.

    Raises:
        ImageReferenceError: the text is not in the grammar, or too long.
    """
    if len(text) > MAX_TEXT:
        raise ImageReferenceError(text)
    hosted = has_host(text)
    match = (_HOSTED_REFERENCE if hosted else _BARE_REFERENCE).fullmatch(text)
    if match is None:
        raise ImageReferenceError(text)
    path, tag, digest = match["path"], match["tag"], match["digest"]
    host = _lower(match["host"]) if hosted else default_registry
    if len(path) > MAX_PATH or len(host) > MAX_HOST:
        raise ImageReferenceError(text)
    if digest:
        return ImageReference(host, path, tag or "", digest)
    return ImageReference(host, path, tag or "latest")


def _lower(host: str) -> str:
    lower = host.lower()
    return lower if has_host(f"{lower}/") else host


def has_host(text: str) -> bool:
    """Say whether the text in front of the first `/` names a registry rather than a part of the path."""
    first, slash, _ = text.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost" or first.lower() != first)


# --- diagnosis -----------------------------------------------------------------------------------------

_GRAMMAR = "image_reference.lark"
_STARTS = ("hosted", "bare")
_WORDS = {
    "LABEL": "a part of a host name",
    "IPV6": "an IPv6 address",
    "LSQB": "[",
    "RSQB": "]",
    "PORT": "a port number",
    "COMPONENT": "a part of the path (lower case)",
    "TAG": f"a tag (at most {MAX_TAG} characters)",
    "HEX": "a lower-case hexadecimal digit",
    "SHA256": "sha256:",
    "SHA512": "sha512:",
    "SLASH": "/",
    "COLON": ":",
    "AT": "@",
    "DOT": ".",
    "$END": "the end",
}


def parses(text: str) -> bool:
    """Say whether the grammar file accepts the text: the definition that `parse_image` is tested against."""
    from pratique.grammar.diagnosis import diagnose

    if len(text) > MAX_TEXT:
        return False
    start = "hosted" if has_host(text) else "bare"
    return diagnose(_GRAMMAR, _STARTS, start, text, _WORDS) is None and _too_long(text) is None


def _explain(text: str) -> tuple[int, str]:
    if not text:
        return 0, "it is empty"
    if len(text) > MAX_TEXT:
        return MAX_TEXT, f"it is longer than {MAX_TEXT} characters"
    from pratique.grammar.diagnosis import diagnose, phrase

    problem = diagnose(_GRAMMAR, _STARTS, "hosted" if has_host(text) else "bare", text, _WORDS)
    return (_too_long(text) if problem is None else None) or phrase(problem, text)


def _too_long(text: str) -> tuple[int, str] | None:
    """Return the problem of a text that is in the grammar but for its length."""
    host_end = text.index("/") if has_host(text) else -1
    if host_end > MAX_HOST:
        return MAX_HOST, f"the host is longer than {MAX_HOST} characters"
    rest = text[host_end + 1 :]
    path = re.split("[:@]", rest, maxsplit=1)[0]
    if len(path) > MAX_PATH:
        return host_end + 1 + MAX_PATH, f"the path is longer than {MAX_PATH} characters"
    return None
