"""Types of statements that are in wide use: their URIs, their names in cosign, and the fields they have.

References: SLSA provenance v0.1, v0.2 and v1, verification summary v1; in-toto attestation framework,
`spec/predicates`; cosign 3 `PredicateTypeMap` and its custom and vulnerability predicates; CycloneDX 1.6;
SPDX 2.3 and 3.0; OpenVEX 0.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

PROVENANCE: Final = "provenance"
VULNERABILITIES: Final = "vulnerability report"
MATERIALS: Final = "bill of materials"


@dataclass(frozen=True, slots=True)
class Predicate:
    """A type of statement.

    Attributes:
        uri: its `predicateType`.
        kind: what it is, as a noun.
        fields: names at the top of its content; producers may add others.
        names: what `cosign attest --type` calls it.
    """

    uri: str
    kind: str
    fields: frozenset[str]
    names: tuple[str, ...] = ()


def _of(uri: str, kind: str, fields: str, *names: str) -> Predicate:
    return Predicate(uri, kind, frozenset(fields.split()), names)


PREDICATES: Final = (
    _of("https://slsa.dev/provenance/v0.1", PROVENANCE, "builder recipe metadata materials"),
    _of(
        "https://slsa.dev/provenance/v0.2",
        PROVENANCE,
        "builder buildType invocation buildConfig metadata materials",
        "slsaprovenance",
        "slsaprovenance02",
    ),
    _of("https://slsa.dev/provenance/v1", PROVENANCE, "buildDefinition runDetails", "slsaprovenance1"),
    _of(
        "https://slsa.dev/verification_summary/v1",
        "verification summary",
        "verifier timeVerified resourceUri policy inputAttestations verificationResult verifiedLevels"
        " dependencyLevels slsaVersion",
    ),
    _of(
        "https://cosign.sigstore.dev/attestation/vuln/v1",
        VULNERABILITIES,
        "invocation scanner metadata",
        "vuln",
    ),
    _of("https://in-toto.io/attestation/vulns/v0.1", VULNERABILITIES, "scanner metadata"),
    _of("https://in-toto.io/attestation/vulns/v0.2", VULNERABILITIES, "scanner metadata"),
    _of("https://cosign.sigstore.dev/attestation/v1", "statement", "Data Timestamp", "custom"),
    _of(
        "https://in-toto.io/Link/v1",
        "link",
        "_type name command materials products byproducts environment",
        "link",
    ),
    _of(
        "https://in-toto.io/attestation/test-result/v0.1",
        "test result",
        "result configuration url passedTests warnedTests failedTests",
    ),
    _of(
        "https://spdx.dev/Document",
        MATERIALS,
        "spdxVersion dataLicense SPDXID name documentNamespace externalDocumentRefs comment creationInfo"
        " packages files snippets relationships annotations hasExtractedLicensingInfos documentDescribes"
        " reviewers @context @graph",
        "spdx",
        "spdxjson",
    ),
    _of(
        "https://cyclonedx.org/bom",
        MATERIALS,
        "$schema bomFormat specVersion serialNumber version metadata components services externalReferences"
        " dependencies compositions vulnerabilities annotations formulation declarations definitions"
        " properties signature",
        "cyclonedx",
        "cyclonedxxml",
    ),
    _of(
        "https://openvex.dev/ns",
        "statement on vulnerabilities",
        "@context @id author role timestamp last_updated version tooling statements",
        "openvex",
    ),
)

_WITH_VERSIONS: Final = re.compile(
    r"(https://(?:spdx\.dev/Document|cyclonedx\.org/bom|openvex\.dev/ns))/v\d[\w.]*"
)

_BY_URI: Final = {each.uri: each for each in PREDICATES}


def predicate(uri: str) -> Predicate | None:
    """Return the type that a URI names, be it with the version of its format; None where it is unknown."""
    versioned = _WITH_VERSIONS.fullmatch(uri)
    return _BY_URI.get(versioned[1] if versioned else uri)
