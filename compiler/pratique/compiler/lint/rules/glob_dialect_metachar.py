r"""A character that other pattern languages give a meaning to, and this one does not.

## What it does

Reports `{a,b}`, `[abc]`, `(a|b)`, `.*`, `\`, `^`, `$`, `+`, `!` and the like where they keep an image pattern
from matching anything, and `**`, which means no more than `*`.

## Why

In `imageReferences` only `*` (any run of characters, `/` included) and `?` (any one character) are special.
All else stands for itself, and image references hold none of those characters. `**` works, but whoever writes
it expects a single `*` to stop at `/`, which it does not.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/{acme,platform}/*"
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  - "ghcr.io/platform/*"
```

## Limits

A pattern that matches images in spite of such characters is left alone: brackets belong to IPv6 registries,
and `registry.*` may be meant as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, product
from typing import Final

from pratique.compiler import ir
from pratique.compiler.lint.base import Basis, Example, Problem, Severity, rule
from pratique.compiler.lint.edits import replaced_item, rewritten
from pratique.compiler.lint.facts import Facts, Site
from pratique.compiler.lint.fixes import fix_of
from pratique.compiler.lint.wording import quoted

MAX_ALTERNATIVES: Final = 8
"""Patterns that a help text spells out."""

_FOREIGN = re.compile(r"[{}()|^$+!\\\[\]]|\.\*")
_ALTERNATIVES = re.compile(r"\{([^{}]*)\}|\(\??:?([^()]*)\)")


@rule("PRQ009", Severity.ERROR)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the patterns that are written in another language."""
    for site in facts.classic_sites:
        for pattern in (*site.include, *site.skip):
            foreign = _FOREIGN.search(pattern.text)
            if foreign and facts.is_dead(pattern):
                yield _dead(pattern, foreign.group(), site, facts)
            elif "**" in pattern.text:
                yield _doubled(pattern)


def _dead(pattern: ir.ImagePattern, foreign: str, site: Site, facts: Facts) -> Problem:
    text = pattern.text
    better = [candidate for candidate in _spelled_out(text) if facts.example(candidate)]
    return Problem(
        message=f"`{text}` can match no image: `{foreign}` has no special meaning here,"
        " and no image reference holds it in this place",
        location=pattern.at.location,
        label=f"`{foreign}` stands for itself",
        examples=(Example("would then match", facts.example(better[0])),) if better else (),
        help=f"write {quoted(better)}"
        if better
        else "only `*` and `?` are special; write a pattern for each case",
        fix=fix_of(*replaced_item(pattern.at.location, better), safe=pattern in site.include),
    )


def _doubled(pattern: ir.ImagePattern) -> Problem:
    text = pattern.text
    single = re.sub(r"\*\*+", "*", text)
    crosses = ", and here each `*` crosses `/` as well" if "*" in re.sub(r"\*\*+", "", text) else ""
    return Problem(
        message=f"`**` in `{text}` means no more than `*`, which crosses `/` already{crosses}",
        location=pattern.at.location,
        label="same as `*`",
        severity=Severity.WARNING,
        basis=Basis.PROVED,
        help=f"write `{single}`",
        fix=fix_of(rewritten(pattern.at.location, single), safe=True),
    )


def _spelled_out(text: str) -> list[str]:
    """Return patterns of this language that the author may have meant."""
    plain = text.removeprefix("^").removesuffix("$").replace(".*", "*").replace("\\", "")
    pieces: list[list[str]] = []
    end = 0
    for found in _ALTERNATIVES.finditer(plain):
        braces, group = found.groups()
        pieces.append([plain[end : found.start()]])
        pieces.append(braces.split(",") if braces is not None else group.split("|"))
        end = found.end()
    pieces.append([plain[end:]])
    spelled = ["".join(choice) for choice in islice(product(*pieces), MAX_ALTERNATIVES + 1)]
    return spelled if len(spelled) <= MAX_ALTERNATIVES else []
