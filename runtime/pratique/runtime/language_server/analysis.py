"""What lint finds in a document together with its neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pratique.compiler import ir
from pratique.compiler.lint.base import Finding, lint
from pratique.compiler.lint.in_cel import analysed
from pratique.compiler.lint.mistakes import as_finding
from pratique.grammar.documents import PolicyDocument
from pratique.grammar.errors import PolicyError
from pratique.grammar.limits import MIB, show_size
from pratique.grammar.source import NO_SPAN, Location
from pratique.runtime.inputs import Inputs
from pratique.runtime.language_server.documents import OpenDocument
from pratique.runtime.language_server.settings import settings_for
from pratique.runtime.policy_files import concerns_policies, policies_of

MAX_CHARACTERS: Final = MIB
"""Of a document that is analysed; a longer one gets a diagnostic that says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What is known about a text.

    Attributes:
        policies: its well-formed policies.
        lowered: what those that make sense lower to.
        mistakes: why it, or policies of it, cannot be read.
        findings: of the lint rules, in this document alone.
        notice: what the user should know besides.
    """

    document: OpenDocument
    policies: tuple[PolicyDocument, ...] = ()
    lowered: tuple[ir.Policy, ...] = ()
    mistakes: tuple[Finding, ...] = ()
    findings: tuple[Finding, ...] = ()
    notice: str = ""


def analyse(document: OpenDocument, neighbours: Mapping[str, tuple[ir.Policy, ...]]) -> Analysis:
    """Return what is found in a document, by the settings of the configuration file that is nearest to it.

    Policies that the document declares itself are not taken from `neighbours` (by name of source) as well:
    there they are older or other versions of it, as the overlays of one base are.
    """
    source = document.source
    if len(source.text) > MAX_CHARACTERS:
        text = f"the document is larger than {show_size(MAX_CHARACTERS)}: it is not analysed"
        too_large = PolicyError("too-large", text, Location(source, NO_SPAN))
        return Analysis(document=document, mistakes=(as_finding(too_large),))
    if not concerns_policies(source.text):
        return Analysis(document=document)
    read = policies_of(Inputs(sources=(source,)), exceptions=True)
    own = {(policy.kind, policy.key) for policy in read.policies.policies}
    together = {
        name: tuple(policy for policy in policies if (policy.kind, policy.key) not in own)
        for name, policies in neighbours.items()
        if name != source.name
    }
    together[source.name] = read.policies.policies
    ordered = [policy for name in sorted(together) for policy in together[name]]
    settings, problem = settings_for(document)
    found = lint(
        analysed(ir.PolicySet(policies=tuple(ordered)), read.cel_exemptions),
        settings.codes,
        documents=read.documents,
        exemptions=read.exemptions,
        unread=(source,) if read.mistakes else (),
        today=datetime.now(UTC).date(),
        releases=settings.target,
    )
    own_findings = [each for each in found if each.location and each.location.source is source]
    return Analysis(
        document=document,
        policies=read.documents,
        lowered=read.policies.policies,
        mistakes=tuple(
            sorted(
                (as_finding(each, read.documents) for each in read.mistakes), key=lambda found: found.order
            )
        ),
        findings=settings.adjusted(own_findings),
        notice=problem,
    )
