"""What the rules ask about keyless signers: whom an attestor accepts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from pratique.compiler import ir, texts
from pratique.compiler.lint.facts import Facts


class Stranger(NamedTuple):
    """Somebody who can sign with the public Sigstore, as everybody can."""

    who: str
    issuer: str
    subject: str


STRANGERS: Final = (
    Stranger(
        "a workflow of any GitHub repository",
        "https://token.actions.githubusercontent.com",
        "https://github.com/attacker/attack/.github/workflows/release.yml@refs/heads/main",
    ),
    Stranger(
        "a pipeline of any GitLab project",
        "https://gitlab.com",
        "https://gitlab.com/attacker/attack//.gitlab-ci.yml@refs/heads/main",
    ),
    Stranger("anybody's Google account", "https://accounts.google.com", "attacker.4711@gmail.com"),
    Stranger("anybody's GitHub account", "https://github.com/login/oauth", "attacker.4711@outlook.com"),
    Stranger("anybody's Microsoft account", "https://login.microsoftonline.com", "attacker.4711@hotmail.com"),
)
"""Issuers of the public Fulcio, each with a subject that anybody can get there.

References: Fulcio `docs/oidc.md` and the issuers of its public instance.
"""


def identity_leaves(facts: Facts) -> Iterator[tuple[ir.Leaf, ir.IdentitySigner]]:
    """Yield the keyless attestors of all declared rules."""
    for leaf in facts.leaves:
        if isinstance(leaf.attestor.signer, ir.IdentitySigner):
            yield leaf, leaf.attestor.signer


def accepts(tests: ir.TextTests, text: str) -> bool:
    """Say whether `text` passes; an expression that does not compile accepts nothing."""
    try:
        return texts.accepts(tests, text)
    except texts.SearchSyntaxError:
        return False
