"""A classic policy about images to new documents: one for entries that choose the same resources and images.

Entries with the same scope, images and settings share a document, each with validations of its own; all
others get documents of their own. The only document of a policy keeps its name, others add that of the rule.
"""

from __future__ import annotations

import re
from typing import Any, Final

from pratique.compiler import ir
from pratique.compiler.converting.constraints import Scopes, Scoping
from pratique.compiler.converting.documents import Group, Notes, Writing, format_of
from pratique.compiler.converting.model import Caveat, Conversion, declared
from pratique.grammar.documents import PolicyDocument

MAX_NAME: Final = 253


def convert(document: PolicyDocument, policy: ir.Policy) -> Conversion | None:
    """Return what becomes of a policy; None where none of its rules is about images.

    Args:
        document: the policy as it was read.
        policy: the same, lowered.
    """
    if not any(rule.requirements for rule in policy.rules):
        return None
    return _Policy(document, policy).conversion()


class _Policy:
    def __init__(self, document: PolicyDocument, policy: ir.Policy) -> None:
        self._document = document
        self._policy = policy
        self._notes = Notes(document, policy)

    def conversion(self) -> Conversion:
        groups = self._groups()
        self._whole_policy()
        drafts = []
        names: set[str] = set()
        for group in groups:
            name = _name(self._policy.name, group.rule.name if len(groups) > 1 else "", names)
            drafts.append(Writing(self._notes, group, name).draft())
        return Conversion(
            document=self._document,
            policy=self._policy,
            drafts=tuple(drafts),
            differences=tuple(dict.fromkeys(self._notes.differences)),
            caveats=tuple(caveat for caveat in Caveat if caveat in self._notes.caveats),
        )

    # --- rules -----------------------------------------------------------------------------------------

    def _groups(self) -> list[Group]:
        found: dict[str, Group] = {}
        written = [each.name for each in self._document.model.spec.rules]
        for rule in declared(self._policy):
            number = written.index(rule.name)
            if not rule.requirements:
                self._notes.differs(
                    "other-rules",
                    f"rule {rule.name} is not about images and is not converted",
                    f"any resource that rule {rule.name} is about",
                    *("spec", "rules", number, "name"),
                )
                continue
            for scoping in self._scopings(rule, number):
                for entry in rule.requirements:
                    key = repr((scoping, rule.preconditions, rule.action, _settings(rule, entry)))
                    group = found.setdefault(key, Group(rule, number, scoping, entry))
                    group.entries.append((number, entry))
        return list(found.values())

    def _scopings(self, rule: ir.Rule, number: int) -> list[Scoping]:
        generated = [each for each in self._policy.rules if each.generated_from == rule.name]
        scopes = Scopes(rule, generated)
        found = scopes.scopes()
        self._notes.add(*scopes.differences)
        self._notes.notice(*scopes.caveats, Caveat.HOSTS)
        route = ("spec", "rules", number)
        if not found and not rule.extractors:
            kinds = ", ".join(k.kind for f in rule.resources.match.filters for k in f.kinds) or "nothing"
            self._notes.differs(
                "kinds",
                "an ImageValidatingPolicy finds images in Pods and their controllers alone",
                f"a resource of the kinds that the rule names: {kinds}",
                *(*route, "match"),
                is_final=True,
            )
        if rule.extractors:
            self._notes.differs(
                "image-extractors",
                "imageExtractors cannot be converted",
                f"a {rule.extractors[0][0]} with an unsigned image",
                *(*route, "imageExtractors"),
                is_final=True,
            )
        if rule.template is not None:
            self._notes.differs(
                "variables",
                "variables in verifyImages cannot be converted",
                "two resources that give the variables different values",
                *(*route, "verifyImages"),
                is_final=True,
            )
        if rule.overrides:
            names = [n for each in rule.overrides for n in each.namespaces] or ["that the override selects"]
            self._notes.differs(
                "action-overrides",
                "an ImageValidatingPolicy has the same action in all namespaces",
                f"a resource in the namespace {names[0]} that fails the rule",
                *("spec", "validationFailureActionOverrides"),
            )
        return found

    def _whole_policy(self) -> None:
        rules = declared(self._policy)
        if self._policy.stop_at_first and len(rules) > 1:
            self._notes.differs(
                "apply-rules",
                "of several ImageValidatingPolicies, all count: `applyRules: One` cannot be said",
                f"a resource that both {rules[0].name} and a later rule are about",
                *("spec", "applyRules"),
            )


def _settings(rule: ir.Rule, entry: ir.ImageRequirement) -> tuple[Any, ...]:
    """Return what entries of one document share."""
    images = (tuple(p.text for p in entry.images.include), tuple(p.text for p in entry.images.skip))
    flags = (entry.pin_digest, entry.demand_digest, entry.demand_proof, entry.use_cache)
    return images, flags, entry.credentials, rule.report_properties, format_of(entry)


def _name(policy: str, rule: str, used: set[str]) -> str:
    """Return a name for a document, different from those that are used, and use it."""
    suffix = re.sub(r"[^a-z0-9.-]+", "-", rule.lower()).strip("-.")
    base = f"{policy}-{suffix}"[:MAX_NAME].rstrip("-.") if suffix else policy
    name, number = base, 1
    while name in used:
        number += 1
        name = f"{base[: MAX_NAME - 4]}-{number}"
    used.add(name)
    return name
