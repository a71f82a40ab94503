"""Policies of policy-controller in tests: written in short, read, checked and lowered."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from pratique.compiler import ir
from pratique.compiler.lower import Lowered, lower
from pratique.grammar.documents import read_policies
from pratique.grammar.source import Source

ISSUER = "https://accounts.google.com"
PEM = "-----BEGIN PUBLIC KEY-----\\nx\\n-----END PUBLIC KEY-----\\n"


def keyless(*subjects: str, more: str = "", around: str = "") -> str:
    """Return an authority that accepts any of some people; `more` of keyless, `around` of the authority."""
    found = ", ".join(f"{{issuer: '{ISSUER}', subject: '{subject}'}}" for subject in subjects)
    return f"{{keyless: {{identities: [{found}]{more}}}{around}}}"


def key(name: str = "a", around: str = "") -> str:
    """Return an authority with a key."""
    return f"{{key: {{kms: 'awskms:///alias/{name}'}}{around}}}"


def written(
    *authorities: str,
    images: Sequence[str] = ("ghcr.io/acme/**",),
    more: str = "",
    name: str = "p",
    version: str = "v1beta1",
) -> str:
    """Return the text of a policy."""
    globs = ", ".join(f"{{glob: '{image}'}}" for image in images)
    return (
        f"apiVersion: policy.sigstore.dev/{version}\nkind: ClusterImagePolicy\nmetadata: {{name: {name}}}\n"
        f"spec:\n  images: [{globs}]\n  authorities: [{', '.join(authorities)}]\n{more}"
    )


def lowered(*texts: str) -> Lowered:
    """Return what texts lower to; they must be well-formed."""
    file = read_policies(Source("p.yaml", "\n---\n".join(texts)))
    assert not file.errors, [str(error) for error in file.errors]
    assert len(file.sigstore_policies) + len(file.trust_roots) == len(texts)
    return lower((), sigstore=file.sigstore_policies, trust_roots=file.trust_roots)


def policy(text: str) -> ir.Policy:
    """Return the IR of a policy, which must be acceptable."""
    found = lowered(text)
    assert not found.errors, [str(error) for error in found.errors]
    (only,) = found.policies.policies
    return only


def mistakes(text: str) -> list[tuple[str, str, str]]:
    """Return what is wrong with a policy: place, code and message without the name of the policy."""
    return [
        (
            str(error.location).removeprefix("p.yaml:"),
            error.code,
            error.message.removeprefix("invalid policy p: "),
        )
        for error in lowered(text).errors
    ]


def trust_root(
    *,
    authorities: Sequence[str] = (),
    logs: Sequence[str] = (),
    transparency: Sequence[str] = (),
    timestamps: Sequence[str] = (),
    more: str = "",
) -> str:
    """Return the text of the trust root `r` with PEM texts; with `more` of its specification instead."""

    def listed(name: str, field: str, of: Sequence[str]) -> str:
        encoded = (base64.b64encode(each.encode()).decode() for each in of)
        items = ", ".join(f"{{baseURL: 'https://log.example', {field}: '{each}'}}" for each in encoded)
        if field == "certChain":
            items = items.replace("baseURL", "uri")
        return f"    {name}: [{items}]\n" if items else ""

    keys = (
        listed("certificateAuthorities", "certChain", authorities)
        + listed("tLogs", "publicKey", logs)
        + listed("ctLogs", "publicKey", transparency)
        + listed("timestampAuthorities", "certChain", timestamps)
    )
    return "apiVersion: policy.sigstore.dev/v1alpha1\nkind: TrustRoot\nmetadata: {name: r}\nspec:\n" + (
        more or f"  sigstoreKeys:\n{keys}"
    )
