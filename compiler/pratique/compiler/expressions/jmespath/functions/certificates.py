"""`x509_decode`: a PEM certificate or request with an RSA key as a map with Go's field names.

The fields are those of Go's `x509.Certificate` and `x509.CertificateRequest` as its JSON encoder prints them:
bytes in base64, object identifiers as lists, absent lists as null.

References: Kyverno 1.19 `pkg/engine/jmespath/functions.go`; Go 1.26 `crypto/x509`, `crypto/x509/pkix`.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler.expressions.jmespath.functions.signature import STRING, Function, function
from pratique.compiler.expressions.jmespath.run import Run
from pratique.compiler.quiet import quiet
from pratique.grammar.errors import EvaluationError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_PEM = re.compile(
    r"^-----BEGIN (?P<type>[^\n-]*)-----[ \t]*\r?\n"
    r"(?:(?:[^\n:-]+:[^\n]*\n)+\r?\n)?"
    r"(?P<body>[A-Za-z0-9+/=\s]*?)\r?\n?-----END (?P=type)-----",
    re.MULTILINE,
)
_MAX_PEM: Final = 128 * 1024
_RSA: Final = 1
_EXTENSION_REQUEST: Final = "1.2.840.113549.1.9.14"
_KEY_USAGES: Final = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip
_EXTENDED_USAGES: Final = (
    "2.5.29.37.0", "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.3", "1.3.6.1.5.5.7.3.4",
    "1.3.6.1.5.5.7.3.5", "1.3.6.1.5.5.7.3.6", "1.3.6.1.5.5.7.3.7", "1.3.6.1.5.5.7.3.8", "1.3.6.1.5.5.7.3.9",
    "1.3.6.1.4.1.311.10.3.3", "2.16.840.1.113730.4.1", "1.3.6.1.4.1.311.2.1.22", "1.3.6.1.4.1.311.61.1.1",
)  # fmt: skip
_SIGNATURES: Final = {
    "1.2.840.113549.1.1.2": 1, "1.2.840.113549.1.1.4": 2, "1.2.840.113549.1.1.5": 3, "1.3.14.3.2.29": 3,
    "1.2.840.113549.1.1.11": 4, "1.2.840.113549.1.1.12": 5, "1.2.840.113549.1.1.13": 6,
    "1.2.840.10040.4.3": 7, "2.16.840.1.101.3.4.3.2": 8, "1.2.840.10045.4.1": 9, "1.2.840.10045.4.3.2": 10,
    "1.2.840.10045.4.3.3": 11, "1.2.840.10045.4.3.4": 12, "1.3.101.112": 16,
}  # fmt: skip
_PSS: Final = {"sha256": 13, "sha384": 14, "sha512": 15}
_NAME_FIELDS: Final = {
    "2.5.4.6": "Country", "2.5.4.10": "Organization", "2.5.4.11": "OrganizationalUnit", "2.5.4.7": "Locality",
    "2.5.4.8": "Province", "2.5.4.9": "StreetAddress", "2.5.4.17": "PostalCode",
}  # fmt: skip
_SINGLE_NAME_FIELDS: Final = {"2.5.4.5": "SerialNumber", "2.5.4.3": "CommonName"}


def decode_certificate(run: Run, text: str) -> dict[str, Any]:
    """Return the first certificate or certificate request of a PEM text, with the names of Go's fields.

    Raises:
        EvaluationError: there is none that can be read.
    """
    kind, data = _first_block(text)
    run.charge(16 * len(data))
    if kind not in ("CERTIFICATE", "CERTIFICATE REQUEST"):
        raise _bad("PEM block neither contains a CERTIFICATE or CERTIFICATE REQUEST")
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        with quiet():
            if kind == "CERTIFICATE":
                return _certificate(x509.load_der_x509_certificate(data))
            return _request(x509.load_der_x509_csr(data))
    except (
        ValueError,
        TypeError,
        UnsupportedAlgorithm,
        x509.InvalidVersion,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ) as error:
        raise _bad(f"x509: malformed {kind.lower()}") from error


def _bad(message: str) -> EvaluationError:
    return EvaluationError("invalid-argument", message)


def _first_block(text: str) -> tuple[str, bytes]:
    match = _PEM.search(text) if len(text) <= _MAX_PEM else None
    if match is None:
        raise _bad("failed to decode PEM block")
    try:
        return match["type"], base64.b64decode("".join(match["body"].split()), validate=True)
    except binascii.Error as error:
        raise _bad("failed to decode PEM block") from error


def _certificate(certificate: x509.Certificate) -> dict[str, Any]:
    from cryptography.hazmat.primitives.serialization import Encoding

    if certificate.serial_number < 0:
        raise _bad("x509: negative serial number")
    extensions = _Extensions(certificate.extensions)
    tbs = certificate.tbs_certificate_bytes
    fields = {
        "Raw": _base64(certificate.public_bytes(Encoding.DER)),
        "RawTBSCertificate": _base64(tbs),
        "RawIssuer": _base64(certificate.issuer.public_bytes()),
        "SerialNumber": float(certificate.serial_number),
        "Version": float(certificate.version.value + 1),
        "Issuer": _name(certificate.issuer),
        "NotBefore": certificate.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "NotAfter": certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return fields | _common(certificate) | extensions.names() | extensions.constraints()


def _request(request: x509.CertificateSigningRequest) -> dict[str, Any]:
    from cryptography.hazmat.primitives.serialization import Encoding

    extensions = _Extensions(request.extensions)
    fields = {
        "Raw": _base64(request.public_bytes(Encoding.DER)),
        "RawTBSCertificateRequest": _base64(request.tbs_certrequest_bytes),
        "Version": 0.0,
        "Attributes": _attributes(request),
    }
    return fields | _common(request) | extensions.names()


def _attributes(request: x509.CertificateSigningRequest) -> list[Any] | None:
    """Return what Go makes of a request's attributes: its extensions as identifiers and values.

    Of a critical extension Go reads the flag in the place of the value.
    """
    if not any(attribute.oid.dotted_string == _EXTENSION_REQUEST for attribute in request.attributes):
        return None
    values = [
        {
            "Type": _identifier(extension.oid.dotted_string),
            "Value": True if extension.critical else _base64(_raw(extension)),
        }
        for extension in request.extensions
    ]
    return [{"Type": _identifier(_EXTENSION_REQUEST), "Value": [values]}]


def _common(holder: x509.Certificate | x509.CertificateSigningRequest) -> dict[str, Any]:
    """Return the fields that certificates and requests share."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = holder.public_key()
    if not isinstance(key, RSAPublicKey):
        raise _bad("certificate should use rsa algorithm")
    return {
        "RawSubjectPublicKeyInfo": _base64(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
        "RawSubject": _base64(holder.subject.public_bytes()),
        "Subject": _name(holder.subject),
        "Signature": _base64(holder.signature),
        "SignatureAlgorithm": float(_signature_algorithm(holder)),
        "PublicKeyAlgorithm": float(_RSA),
        "PublicKey": _public_key(key),
        "Extensions": [
            {
                "Id": _identifier(extension.oid.dotted_string),
                "Critical": extension.critical,
                "Value": _base64(_raw(extension)),
            }
            for extension in holder.extensions
        ]
        or None,
        "ExtraExtensions": None,
    }


def _public_key(key: RSAPublicKey) -> dict[str, Any]:
    numbers = key.public_numbers()
    return {"N": str(numbers.n), "E": float(numbers.e)}


def _signature_algorithm(holder: x509.Certificate | x509.CertificateSigningRequest) -> int:
    identifier = holder.signature_algorithm_oid.dotted_string
    if identifier == "1.2.840.113549.1.1.10":
        algorithm = holder.signature_hash_algorithm
        return _PSS.get(algorithm.name, 0) if algorithm else 0
    return _SIGNATURES.get(identifier, 0)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _identifier(dotted: str) -> list[float]:
    return [float(number) for number in dotted.split(".")]


def _name(name: x509.Name) -> dict[str, Any]:
    fields: dict[str, Any] = dict.fromkeys(_NAME_FIELDS.values())
    fields |= dict.fromkeys(_SINGLE_NAME_FIELDS.values(), "")
    names = []
    for attribute in name:
        identifier = attribute.oid.dotted_string
        value = attribute.value if isinstance(attribute.value, str) else _base64(attribute.value)
        names.append({"Type": _identifier(identifier), "Value": value})
        if identifier in _NAME_FIELDS:
            field = _NAME_FIELDS[identifier]
            fields[field] = [*(fields[field] or []), value]
        elif identifier in _SINGLE_NAME_FIELDS:
            fields[_SINGLE_NAME_FIELDS[identifier]] = value
    return fields | {"Names": names or None, "ExtraNames": None}


def _raw(extension: x509.Extension[Any]) -> bytes:
    value: bytes = extension.value.public_bytes()
    return value


class _Extensions:
    """The fields that Go fills from extensions."""

    def __init__(self, extensions: x509.Extensions) -> None:
        self._by_identifier: dict[str, x509.Extension[Any]] = {
            extension.oid.dotted_string: extension for extension in extensions
        }

    def _value(self, identifier: str) -> Any:
        extension = self._by_identifier.get(identifier)
        return extension.value if extension else None

    def names(self) -> dict[str, Any]:
        """Return the subject's alternative names by kind; null where there is none of a kind."""
        from cryptography import x509

        value = self._value("2.5.29.17") or ()
        return {
            "DNSNames": [name.value for name in value if isinstance(name, x509.DNSName)] or None,
            "EmailAddresses": [name.value for name in value if isinstance(name, x509.RFC822Name)] or None,
            "IPAddresses": [str(name.value) for name in value if isinstance(name, x509.IPAddress)] or None,
            "URIs": [_url(name.value) for name in value if isinstance(name, x509.UniformResourceIdentifier)]
            or None,
        }

    def constraints(self) -> dict[str, Any]:
        """Return what a certificate's other extensions say."""
        basic = self._value("2.5.29.19")
        usage = self._value("2.5.29.15")
        subject_key = self._value("2.5.29.14")
        authority_key = self._value("2.5.29.35")
        path_length = basic.path_length if basic else None
        return {
            "BasicConstraintsValid": basic is not None,
            "IsCA": bool(basic and basic.ca),
            # Go says -1 for "no limit" and 0 for "no such extension".
            "MaxPathLen": float(-1 if path_length is None else path_length) if basic else 0.0,
            "MaxPathLenZero": path_length == 0,
            "KeyUsage": float(_key_usage(usage)) if usage else 0.0,
            "SubjectKeyId": _base64(subject_key.digest) if subject_key else None,
            "AuthorityKeyId": _base64(authority_key.key_identifier)
            if authority_key and authority_key.key_identifier
            else None,
            **self._usages(),
            **self._access(),
            **self._policies(),
            **self._name_constraints(),
            "CRLDistributionPoints": self._distribution_points(),
            "UnhandledCriticalExtensions": self._unhandled(),
        }

    def _usages(self) -> dict[str, Any]:
        known: list[float] = []
        unknown: list[list[float]] = []
        for usage in self._value("2.5.29.37") or ():
            if usage.dotted_string in _EXTENDED_USAGES:
                known.append(float(_EXTENDED_USAGES.index(usage.dotted_string)))
            else:
                unknown.append(_identifier(usage.dotted_string))
        return {"ExtKeyUsage": known or None, "UnknownExtKeyUsage": unknown or None}

    def _access(self) -> dict[str, Any]:
        from cryptography import x509

        found: dict[str, list[str]] = {"1.3.6.1.5.5.7.48.1": [], "1.3.6.1.5.5.7.48.2": []}
        for description in self._value("1.3.6.1.5.5.7.1.1") or ():
            location = description.access_location
            if isinstance(location, x509.UniformResourceIdentifier):
                found.setdefault(description.access_method.dotted_string, []).append(location.value)
        return {
            "OCSPServer": found["1.3.6.1.5.5.7.48.1"] or None,
            "IssuingCertificateURL": found["1.3.6.1.5.5.7.48.2"] or None,
        }

    def _policies(self) -> dict[str, Any]:
        policies = [policy.policy_identifier.dotted_string for policy in self._value("2.5.29.32") or ()]
        inhibit = self._value("2.5.29.54")
        constraints = self._value("2.5.29.36")
        skip_any = inhibit.skip_certs if inhibit else None
        mapping = constraints.inhibit_policy_mapping if constraints else None
        explicit = constraints.require_explicit_policy if constraints else None
        return {
            "PolicyIdentifiers": [_identifier(policy) for policy in policies] or None,
            "Policies": policies or None,
            "InhibitAnyPolicy": float(skip_any or 0),
            "InhibitAnyPolicyZero": skip_any == 0,
            "InhibitPolicyMapping": float(mapping or 0),
            "InhibitPolicyMappingZero": mapping == 0,
            "RequireExplicitPolicy": float(explicit or 0),
            "RequireExplicitPolicyZero": explicit == 0,
            "PolicyMappings": None,
        }

    def _name_constraints(self) -> dict[str, Any]:
        from cryptography import x509

        extension = self._by_identifier.get("2.5.29.30")
        fields: dict[str, Any] = {"PermittedDNSDomainsCritical": bool(extension and extension.critical)}
        kinds: tuple[tuple[str, type[Any]], ...] = (
            ("DNSDomains", x509.DNSName),
            ("IPRanges", x509.IPAddress),
            ("EmailAddresses", x509.RFC822Name),
            ("URIDomains", x509.UniformResourceIdentifier),
        )
        for prefix in ("Permitted", "Excluded"):
            subtrees = getattr(extension.value, f"{prefix.lower()}_subtrees") if extension else None
            for suffix, kind in kinds:
                values = [name.value for name in subtrees or () if isinstance(name, kind)]
                if suffix == "IPRanges":
                    values = [_network(value) for value in values]
                fields[prefix + suffix] = values or None
        return fields

    def _distribution_points(self) -> list[str] | None:
        from cryptography import x509

        return [
            name.value
            for point in self._value("2.5.29.31") or ()
            for name in point.full_name or ()
            if isinstance(name, x509.UniformResourceIdentifier)
        ] or None

    def _unhandled(self) -> list[list[float]] | None:
        from cryptography import x509

        return [
            _identifier(identifier)
            for identifier, extension in self._by_identifier.items()
            if extension.critical and isinstance(extension.value, x509.UnrecognizedExtension)
        ] or None


def _key_usage(usage: x509.KeyUsage) -> int:
    bits = 0
    for index, name in enumerate(_KEY_USAGES):
        if name in ("encipher_only", "decipher_only") and not usage.key_agreement:
            continue
        bits |= bool(getattr(usage, name)) << index
    return bits


def _network(network: Any) -> dict[str, Any]:
    return {"IP": str(network.network_address), "Mask": _base64(network.netmask.packed)}


def _url(text: str) -> dict[str, Any]:
    """Return Go's `url.URL` of a plain URL."""
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(text)
    user, at, host = parts.netloc.rpartition("@")
    opaque = "" if text.startswith(f"{parts.scheme}:/") or not parts.scheme else parts.path
    return {
        "Scheme": parts.scheme,
        "Opaque": opaque,
        "User": {} if at and user else None,
        "Host": host,
        "Path": "" if opaque else unquote(parts.path),
        "RawPath": "",
        "OmitHost": False,
        "ForceQuery": False,
        "RawQuery": parts.query,
        "Fragment": unquote(parts.fragment),
        "RawFragment": "",
    }


FUNCTIONS: Final[tuple[Function, ...]] = (function("x509_decode", (STRING,), "object", decode_certificate),)
