"""Who stands behind a keyless attestor, as far as its subject tells: owner of a repository, domain."""

from __future__ import annotations

import re
from typing import Final

from pratique.compiler import ir

_FORGE: Final = re.compile(r"https?://(?:github\.com|gitlab\.com|bitbucket\.org)/([A-Za-z0-9-]+)/")
_MAIL: Final = re.compile(r"@((?:[A-Za-z0-9-]+\.)+[A-Za-z]+)$")

_SHARED: Final = frozenset(
    {"gmail", "googlemail", "outlook", "hotmail", "icloud", "proton", "gserviceaccount"}
)
"""Domains whose addresses say nothing of an organisation."""


def party(signer: ir.Signer) -> str:
    """Return a name for who an attestor's signers belong to; an empty text where its tests do not tell.

    The owner of a repository and the domain of that name are one party: `github.com/acme` and `acme.example`.
    """
    if not isinstance(signer, ir.IdentitySigner):
        return ""
    found = {_named(test) for test in signer.subject.tests}
    return found.pop() if len(found) == 1 else ""


def _named(test: ir.Exactly | ir.Glob | ir.Search) -> str:
    text = test.text
    if isinstance(test, ir.Search):
        text = text.removeprefix("^").removesuffix("$").replace("\\", "")
    if owner := _FORGE.match(text):
        return owner[1].lower()
    if domain := _MAIL.search(text):
        name = domain[1].lower().split(".")[-2]
        return "" if name in _SHARED else name
    return ""
