"""A comment or an annotation that silences nothing.

## What it does

Reports `# pratique: ignore[...]` comments and `pratique.dev/ignore.CODE` annotations that give no reason,
name no rule or a rule that there is not, have ended, or silence nothing where they speak.

## Why

An ignore without a reason cannot be reviewed, so it does not count: the finding stays. One that silences
nothing is left over from a mistake that was mended, and would hide the next one. One that has ended says that
it is time to look again.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*" # pratique: ignore[PRQ001] the mirror is empty for now
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "registry.k8s.io/" # pratique: ignore[PRQ001] shown in the talk as it was
```

## Limits

A comment at the end of a line speaks about that line, one on its own line about the next line with content,
and `ignore-file` about the whole file; an annotation speaks about its policy. A reason that begins or ends
with `until 2027-01-31` holds up to that day (UTC). Rules that were not asked leave their ignores alone, as do
files with policies that cannot be read. These findings cannot be silenced by either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pratique.compiler.lint.base import Edit, Problem, Severity, catalogue, rule
from pratique.compiler.lint.directives import Directive
from pratique.compiler.lint.edits import removed_comment, removed_lines
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.fixes import fix_of

_NAMES = re.compile(r"(?<=ignore\[)[^\]]*|(?<=ignore-file\[)[^\]]*")


@rule("PRQ044", Severity.INFO, last=True)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the directives that lack something, and those that silence nothing."""
    known = {each.code.lower(): each.code for each in catalogue()}
    known |= {each.name: each.code for each in catalogue()}
    for directive in facts.directives:
        if directive.location.source in facts.unread:
            continue
        yield from _incomplete(directive)
        for name in directive.names:
            code = known.get(name.lower())
            if code is None:
                message, remedy = f"there is no rule `{name}` to ignore", "`pratique rule` lists the rules"
                yield _problem(directive, message, remedy)
            elif directive.reason and not directive.problem and code in facts.asked:
                yield from _without_effect(directive, name, facts)


def _incomplete(directive: Directive) -> Iterator[Problem]:
    what = _what(directive)
    if not directive.names:
        yield _problem(directive, f"{what} names no rule to ignore", "name it: `ignore[PRQ001]`")
    elif not directive.reason:
        where = "as its value" if directive.is_annotation else "behind the `]`"
        yield _problem(directive, f"{what} gives no reason, and silences nothing", f"write why {where}")
    if directive.problem:
        yield _problem(
            directive, f"{what} silences nothing: {directive.problem}", "write a day such as `2027-01-31`"
        )


def _without_effect(directive: Directive, name: str, facts: Facts) -> Iterator[Problem]:
    if not any(directive.covers(finding, name) for finding in facts.findings):
        yield _problem(directive, f"there is nothing of `{name}` to ignore here", "remove it", unused=name)
    elif directive.has_ended(facts.today):
        yield _problem(
            directive,
            f"{_what(directive)} held until {directive.until}, and silences `{name}` no longer",
            "mend what it was about, or give it a later day",
        )


def _what(directive: Directive) -> str:
    return "this annotation" if directive.is_annotation else "this comment"


def _problem(directive: Directive, message: str, remedy: str, *, unused: str = "") -> Problem:
    return Problem(
        message=message,
        location=directive.location,
        help=remedy,
        fix=fix_of(_removal(directive, unused), safe=True) if unused else None,
    )


def _removal(directive: Directive, name: str) -> Edit | None:
    """Return the edit that takes a name, or the whole directive where it has no other."""
    place = directive.location
    if directive.is_annotation:
        return removed_lines(place)
    if len(directive.names) == 1:
        return removed_comment(place)
    start, end = place.span
    comment = place.source.line(start.line)[start.column - 1 : end.column - 1]
    others = ", ".join(other for other in directive.names if other != name)
    return Edit(place, _NAMES.sub(lambda _: others, comment, count=1))
