"""Attestors and statements of a policy, and the names that expressions call them by.

References: Kyverno 1.19 `api/policies.kyverno.io/v1beta1/imagevalidating_policy.go`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, assert_never

from pratique.compiler import ir
from pratique.compiler.converting.formulas import is_name
from pratique.compiler.converting.identities import ANYTHING, NoSingleTestError, single
from pratique.compiler.converting.model import Difference
from pratique.compiler.kyverno.obligations import DEFAULT_REKOR_URL
from pratique.grammar.source import Location, Span

_WORDS: Final = {
    ir.KeySigner: "key",
    ir.CertificateSigner: "certificate",
    ir.IdentitySigner: "keyless",
    ir.TrustStoreSigner: "notary",
}
_KNOWN: Final = (
    ("provenance", "provenance"),
    ("vuln", "scan"),
    ("spdx", "sbom"),
    ("cyclonedx", "sbom"),
    ("openvex", "vex"),
)
_SOMEBODY: Final = "somebody@else.example"


class Names:
    """Attestors and statements of one document, each under one name, in the order of first use."""

    def __init__(self, attestors: list[ir.Attestor], statements: list[tuple[str, str]]) -> None:
        """Name them.

        Args:
            attestors: all of them, each once.
            statements: types, each with the name that the classic policy gives it, if any.
        """
        self.attestors = dict(_numbered([(each, _WORDS[type(each.signer)]) for each in attestors]))
        self.statements = dict(_numbered([(kind, _statement_name(kind, name)) for kind, name in statements]))


def _numbered(wanted: list[tuple[Any, str]]) -> Iterator[tuple[Any, str]]:
    """Yield things with names of their own: those that several want are numbered."""
    counts: dict[str, int] = {}
    for _, name in wanted:
        counts[name] = counts.get(name, 0) + 1
    used: set[str] = {name for _, name in wanted if counts[name] == 1}
    numbers: dict[str, int] = {}
    for thing, name in wanted:
        chosen = name
        while counts[name] > 1 and (chosen == name or chosen in used):
            numbers[name] = numbers.get(name, 0) + 1
            chosen = f"{name}{numbers[name]}"
        used.add(chosen)
        yield thing, chosen


def _statement_name(kind: str, name: str) -> str:
    if is_name(name):
        return name
    return next((word for mark, word in _KNOWN if mark in kind.lower()), "statement")


class AttestorWriting:
    """Writes attestors; what cannot be said of one is among the differences."""

    def __init__(self) -> None:
        self.differences: list[Difference] = []
        self._at: ir.At = ir.NOWHERE

    def attestor(self, name: str, attestor: ir.Attestor, at: ir.At) -> dict[str, Any]:
        """Return the attestor as it is written."""
        self._at = at
        if attestor.format is ir.SignatureFormat.NOTARY:
            return {"name": name, "notary": self._notary(attestor)}
        written = self._signer(attestor)
        if attestor.repository:
            written["source"] = {"repository": attestor.repository}
        log = _log(attestor.trust)
        if log:
            written["ctlog"] = log
        if attestor.annotations:
            written["annotations"] = dict(attestor.annotations)
            self._overlooked(
                "signed-annotations",
                "Kyverno 1.19 compares `annotations` of an ImageValidatingPolicy with those of the layer that"
                " holds a signature, which nobody signed, and not with the signed ones",
                f"an image with {dict(attestor.annotations)} among the signed claims alone",
                "annotations",
            )
        if attestor.referrers:
            self._differs(
                "oci11-referrers",
                "an ImageValidatingPolicy looks for signatures in cosign's format under tags alone, not among"
                " OCI 1.1 referrers",
                "an image whose signature in cosign's format is a referrer",
            )
        return {"name": name, "cosign": written}

    def _signer(self, attestor: ir.Attestor) -> dict[str, Any]:
        match attestor.signer:
            case ir.KeySigner() as key:
                where = "data" if "-----BEGIN" in key.key else "kms"
                written = {where: key.key}
                if key.hash_algorithm != "sha256":
                    written["hashAlgorithm"] = key.hash_algorithm
                self._variables(key.key)
                return {"key": written}
            case ir.CertificateSigner(certificate=certificate, chain=chain):
                self._variables(certificate, chain)
                parts = (("cert", certificate), ("certChain", chain))
                return {"certificate": {name: {"value": text} for name, text in parts if text}}
            case ir.IdentitySigner() as identity:
                return {"keyless": self._keyless(identity, attestor.trust)}
            case ir.TrustStoreSigner():
                raise AssertionError("Notary's format has its own way")
            case _:
                assert_never(attestor.signer)

    def _keyless(self, identity: ir.IdentitySigner, trust: ir.Trust) -> dict[str, Any]:
        written: dict[str, Any] = {"identities": [dict(self._texts(identity))]}
        if trust.roots:
            written["roots"] = trust.roots
            self._overlooked(
                "own-authorities",
                "Kyverno 1.19 reads `roots` of an ImageValidatingPolicy and then goes by the trust root of"
                " Sigstore",
                "an image signed with a certificate of the authorities in `roots`",
                "roots",
            )
        if identity.extensions:
            written["additionalExtensions"] = dict(identity.extensions)
            name, value = identity.extensions[0]
            self._overlooked(
                "certificate-extensions",
                "Kyverno 1.19 does not look at `additionalExtensions` of an ImageValidatingPolicy",
                f"an image signed by the same identity with a certificate whose {name} is not {value}",
                "additionalExtensions",
            )
        return written

    def _texts(self, identity: ir.IdentitySigner) -> Iterator[tuple[str, str]]:
        for field, tests in (("issuer", identity.issuer), ("subject", identity.subject)):
            self._variables(*(test.text for test in tests.tests))
            try:
                test = single(tests)
            except NoSingleTestError as error:
                self._differs(
                    "two-tests",
                    f"an ImageValidatingPolicy knows one test on the {field}, and here two must both hold",
                    f"an image signed by somebody whose {field} is {error.witness or _SOMEBODY}",
                    is_final=True,
                )
                yield f"{field}RegExp", ANYTHING
            else:
                yield f"{field}RegExp" if test.is_expression else field, test.text

    def _notary(self, attestor: ir.Attestor) -> dict[str, Any]:
        signer = attestor.signer
        assert isinstance(signer, ir.TrustStoreSigner)  # noqa: S101 (the format says so)
        self._variables(signer.certificate, signer.chain)
        if attestor.annotations:
            self._differs(
                "notary-annotations",
                "an ImageValidatingPolicy cannot demand annotations of Notary signatures",
                f"an image whose Notary signature lacks {dict(attestor.annotations)}",
            )
        return {"certs": {"value": joined(signer)}}

    def _variables(self, *texts: str) -> None:
        if any("{{" in text for text in texts):
            self._differs(
                "variables",
                "variables in attestors cannot be converted",
                "two resources that give the variables different values",
                is_final=True,
            )

    def _differs(self, code: str, message: str, witness: str, *, is_final: bool = False) -> None:
        self._add(code, message, witness, is_final=is_final)

    def _overlooked(self, code: str, message: str, witness: str, name: str) -> None:
        place = self._at.location and _setting(self._at.location, name)
        self._add(code, message, witness, place, of_kyverno=True)

    def _add(
        self, code: str, message: str, witness: str, place: Location | None = None, **settings: bool
    ) -> None:
        self.differences.append(
            Difference(
                code=code,
                message=message,
                witness=witness,
                location=place or self._at.location,
                **settings,
            )
        )


def _setting(block: Location, name: str) -> Location | None:
    """Return the place of a setting's name in a block; None where it is not written there."""
    wanted = re.compile(rf"(?<![\w.-]){re.escape(name)}(?=[\"']?[ \t]*:)")
    start, end = block.span
    for number in range(start.line, end.line + 1):
        found = wanted.search(block.source.line(number))
        if found:
            return Location(block.source, Span.at(number, found.start() + 1, len(name)))
    return None


def joined(signer: ir.TrustStoreSigner) -> str:
    """Return all certificates of a trust store, each of which is trusted by itself."""
    return "\n".join(text.strip("\n") for text in (signer.certificate, signer.chain) if text) + "\n"


def _log(trust: ir.Trust) -> dict[str, Any]:
    """Return the settings of logs; without an address none would count that the log must know of."""
    texts = {
        "rekorPubKey": trust.log.public_keys,
        "ctLogPubKey": trust.sct.public_keys,
        "tsaCertChain": trust.timestamp_chain,
    }
    flags = {"insecureIgnoreTlog": not trust.log.required, "insecureIgnoreSCT": not trust.sct.required}
    written: dict[str, Any] = {name: text for name, text in texts.items() if text}
    written |= {name: True for name, is_set in flags.items() if is_set}
    url = trust.log.url or (DEFAULT_REKOR_URL if written and trust.log.required else "")
    return {"url": url, **written} if url else written


def statement(name: str, kind: str, *, is_referrer: bool) -> dict[str, Any]:
    """Return a signed statement as it is declared."""
    return {"name": name, "referrer" if is_referrer else "intoto": {"type": kind}}
