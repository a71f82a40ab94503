"""`semver("1.2.3")`.

References: Kubernetes 1.36 `apiserver/pkg/cel/library/semverlib.go`; github.com/blang/semver v4.
"""

from __future__ import annotations

from typing import Final

from pratique.compiler.cel.declarations import overload
from pratique.compiler.cel.environment import Library
from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.libraries.formatting import go_quote
from pratique.compiler.cel.types import Type, opaque
from pratique.compiler.cel.values.kinds import Opaque
from pratique.compiler.expressions.values.versions import Version, parse_version

_TYPE: Final = opaque("kubernetes.Semver")


class Semver(Opaque):
    """A semantic version; build metadata play no part when versions are compared."""

    __slots__ = ("version",)

    def __init__(self, version: Version) -> None:
        self.version = version

    @property
    def cel_type(self) -> Type:
        """Return `kubernetes.Semver`."""
        return _TYPE

    def compare(self, other: Semver) -> int:
        """Return -1, 0 or 1."""
        left, right = self.version.key, other.version.key
        return (left > right) - (left < right)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Semver) and self.compare(other) == 0

    __hash__ = None  # type: ignore[assignment]


def _read(text: str, normalize: bool = False) -> Semver:
    if normalize:
        text = _normalized(text)
    version = parse_version(text)
    if version is None:
        raise CelError(_problem(text))
    return Semver(version)


def _problem(text: str) -> str:
    if not text:
        return "Version string empty"
    parts = text.split(".", 2)
    if len(parts) != 3:
        return "No Major.Minor.Patch elements found"
    for name, part in zip(("major", "minor", "patch"), (parts[0], parts[1], _number(parts[2])), strict=True):
        if not part.isdigit() or not part.isascii():
            return f"Invalid character(s) found in {name} number {go_quote(part)}"
        if len(part) > 1 and part.startswith("0"):
            return f"{name.capitalize()} number must not contain leading zeroes {go_quote(part)}"
    return "Invalid character(s) found in prerelease or build metadata"


def _number(patch: str) -> str:
    return patch.partition("+")[0].partition("-")[0]


def _normalized(text: str) -> str:
    """Return the text without `v`, without leading zeros and with all three numbers."""
    parts = text.removeprefix("v").split(".", 2)
    for index, part in enumerate(parts):
        if len(part) > 1:
            stripped = part.lstrip("0")
            parts[index] = stripped if stripped[:1].isdigit() else f"0{stripped}"
    if len(parts) < 3 and ("+" in parts[-1] or "-" in parts[-1]):
        raise CelError("short version cannot contain PreRelease/Build meta data")
    return ".".join((*parts, "0", "0")[:3])


def _is_version(text: str, normalize: bool = False) -> bool:
    try:
        _read(text, normalize)
    except CelError:
        return False
    return True


LIBRARY: Final = Library(
    overloads=(
        overload("semver(string) -> kubernetes.Semver", _read),
        overload("semver(string, bool) -> kubernetes.Semver", _read),
        overload("isSemver(string) -> bool", _is_version),
        overload("isSemver(string, bool) -> bool", _is_version),
        overload(
            ".isGreaterThan(kubernetes.Semver, kubernetes.Semver) -> bool",
            lambda left, right: left.compare(right) > 0,
        ),
        overload(
            ".isLessThan(kubernetes.Semver, kubernetes.Semver) -> bool",
            lambda left, right: left.compare(right) < 0,
        ),
        overload(".compareTo(kubernetes.Semver, kubernetes.Semver) -> int", Semver.compare),
        overload(".major(kubernetes.Semver) -> int", lambda value: value.version.major),
        overload(".minor(kubernetes.Semver) -> int", lambda value: value.version.minor),
        overload(".patch(kubernetes.Semver) -> int", lambda value: value.version.patch),
    ),
    types={"kubernetes.Semver": _TYPE},
)
