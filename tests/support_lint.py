"""Linting of short YAML in tests."""

from __future__ import annotations

import json
import re
import textwrap
import tomllib

from pratique.compiler.kyverno.releases import Release, ReleaseRange
from pratique.compiler.lint.base import Finding, lint
from pratique.compiler.lint.inventory import Coverage, Inventory, Use
from pratique.compiler.lint.manual import fenced
from pratique.compiler.lint.mistakes import as_finding
from pratique.compiler.lower import lower, lower_exceptions
from pratique.grammar.documents import read_policies
from pratique.grammar.errors import PolicyError
from pratique.grammar.image_reference import parse_image
from pratique.grammar.source import Location, Source, Span

_HEAD = """\
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: example
spec:
  rules:
  - name: verify
"""
_PODS = """\
match:
  any:
  - resources:
      kinds:
      - Pod
"""
_IMAGES = """\
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  attestors:
  - entries:
    - keyless:
        issuer: https://accounts.google.com
        subject: dev@acme.example
        rekor:
          url: https://rekor.sigstore.dev
"""


_ENTRY = re.compile(r"^- (\{?)(?=\S)", re.MULTILINE)


def policy_text(part: str) -> str:
    """Return a policy around `part`: a whole policy, or the `verifyImages` or `match` of its only rule.

    Entries of `verifyImages` that name no action enforce.
    """
    part = textwrap.dedent(part)
    if part.startswith(("apiVersion:", "{")):
        return part
    part = part + _IMAGES if part.startswith("match:") else _PODS + part
    before, name, entries = part.partition("verifyImages:")
    if "failureAction" not in entries:
        entries = _enforcing(entries)
    return _HEAD + textwrap.indent(before + name + entries, "    ")


def _enforcing(entries: str) -> str:
    if not entries.lstrip().startswith('[{"'):
        action = "failureAction: Enforce"
        return _ENTRY.sub(lambda item: f"- {{{action}, " if item[1] else f"- {action}\n  ", entries)
    found, end = json.JSONDecoder().raw_decode(entries.lstrip())
    made = [{"failureAction": "Enforce", **entry} for entry in found]
    return f" {json.dumps(made)}{entries.lstrip()[end:]}"


def old_action(part: str, action: str = "Enforce", more: str = "") -> str:
    """Return a policy around `part` whose action, in the old way, is that of the whole policy.

    `more` are further lines of its `spec`.
    """
    text = re.sub(r"\"?failureAction\"?: \"?Enforce\"?(\n +|, )", "", policy_text(part))
    return text.replace("spec:\n", f"spec:\n  validationFailureAction: {action}\n{more}")


def findings(part: str, *codes: str) -> list[Finding]:
    """Return what the rules with `codes` (by default all) find in a policy that can be read.

    `part` may hold policy exceptions as further documents, if it starts as a whole policy.
    """
    found, errors = _lint(part, *codes)
    assert not errors, [str(error) for error in errors]
    return found


def reported(
    part: str,
    *codes: str,
    releases: ReleaseRange | None = None,
    inventory: Inventory | None = None,
) -> list[Finding]:
    """Return what `pratique lint` reports of a policy under codes (by default all) of rules.

    Like `findings`, but for policies that cannot be accepted, too: their mistakes are among what is returned.
    """
    found, errors = _lint(part, *codes, releases=releases, inventory=inventory)
    mistakes = [each for each in map(as_finding, errors) if not codes or each.code in codes]
    return [*mistakes, *found]


def of_page(section: str, *codes: str) -> list[Finding]:
    """Return what is reported of the example in a section of a manual page, with its settings and images."""
    settings = tomllib.loads(fenced(section, "toml")).get("lint", {})
    releases = ReleaseRange.parse(settings["target"]) if "target" in settings else None
    listed = fenced(section, "text")
    source = Source("images.txt", listed)
    uses = tuple(
        Use(image=parse_image(line).match_string, location=Location(source, Span.at(number, 1, len(line))))
        for number, line in enumerate(listed.splitlines(), start=1)
    )
    inventory = Inventory(name="images.txt", uses=uses) if uses else None
    return reported(fenced(section, "yaml"), *codes, releases=releases, inventory=inventory)


def _lint(
    part: str,
    *codes: str,
    releases: ReleaseRange | None = None,
    inventory: Inventory | None = None,
) -> tuple[list[Finding], list[PolicyError]]:
    text = policy_text(part)
    if releases and releases.oldest < Release(1, 13) and text != textwrap.dedent(part):
        text = old_action(part)  # those of entries are newer
    file = read_policies(Source("policy.yaml", text))
    assert not file.errors, [str(error) for error in file.errors]
    lowered = lower(file.policies)
    exemptions, errors = lower_exceptions(file.exceptions)
    found = lint(
        lowered.policies,
        codes or None,
        documents=file.policies,
        exemptions=exemptions,
        releases=releases,
        coverage=Coverage(lowered.policies, inventory) if inventory else None,
    )
    return list(found), [*lowered.errors, *errors]


def patterns(*include: str, skip: tuple[str, ...] = (), more: str = "") -> str:
    """Return a `verifyImages` with one entry for these patterns, and further fields."""
    lines = ["verifyImages:", "- imageReferences:", *(f'  - "{text}"' for text in include)]
    if skip:
        lines += ["  skipImageReferences:", *(f'  - "{text}"' for text in skip)]
    return "\n".join(lines) + "\n" + textwrap.indent(textwrap.dedent(more), "  ")


def flagged(code: str, *include: str, skip: tuple[str, ...] = ()) -> list[str]:
    """Return the messages of one rule about these patterns."""
    return [finding.problem.message for finding in findings(patterns(*include, skip=skip), code)]
