"""Policies of policy-controller in tests: written in short, read, checked and lowered."""

from __future__ import annotations

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
    assert len(file.sigstore_policies) == len(texts)
    return lower((), sigstore=file.sigstore_policies)


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
