"""Releases of Kyverno: which of them know a field or a kind.

References: the CustomResourceDefinition `clusterpolicies.kyverno.io` of the releases 1.9 to 1.19, compared
field by field; Kyverno's documentation of policy types for the kinds. What 1.9 knows counts as known always.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple


class Release(NamedTuple):
    """A minor release; what its patch releases change is not told apart."""

    major: int
    minor: int

    def __str__(self) -> str:
        """Return `1.19`."""
        return f"{self.major}.{self.minor}"


OLDEST: Final = Release(1, 9)
"""The oldest release whose fields are known."""

_RANGE: Final = re.compile(r"v?(\d{1,3})\.(\d{1,3})(?:\.\d+)?(?:\.\.v?(\d{1,3})\.(\d{1,3})(?:\.\d+)?)?")


@dataclass(frozen=True, slots=True)
class ReleaseRange:
    """The releases that policies are written for, from `oldest` to `newest`."""

    oldest: Release
    newest: Release

    @classmethod
    def parse(cls, text: str) -> ReleaseRange:
        """Return the releases of `1.19` or `1.10..1.19`; patch numbers are left out.

        Raises:
            ValueError: it is neither, and the message says why.
        """
        match = _RANGE.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is no release such as 1.19, and no range such as 1.10..1.19")
        numbers = [int(number) for number in match.groups() if number]
        oldest, newest = Release(*numbers[:2]), Release(*numbers[-2:])
        if newest < oldest:
            raise ValueError(f"{text!r} ends before it begins; write the older release first")
        if oldest < OLDEST:
            raise ValueError(f"{text!r} is too old: which fields there were before {OLDEST} is not known")
        return cls(oldest, newest)

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        return str(self.oldest) if self.oldest == self.newest else f"{self.oldest}..{self.newest}"


class Lifetime(NamedTuple):
    """From when on something is deprecated, and when it is no longer there."""

    deprecated: Release
    removed: Release


KINDS: Final = {
    ("kyverno.io", kind): Lifetime(Release(1, 18), Release(1, 20))
    for kind in ("ClusterPolicy", "Policy", "CleanupPolicy", "ClusterCleanupPolicy")
}
"""Group and kind -> its lifetime, where it ends; the removal is announced."""

_SINCE: Final[dict[Release, tuple[str, ...]]] = {
    Release(1, 10): (
        "apiCall.data",
        "apiCall.method",
        "apiCall.service",
        "imageExtractors.*.jmesPath",
        "mutate.targets.context",
        "mutate.targets.preconditions",
        "resources.operations",
        "spec.generateExisting",
        "validationFailureActionOverrides.namespaceSelector",
        "verifyImages.type",
    ),
    Release(1, 11): (
        "attestations.type",
        "certificates.ctlog",
        "certificates.rekor.ignoreTlog",
        "certificates.rekor.pubkey",
        "generate.uid",
        "imageRegistry.imageRegistryCredentials",
        "keyless.ctlog",
        "keyless.rekor.ignoreTlog",
        "keyless.rekor.pubkey",
        "keys.ctlog",
        "keys.rekor.ignoreTlog",
        "keys.rekor.pubkey",
        "mutate.targets.uid",
        "rules.celPreconditions",
        "rules.skipBackgroundRequests",
        "spec.admission",
        "spec.useServerSideApply",
        "validate.cel",
        "verifyImages.imageRegistryCredentials",
        "verifyImages.useCache",
    ),
    Release(1, 12): (
        "context.globalReference",
        "generate.orphanDownstreamOnPolicyDelete",
        "spec.webhookConfiguration",
        "verifyImages.skipImageReferences",
    ),
    Release(1, 13): (
        "apiCall.default",
        "apiCall.service.headers",
        "attestations.name",
        "ctlog.tsaCertChain",
        "entries.signatureAlgorithm",
        "generate.generateExisting",
        "keyless.issuerRegExp",
        "keyless.subjectRegExp",
        "mutate.mutateExistingOnPolicyUpdate",
        "mutate.targets.selector",
        "rules.reportProperties",
        "rules.validate.allowExistingViolations",
        "rules.validate.assert",
        "rules.validate.failureAction",
        "rules.validate.failureActionOverrides",
        "spec.emitWarning",
        "verifyImages.cosignOCI11",
        "verifyImages.failureAction",
        "verifyImages.validate",
        "webhookConfiguration.failurePolicy",
        "webhookConfiguration.timeoutSeconds",
    ),
    Release(1, 14): ("validate.cel.generate",),
}
"""Release -> the fields that it added, each by the end of its path; `*` is any one name."""

_VALUES: Final[dict[tuple[str, ...], Release]] = {("verifyImages", "type", "SigstoreBundle"): Release(1, 13)}
"""End of a path with a value -> the release that added the value."""


def _by_last() -> dict[str, list[tuple[tuple[str, ...], Release]]]:
    found: dict[str, list[tuple[tuple[str, ...], Release]]] = {}
    for release, paths in _SINCE.items():
        for path in paths:
            names = tuple(path.split("."))
            found.setdefault(names[-1], []).append((names, release))
    return found


_BY_LAST: Final = _by_last()


def field_since(path: tuple[str, ...]) -> Release:
    """Return the first release that knows the field at a path of names, without the numbers of items."""
    for names, release in _BY_LAST.get(path[-1], ()):
        end = path[-len(names) :]
        if len(end) == len(names) and all(name in ("*", part) for name, part in zip(names, end, strict=True)):
            return release
    return OLDEST


def value_since(path: tuple[str, ...], value: object) -> Release:
    """Return the first release that knows a value of the field at a path."""
    return _VALUES.get((*path[-2:], str(value)), OLDEST) if isinstance(value, str) else OLDEST
