"""Functions of Kyverno on plain data: users, hashes, JSON, YAML, times, random texts, certificates, gzip.

References: github.com/kyverno/sdk `extensions/cel/libs` (`user`, `hash`, `json`, `yaml`, `math`, `random`,
`time`, `transform`, `x509`, `gzip`).
"""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler.cel.declarations import overload
from pratique.compiler.cel.environment import Library
from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.libraries.kyverno.contexts import Context
from pratique.compiler.cel.types import STRING, opaque, struct
from pratique.compiler.cel.values.json_values import read_json, write_json
from pratique.compiler.cel.values.maps import Map
from pratique.compiler.cel.values.structs import Struct
from pratique.compiler.cel.values.times import Duration, Timestamp, timestamp_of
from pratique.compiler.expressions.jmespath.functions.certificates import decode_certificate
from pratique.compiler.expressions.jmespath.functions.random_text import generate_text
from pratique.compiler.expressions.jmespath.run import Environment
from pratique.compiler.expressions.jmespath.run import Run as Budget
from pratique.grammar.errors import EvaluationError
from pratique.grammar.limits import MIB
from pratique.grammar.plain_documents import read_plain
from pratique.grammar.source import Source

if TYPE_CHECKING:
    from pratique.compiler.cel.program import Run

_ACCOUNT: Final = struct("user.ServiceAccount")
_ACCOUNT_PREFIX: Final = "system:serviceaccount:"
_MAX_BYTES: Final = 4 * MIB
"""Of what `gzip.decompress` and `yaml.parse` make or take."""
_CERTIFICATE_FIELDS: Final = (
    "Raw", "RawTBSCertificate", "RawSubjectPublicKeyInfo", "RawSubject", "RawIssuer", "Signature",
    "PublicKeyAlgorithm", "PublicKey", "SerialNumber", "Issuer", "NotBefore", "NotAfter", "KeyUsage",
    "Extensions", "ExtraExtensions", "ExtKeyUsage", "BasicConstraintsValid", "IsCA", "MaxPathLen",
    "MaxPathLenZero", "AuthorityKeyId", "OCSPServer", "IssuingCertificateURL", "DNSNames", "EmailAddresses",
    "IPAddresses", "PermittedDNSDomainsCritical", "PermittedDNSDomains", "ExcludedDNSDomains",
    "PermittedIPRanges", "ExcludedIPRanges", "PermittedEmailAddresses", "ExcludedEmailAddresses",
    "PermittedURIDomains", "ExcludedURIDomains", "CRLDistributionPoints", "PolicyIdentifiers",
)  # fmt: skip


def _by_length(value: Any, *_: Any) -> int:
    return len(value) // 10 if isinstance(value, str | bytes) else 1


def _account(username: str) -> Struct:
    namespace, colon, name = username.removeprefix(_ACCOUNT_PREFIX).partition(":")
    if not username.startswith(_ACCOUNT_PREFIX) or not colon:
        namespace = name = ""
    return Struct(_ACCOUNT, {"Name": name, "Namespace": namespace})


def _hash(algorithm: str) -> Callable[[str], str]:
    return lambda text: hashlib.new(
        algorithm, text.encode(errors="surrogatepass"), usedforsecurity=False
    ).hexdigest()


def unmarshal(run: Run, _: Context, text: Any) -> Any:
    """Return the value of a JSON text; all numbers are doubles.

    Raises:
        CelError: it is none.
    """
    if type(text) is not str:
        raise CelError("unsupported type conversion to string")
    return read_json(run, text)


def _marshal(run: Run, _: Context, value: Any) -> str:
    return write_json(run, value)


def _parse_yaml(run: Run, _: Context, text: str) -> Any:
    if len(text) > _MAX_BYTES:
        raise CelError("the YAML text is too large")
    run.charge(len(text))
    read = read_plain(Source("yaml.parse", text))
    if read.errors:
        raise CelError(f"error converting YAML to JSON: {read.errors[0].message}")
    return with_doubles(read.documents[0].data) if read.documents else None


def with_doubles(value: Any) -> Any:
    """Return data as Go reads JSON: all numbers are doubles."""
    if type(value) is int:
        return float(value)
    if isinstance(value, dict):
        return {key: with_doubles(element) for key, element in value.items()}
    return [with_doubles(element) for element in value] if isinstance(value, list) else value


def _round(value: float, digits: int) -> float:
    try:
        shift = math.pow(10, digits)
        scaled = value * shift
        if not math.isfinite(scaled):
            return scaled / shift
        return math.copysign(math.floor(abs(scaled) + 0.5), scaled) / shift
    except (OverflowError, ZeroDivisionError):
        return math.nan


def _random(run: Run, pattern: str = "[0-9a-z]{8}") -> str:
    try:
        text = generate_text(Budget(Environment(random=run.world.random)), pattern)
    except EvaluationError as error:
        raise CelError(error.message) from error
    run.charge(len(text) + 1)
    return text


def _now(run: Run) -> Timestamp:
    if run.world.now is None:
        raise CelError("there is no clock here")
    return timestamp_of(run.world.now())


def _to_cron(timestamp: Timestamp) -> str:
    _, month, day, hour, minute, _, weekday = timestamp.instant.fields
    return f"{minute} {hour} {day} {month} {weekday}"


def _truncate(timestamp: Timestamp, duration: Duration) -> Timestamp:
    return timestamp_of(timestamp.instant.truncated(duration.nanoseconds))


def _objects_to_map(keys: Sequence[Any], values: Sequence[Any], key: str, value: str) -> dict[str, Any]:
    if len(keys) != len(values):
        lengths = f"list1: {len(keys)}, list2: {len(values)}"
        raise CelError(f"listObjToMap must take lists of equal length. {lengths}")
    made: dict[str, Any] = {}
    for holder, other in zip(keys, values, strict=True):
        if type(holder) not in (dict, Map) or type(other) not in (dict, Map):
            raise CelError("object cannot be handled as a map string to any in the value object list")
        name = holder.get(key) if type(holder) is dict else None
        if type(name) is not str:
            raise CelError("the passed key name cannot be handled as a string in the key object list")
        made[name] = other.get(value) if type(other) is dict else None
    return made


def _decode_certificate(run: Run, text: str) -> dict[str, Any]:
    run.charge(len(text))
    try:
        decoded = decode_certificate(Budget(), text)
    except EvaluationError as error:
        raise CelError(error.message) from error
    if "CERTIFICATE REQUEST" in text:
        return decoded
    return {name: decoded[name] for name in _CERTIFICATE_FIELDS if name in decoded}


def _compress(run: Run, value: Any) -> bytes:
    if type(value) is not str:
        raise CelError("unsupported type conversion to string")
    run.charge(len(value))
    compressor = zlib.compressobj(wbits=31)
    return compressor.compress(value.encode(errors="surrogatepass")) + compressor.flush()


def _decompress(run: Run, data: bytes) -> str:
    decompressor = zlib.decompressobj(wbits=31)
    try:
        text = decompressor.decompress(data, _MAX_BYTES)
    except zlib.error as error:
        raise CelError("gzip: invalid header" if data[:2] != b"\x1f\x8b" else "gzip: invalid data") from error
    if not decompressor.eof:
        problem = "the data is too large" if decompressor.unconsumed_tail else "unexpected EOF"
        raise CelError(f"gzip: {problem}")
    run.charge(len(text))
    return text.decode(errors="replace")


_OBJECTS_TO_MAP: Final = "listObjToMap(list(dyn), list(dyn), string, string) -> map(dyn, dyn)"

LIBRARY: Final = Library(
    overloads=(
        overload("parseServiceAccount(string) -> user.ServiceAccount", _account),
        overload("user.parseServiceAccount(string) -> user.ServiceAccount", _account),
        *(
            overload(f"{prefix}{algorithm}(string) -> string", _hash(algorithm), cost=_by_length)
            for algorithm in ("sha1", "sha256", "md5")
            for prefix in ("", "hash.")
        ),
        overload(".unmarshal(json.Json, dyn) -> dyn", unmarshal, takes_run=True),
        overload(".marshal(json.Json, dyn) -> string", _marshal, takes_run=True),
        overload(".parse(yaml.Yaml, string) -> dyn", _parse_yaml, takes_run=True),
        overload("math.round(double, int) -> double", _round),
        overload("random() -> string", _random, takes_run=True),
        overload("random(string) -> string", _random, takes_run=True),
        overload("random.random() -> string", _random, takes_run=True),
        overload("random.random(string) -> string", _random, takes_run=True),
        overload("time.now() -> timestamp", _now, takes_run=True),
        overload("time.toCron(timestamp) -> string", _to_cron),
        overload("time.truncate(timestamp, duration) -> timestamp", _truncate),
        overload(_OBJECTS_TO_MAP, _objects_to_map, cost=lambda keys, *_: len(keys)),
        overload(f"transform.{_OBJECTS_TO_MAP}", _objects_to_map, cost=lambda keys, *_: len(keys)),
        overload("x509.decode(string) -> dyn", _decode_certificate, takes_run=True),
        overload("gzip.decompress(bytes) -> string", _decompress, takes_run=True),
        overload("gzip.compress(dyn) -> bytes", _compress, takes_run=True),
    ),
    structs={"user.ServiceAccount": {"Name": STRING, "Namespace": STRING}},
    constants={
        "json": (opaque("json.Json"), Context("json.Json")),
        "yaml": (opaque("yaml.Yaml"), Context("yaml.Yaml")),
    },
)
