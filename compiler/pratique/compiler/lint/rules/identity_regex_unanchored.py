r"""A regular expression that is found in a stranger's name as well.

## What it does

Reports `subjectRegExp` and `issuerRegExp` without `^` or `$` where that lets in an identity of somebody else,
and shows it: one with something in front of what the expression spans, or with a longer host, domain or
owner.

## Why

Expressions are searched for, not matched: `https://github\.com/acme` is found in
`https://github.com/acme-evil/app/…`, the workflow of another owner, and `@acme\.example` in the address
`release@acme.example.attacker.example`.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  attestors:
  - entries:
    - keyless:
        issuer: https://token.actions.githubusercontent.com
        subjectRegExp: "https://github\\.com/acme"
        rekor:
          url: https://rekor.sigstore.dev
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  attestors:
  - entries:
    - keyless:
        issuer: https://token.actions.githubusercontent.com
        subjectRegExp: "^https://github\\.com/acme/.+$"
        rekor:
          url: https://rekor.sigstore.dev
```

## Limits

An expression that ends behind a `/`, or that spans all that may follow, needs no `$`. Whether an issuer would
vouch for the shown identity is not looked into; something in front of the expression is a warning only, since
most issuers leave no room for it. Expressions with word boundaries, Unicode classes or the flag `m` are left
alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from pratique.compiler import ir
from pratique.compiler.languages.automata import PLAUSIBLE, Automaton
from pratique.compiler.languages.expressions import (
    Expression,
    both,
    characters,
    chars,
    complement,
    concat,
    either,
    literal,
    one_of,
    optional,
    repeat,
)
from pratique.compiler.languages.references import Universe
from pratique.compiler.languages.regexes import UnsupportedError, read
from pratique.compiler.languages.search import Witness
from pratique.compiler.languages.sets import EVERYTHING
from pratique.compiler.languages.wording import example
from pratique.compiler.lint.base import Basis, Example, Fix, Problem, Severity, rule
from pratique.compiler.lint.edits import affixed, value_of
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.fixes import fix_of
from pratique.compiler.lint.identities import accepts, identity_leaves
from pratique.compiler.lint.places import of_text

MAX_STATES: Final = 2_000
MAX_LENGTH: Final = 4_096
"""Characters of an identity that witnesses have at most."""

_WORD = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_PRINTABLE = chars(characters("".join(map(chr, range(0x21, 0x7F)))))
_NAME = concat(repeat(chars(characters(_WORD + "-._"))), one_of(_WORD))
_HOST = concat(literal("http"), optional(literal("s")), literal("://"), _NAME)
_OWNER = concat(_HOST, one_of("/"), _NAME)
_ADDRESS = concat(_NAME, one_of("@"), _NAME)
_LIKE = "." + PLAUSIBLE.replace(".", "")
"""A `.` of an expression is mostly meant as one."""


@rule("PRQ021", Severity.ERROR, yields_to=("PRQ022", "PRQ025"))
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the expressions that accept somebody whom they do not span."""
    for leaf, signer in identity_leaves(facts):
        for setting, tests in (("subjectRegExp", signer.subject), ("issuerRegExp", signer.issuer)):
            for test in tests.tests:
                if isinstance(test, ir.Search) and (problem := _problem(leaf, setting, tests, test)):
                    yield problem


def _problem(leaf: ir.Leaf, setting: str, tests: ir.TextTests, test: ir.Search) -> Problem | None:
    for severity, missing in ((Severity.ERROR, "$"), (Severity.WARNING, "^")):
        witness = _stranger(test.text, missing)
        if witness and accepts(tests, witness):
            return Problem(
                message=f"`{test.text}` is found in identities of others too, for want of `{missing}`",
                location=of_text(leaf.at.location, test.text),
                label=f"`{missing}` is missing",
                severity=severity,
                basis=Basis.WITNESS,
                examples=(Example("accepted", witness),),
                help=_help(test.text),
                fix=_fix(leaf, setting, test.text),
            )
    return None


@lru_cache(maxsize=1024)  # the same expressions stand in many policies, and in all versions of one
def _stranger(text: str, missing: str) -> str:
    """Return an identity that an expression accepts for want of `^` or `$`; empty where none is found."""
    try:
        found, spanned = read(text)
    except UnsupportedError:
        return ""
    whole = both(spanned, repeat(_PRINTABLE, 1))
    if missing == "$":
        named = concat(optional(_NAME), whole)
        language = either(
            concat(both(named, _OWNER), literal("-evil/app")),
            concat(both(named, either(_HOST, _ADDRESS)), literal(".attacker.example")),
        )
    else:
        language = concat(literal("https://attacker.example/"), whole)
    return _member(both(found, complement(spanned), language))


def _member(language: Expression) -> str:
    """Return a text of a language, or an empty one where none is found in time."""
    automaton = Automaton(language, _LIKE)
    universe = Universe("identities", automaton, automaton, MAX_LENGTH, MAX_LENGTH, _continue)
    answer = example(EVERYTHING, universe, max_states=MAX_STATES)
    return answer.text if isinstance(answer, Witness) else ""


def _continue(text: str) -> tuple[str, ...]:
    """Return pieces that plausibly continue the beginning of an identity, best first."""
    if not text:
        return ("https://attacker.example/", "https://github.com/", "release")
    if text[-1] in "/.@":
        return ("acme", "app", "example", "release", "workflows/release.yml@refs/heads/main")
    return ("-evil/app", ".attacker.example", "@acme.example", "/app", "/.github/", "@refs/heads/main")


def _help(text: str) -> str:
    if not (ends := _ends(text)):
        return "put `^(?:` in front of the expression and `)$` behind it, and check what it spans then"
    return f"write `{ends[0]}{text}{ends[1]}`"


def _ends(text: str) -> tuple[str, str] | None:
    """Return what to put in front of an expression and behind it; None where it has parts of its own."""
    if "|" in text or text.startswith("(?") or set(text) & set("^$") - {text[0], text[-1]}:
        return None
    start = "" if text[0] == "^" else "^[^@]+" if text[0] == "@" else "^"
    end = "" if text[-1] == "$" else "/.+$" if "://" in text and text[-1] not in "*+/" else "$"
    return start, end


def _fix(leaf: ir.Leaf, setting: str, text: str) -> Fix | None:
    """Return the fix that anchors an expression which begins as identities do: it then accepts fewer."""
    is_address = "@" in text and "/" not in text
    if not (ends := _ends(text)) or not (is_address or text.startswith(("http", "^"))):
        return None
    return fix_of(affixed(value_of(leaf.at.location, setting, text), *ends), safe=True)
