"""The rules on signed attributes that both envelope formats share.

References: Notary Project signature specification 1.1, "Signed attributes" and "Guidelines for
implementations"; notation-core-go 1.3.0, `validateProtectedHeaders`, `validateCritHeaders`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from pratique.runtime.signatures.notary.model import Check, NotaryRefusal, SignedAttributes, SigningScheme
from pratique.runtime.signatures.notary.wording import quoted

SCHEME: Final = "io.cncf.notary.signingScheme"
SIGNING_TIME: Final = "io.cncf.notary.signingTime"
AUTHENTIC_TIME: Final = "io.cncf.notary.authenticSigningTime"
EXPIRY: Final = "io.cncf.notary.expiry"
PLUGIN: Final = "io.cncf.notary.verificationPlugin"
PLUGIN_VERSION: Final = "io.cncf.notary.verificationPluginMinVersion"
TOKEN: Final = "io.cncf.notary.timestampSignature"  # noqa: S105
AGENT: Final = "io.cncf.notary.signingAgent"

TIMES: Final = (SIGNING_TIME, AUTHENTIC_TIME, EXPIRY)
_UNDERSTOOD: Final = frozenset({SCHEME, AUTHENTIC_TIME, EXPIRY, PLUGIN, PLUGIN_VERSION})
"""What may be critical. `SIGNING_TIME` is for information only, and such attributes must not be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The protected header, each value already of its type, or None where it is absent.

    Attributes:
        times: by name, those of `TIMES` that are there.
        plugin: value of `PLUGIN`, whatever it is; None where absent.
        critical: names that must be understood; None where the header has no such list.
        present: all names in the header.
        registered: names of the format's own (such as `alg`) that may be in `critical`.
    """

    scheme: str
    times: dict[str, datetime]
    plugin: Any = None
    critical: Sequence[int | str] | None
    present: Collection[int | str]
    registered: Collection[int | str] = field(default=())


def signed_attributes(header: Header) -> SignedAttributes:
    """Return what the signer says, after every rule on it was checked.

    Raises:
        NotaryRefusal: `HEADERS`, in notation's words where it has some.
    """
    try:
        scheme = SigningScheme(header.scheme)
    except ValueError as error:
        raise _refusal(f"unsupported SigningScheme: {quoted(header.scheme)}") from error
    own, other = SIGNING_TIME, AUTHENTIC_TIME
    if scheme is SigningScheme.SIGNING_AUTHORITY:
        own, other = other, own
    if other in header.times:
        raise _refusal(f'"{other}" header must not be present for {scheme} signing scheme')
    if own not in header.times:
        raise _refusal(f'"{own}" header must be present for {scheme} signing scheme')
    signing_time, expiry = header.times[own], header.times.get(EXPIRY)
    if expiry is not None and expiry <= signing_time:
        raise _refusal("expiry cannot be equal or before the signing time")
    _check_critical(header, scheme)
    return SignedAttributes(scheme=scheme, signing_time=signing_time, expiry=expiry, plugin=_plugin(header))


def _check_critical(header: Header, scheme: SigningScheme) -> None:
    """Check that what must be critical is, and that all that is critical is there and understood.

    DEVIATION: notation lets a signature pass whose critical attribute nobody knows, as long as it names no
    plugin. The specification says that it must fail, and it does
    (`tests/runtime/signatures/notary/test_attributes.py::test_unknown_critical_attribute`).
    """
    if not header.critical:
        raise _refusal('missing "crit" header')
    for name in header.critical:
        if name not in header.present:
            raise _refusal(f"{_shown(name)} header is marked critical but not present")
        if name not in _UNDERSTOOD and name not in header.registered:
            raise _refusal(f"critical attribute {_shown(name)} is not understood")
    if len(set(header.critical)) != len(header.critical):
        raise _refusal('a name occurs twice in the "crit" header')
    required = [SCHEME]
    if scheme is SigningScheme.SIGNING_AUTHORITY:
        required.append(AUTHENTIC_TIME)
    if EXPIRY in header.times:
        required.append(EXPIRY)
    missing = [name for name in required if name not in header.critical]
    if missing:
        text = f"these required headers are not marked as critical: [{' '.join(missing)}]"
        raise _refusal(text)


def _plugin(header: Header) -> str:
    """Return the plugin that the signer demands; empty for none."""
    critical = header.critical or ()
    if PLUGIN not in header.present:
        if PLUGIN_VERSION in critical:
            raise _refusal(f"critical attribute {_shown(PLUGIN_VERSION)} is not understood without a plugin")
        return ""
    if PLUGIN not in critical:
        raise _refusal(f"{PLUGIN} is not a critical Extended attribute")
    if not isinstance(header.plugin, str):
        raise _refusal(f"{PLUGIN} from extended attribute is not a string")
    if not header.plugin.strip():
        raise _refusal(f"{PLUGIN} from extended attribute is an empty string")
    return header.plugin


def _shown(name: int | str) -> str:
    return quoted(name) if isinstance(name, str) else str(name)


def _refusal(text: str) -> NotaryRefusal:
    return NotaryRefusal(Check.HEADERS, text)
