"""A comment that silences nothing.

## What it does

Reports `# pratique: ignore[...]` comments that give no reason, name no rule or a rule that there is not, or
silence nothing on the lines they speak about.

## Why

An ignore without a reason cannot be reviewed, so it does not count: the finding stays. One that silences
nothing is left over from a mistake that was mended, and would hide the next one.

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
and `ignore-file` about the whole file. Rules that were not asked leave their comments alone, as do files with
policies that cannot be read. These findings cannot be silenced by a comment.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler.lint.base import Problem, Severity, catalogue, rule
from pratique.compiler.lint.directives import Directive
from pratique.compiler.lint.facts import Facts


@rule("PRQ044", Severity.INFO, last=True)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the comments that lack something, and those that silence nothing."""
    known = {each.code.lower(): each.code for each in catalogue()}
    known |= {each.name: each.code for each in catalogue()}
    for directive in facts.directives:
        if directive.location.source in facts.unread:
            continue
        if not directive.names:
            yield _problem(directive, "this comment names no rule to ignore", "name it: `ignore[PRQ001]`")
        elif not directive.reason:
            yield _problem(
                directive, "this comment gives no reason, and silences nothing", "write why behind the `]`"
            )
        for name in directive.names:
            code = known.get(name.lower())
            if code is None:
                yield _problem(
                    directive, f"there is no rule `{name}` to ignore", "`pratique rule` lists the rules"
                )
            elif directive.reason and code in facts.asked and not _is_used(facts, directive, name):
                yield _problem(directive, f"there is nothing of `{name}` to ignore here", "remove it")


def _is_used(facts: Facts, directive: Directive, name: str) -> bool:
    return any(directive.covers(finding, name) for finding in facts.findings)


def _problem(directive: Directive, message: str, remedy: str) -> Problem:
    return Problem(message=message, location=directive.location, help=remedy)
