r"""A regular expression where a pattern with `*` is read, or such a pattern where an expression is.

## What it does

Reports patterns (`subject`, `issuer`, `additionalExtensions`, and `names` and `namespaces` of `match`,
`exclude` and policy exceptions) that are written as regular expressions, and expressions (`subjectRegExp`,
`issuerRegExp`) that are written as patterns, with a text that is refused although it was meant, or accepted
although it was not.

## Why

In a pattern `.` is a dot and `*` is any text: `.*@acme\.example` matches no address. In an expression `*`
repeats the character before it: `https://github.com/acme/*` spans slashes only, and since expressions are
searched for, it is found in `https://github.com/acme-evil/…`.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  attestors:
  - entries:
    - keyless:
        issuer: https://accounts.google.com
        subject: ".*@acme.example"
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
        issuer: https://accounts.google.com
        subject: "*@acme.example"
        rekor:
          url: https://rekor.sigstore.dev
```

## Limits

What a text was meant as is read off its shape: `v1.*` and `release.*` are taken for good patterns. Image
patterns are left to `glob-dialect-metachar`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from pratique.compiler import ir
from pratique.compiler.analysis import identities
from pratique.compiler.languages.expressions import both
from pratique.compiler.languages.regexes import UnsupportedError, read
from pratique.compiler.languages.search import Witness
from pratique.compiler.lint.base import Basis, Example, Problem, Severity, rule
from pratique.compiler.lint.dialects import as_glob, as_regex, filled, glob_mark, glob_of, regex_mark
from pratique.compiler.lint.edits import rewritten, value_of
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.fixes import fix_of
from pratique.compiler.lint.identities import accepts, identity_leaves
from pratique.compiler.lint.places import of_text
from pratique.grammar import wildcard

MAX_STATES: Final = 2_000

_NO_NAME: Final = re.compile(r"[\\^$+|()\[\]{}]")
_NO_NAMESPACE: Final = re.compile(r"[.\\^$+|()\[\]{}]")


@rule("PRQ025", Severity.WARNING)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the patterns and expressions that are written in the other language."""
    for leaf, signer in identity_leaves(facts):
        for name, tests in (("subject", signer.subject), ("issuer", signer.issuer)):
            for test in tests.tests:
                if isinstance(test, ir.Glob) and (problem := _as_pattern(leaf, name, test.text)):
                    yield problem
                if isinstance(test, ir.Search) and (problem := _as_expression(leaf, name, tests, test.text)):
                    yield problem
        for name, glob in signer.extensions:
            if problem := _as_pattern(leaf, name, glob):
                yield problem
    yield from _of_resources(facts)


# --- identities ----------------------------------------------------------------------------------------


def _as_pattern(leaf: ir.Leaf, setting: str, text: str) -> Problem | None:
    """Return what is wrong with a pattern that is written as an expression."""
    mark = regex_mark(text)
    meant = as_glob(text) if mark else ""
    refused = _refused(text, meant) if mark else ""
    if not refused:
        return None
    place = value_of(leaf.at.location, setting, text)
    expression = f"`{setting}RegExp`" if setting in ("subject", "issuer") else "an expression elsewhere"
    return Problem(
        message=f"`{setting}` is a pattern, not a regular expression: `{mark}` in `{text}` stands for itself",
        location=of_text(leaf.at.location, text),
        label="is read as a pattern",
        basis=Basis.WITNESS,
        examples=(Example("refused", refused),),
        help=f"write `{meant}`" if meant else f"use {expression}, with `^` and `$`",
        fix=fix_of(rewritten(place, meant), safe=False) if meant else None,
    )


@lru_cache(maxsize=1024)
def _refused(text: str, meant: str) -> str:
    """Return a text that the expression `text` spans, and that it does not match as a pattern."""
    for example in filled(meant):
        if meant and not wildcard.matches(text, example):
            return example
    try:
        spanned = read(text).spanned
        matched = identities.language(ir.TextTests(tests=(ir.Glob(text=text),)))
    except UnsupportedError:
        return ""
    answer = identities.example(both(spanned, identities.outside(matched)), max_states=MAX_STATES)
    return answer.text if isinstance(answer, Witness) else ""


def _as_expression(leaf: ir.Leaf, setting: str, tests: ir.TextTests, text: str) -> Problem | None:
    """Return what is wrong with an expression that is written as a pattern."""
    mark = glob_mark(text)
    if not mark:
        return None
    glob, better = glob_of(text), as_regex(text)
    refused = [example for example in filled(glob) if not accepts(tests, example)]
    strangers = (example for example in _strangers(glob) if not wildcard.matches(glob, example))
    accepted = [example for example in strangers if accepts(tests, example)]
    if not better or not (refused or accepted):
        return None
    place = value_of(leaf.at.location, f"{setting}RegExp", text)
    what = "`*` repeats the character before it" if len(mark) > 1 else "`*` has nothing to repeat"
    return Problem(
        message=f"`{setting}RegExp` is a regular expression, not a pattern: in `{text}`, {what}",
        location=of_text(leaf.at.location, text),
        label="is read as an expression",
        severity=Severity.ERROR if accepted else Severity.WARNING,
        basis=Basis.WITNESS,
        examples=(
            *(Example("accepted", example) for example in accepted[:1]),
            *(Example("refused", example) for example in refused[:1]),
        ),
        help=f"write `{better}`",
        fix=fix_of(rewritten(place, better), safe=False),
    )


def _strangers(glob: str) -> Iterator[str]:
    """Yield identities that begin as a pattern does, and that it does not match."""
    start = glob.partition("*")[0].rstrip("/")
    for end in ("-evil/app/.github/workflows/release.yml@refs/heads/main", ".attacker.example"):
        yield f"{start}{end}"
        yield f"{glob.replace('*', 'release')}{end}"
        yield f"{start[:-1]}{end}"  # for the last letter may be repeated no time at all


# --- resources -----------------------------------------------------------------------------------------


def _of_resources(facts: Facts) -> Iterator[Problem]:
    for policy in facts.policies.policies:
        for each in policy.rules:
            if not each.generated_from:
                yield from _of_selection(each.resources.match)
                if each.resources.exclude:
                    yield from _of_selection(each.resources.exclude)
    for exemption in facts.exemptions:
        yield from _of_selection(exemption.resources)


def _of_selection(selection: ir.Selection) -> Iterator[Problem]:
    for part in selection.filters:
        for what, texts, impossible in (
            ("name", part.names, _NO_NAME),
            ("namespace", part.namespaces, _NO_NAMESPACE),
        ):
            for text in texts:
                mark = impossible.search(text)
                if mark and "{{" not in text:
                    meant = as_glob(text)
                    yield Problem(
                        message=f"`{text}` is a pattern, not a regular expression, and no {what} holds"
                        f" `{mark.group()}`: it matches nothing",
                        location=of_text(part.at.location, text),
                        label=f"matches no {what}",
                        help=f"write `{meant}`" if meant else "only `*` and `?` are special",
                    )
