"""One run of `pratique lint`: files -> policies -> findings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final

from pratique.compiler.lint import base, in_cel
from pratique.compiler.lint.inventory import Coverage, Inventory
from pratique.compiler.lint.mistakes import as_finding
from pratique.grammar.documents import OtherDocument
from pratique.grammar.errors import PolicyError
from pratique.runtime.configuration.lint_settings import LintSettings
from pratique.runtime.inputs import Inputs, read_inputs
from pratique.runtime.outputs.findings import LintReport
from pratique.runtime.policy_files import concerns_policies, ignored, policies_of

DEFAULTS: Final = LintSettings()
"""What counts where nothing is said."""

MAX_NOTICES: Final = 5
"""Documents without a policy up to which each is named."""


def lint(
    paths: Sequence[str],
    settings: LintSettings = DEFAULTS,
    *,
    inventory: Inventory | None = None,
    only_policies: bool = False,
    stdin: Callable[[], bytes] | None = None,
    today: date | None = None,
) -> LintReport:
    """Return what the rules find in files, folders, globs or (for `-`) standard input.

    Policies with mistakes are left out and reported as such; the others are linted all the same.

    Args:
        paths: what the user named.
        settings: which rules are asked, and what is reported.
        inventory: the images that there are, where these are known.
        only_policies: leave files alone that hold no policy, whatever is wrong with them; there need be none.
        stdin: returns the bytes of standard input; the process's own by default.
        today: the day of the run, for ignores that end; by default today (UTC).
    """
    inputs = read_inputs(paths, stdin)
    if only_policies:
        inputs, paths = with_policies(inputs), ()
    return report(inputs, settings, inventory=inventory, today=today, named=paths)


def with_policies(inputs: Inputs) -> Inputs:
    """Return the texts that may hold policies; nothing is said of the others."""
    kept = tuple(source for source in inputs.sources if concerns_policies(source.text))
    return replace(inputs, sources=kept, notices=())


def report(
    inputs: Inputs,
    settings: LintSettings = DEFAULTS,
    *,
    inventory: Inventory | None = None,
    today: date | None = None,
    named: Sequence[str] = (),
) -> LintReport:
    """Return what the rules find in texts that were read already; else as `lint`.

    Where the user `named` files, there must be a policy among them.
    """
    read = policies_of(inputs, exceptions=True)
    mistakes = list(read.mistakes)
    if named and read.is_empty and not read.exempting and not mistakes:
        mistakes.append(PolicyError("no-policy", f"there is no policy in {', '.join(named)}"))
    notices = [*read.notices, *_ignored(read.others)]
    policies = read.policies.policies
    unread = {mistake.location.source for mistake in mistakes if mistake.location}
    coverage = Coverage(in_cel.covering(read.policies), inventory) if inventory else None
    found = base.lint(
        in_cel.analysed(read.policies, read.cel_exemptions),
        settings.codes,
        documents=read.documents,
        exemptions=read.exemptions,
        unread=unread,
        today=today or datetime.now(UTC).date(),
        releases=settings.target,
        coverage=coverage,
    )
    return LintReport(
        findings=settings.adjusted(found),
        mistakes=tuple(
            sorted((as_finding(each, read.documents) for each in mistakes), key=lambda found: found.order)
        ),
        policies=len(policies),
        rules=sum(not rule.generated_from for policy in policies for rule in policy.rules),
        notices=tuple(notices),
        coverage=coverage,
    )


def _ignored(others: Sequence[OtherDocument]) -> list[str]:
    if len(others) > MAX_NOTICES:
        return [f"{len(others)} documents are no policies; the first: {ignored(others[0])}"]
    return list(map(ignored, others))
