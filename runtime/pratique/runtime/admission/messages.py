"""What people read of a verdict: the text of a denial and of warnings, as Kyverno prints them.

References: Kyverno 1.19 `pkg/webhooks/utils/block.go`, `warning.go`; the YAML is that of `gopkg.in/yaml.v3`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import yaml

from pratique.compiler.cel_bodies import CEL_BODIES
from pratique.runtime.decision import Check, Status
from pratique.runtime.resource import Resource

if TYPE_CHECKING:
    from pratique.runtime.admission.verdict import Outcome

MAX_MESSAGE: Final = 16_384
"""Characters of a denial; longer ones are cut."""

_PLACES: Final = {
    "containers": "container",
    "initContainers": "init container",
    "ephemeralContainers": "ephemeral container",
    "volumes": "image volume",
}


def blocked(resource: Resource, told: Iterable[Outcome]) -> str:
    """Return why a request is refused: every rule that is not met, and the containers that this is about.

    The last part, a line for each container, is not Kyverno's, whose text names images alone. Policies in CEL
    speak for themselves, each with one message.
    """
    in_cel, told = _parted(told)
    if not told:
        return _cut("; ".join(in_cel))
    keys: dict[str, str] = {outcome.policy.key: outcome.policy.name for outcome in told}
    twice = {name for name, count in Counter(keys.values()).items() if count > 1}
    listed: dict[str, dict[str, str]] = {}
    for outcome in told:
        name = outcome.policy.key if outcome.policy.name in twice else outcome.policy.name
        listed.setdefault(name, {})[outcome.rule.name] = outcome.message
    found = resource.id
    text = (
        f"\n\nresource {found.kind}/{found.namespace}/{found.name}"
        f" was blocked due to the following policies \n\n{_yaml(listed)}"
    )
    if lines := dict.fromkeys(f"{where}: {image}" for outcome in told for image, where in outcome.images):
        text += "\n" + "\n".join(lines) + "\n"
    return _cut("\n".join([text, *in_cel]))


def not_changed(resource: Resource, told: Iterable[Outcome]) -> str:
    """Return why a request is refused whose object could not be changed: the first policy to say so.

    References: Kyverno 1.19 `pkg/webhooks/resource/mutation/mutation.go`, `mpol/handler.go`.
    """
    told = list(told)
    classic = [each for each in told if not isinstance(each.rule.body, CEL_BODIES)]
    if not classic:
        errors = " ".join(f"Policy {each.policy.name}: {each.message}" for each in told)
        found = resource.id
        return _cut(f"Resource: {found.namespace}/{found.name}, Kind: {found.kind}, Errors: [{errors}]")
    policy = classic[0].policy
    errors = " ".join(f"{each.rule.name}: {each.message}" for each in classic if each.policy is policy)
    name = policy.name
    return _cut(f"mutation policy {name} error: failed to apply policy {name} rules [{errors}]")


def _parted(told: Iterable[Outcome]) -> tuple[list[str], list[Outcome]]:
    """Return what policies in CEL say, and the outcomes of all others.

    References: Kyverno 1.19 `pkg/webhooks/resource/vpol/handler.go`, `ivpol/handler.go`.
    """
    in_cel, others = [], []
    for outcome in told:
        if isinstance(outcome.rule.body, CEL_BODIES):
            verb = "error" if outcome.status is Status.ERROR else "failed"
            in_cel.append(f"Policy {outcome.policy.name} {verb}: {outcome.message}")
        else:
            others.append(outcome)
    return in_cel, others


def _cut(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 3] + "..."


def warning(outcome: Outcome, message: str) -> str:
    """Return a warning of a rule."""
    if isinstance(outcome.rule.body, CEL_BODIES):
        return _parted([outcome])[0][0]
    return f"policy {outcome.policy.name}.{outcome.rule.name}: {message}"


def place(check: Check) -> str:
    """Return which container a check is about: `init container setup`."""
    steps = check.pointer.split("/")
    word = next((_PLACES[step] for step in steps if step in _PLACES), "")
    return f"{word} {check.container}" if word else check.container


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they are, and no text on several."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _yaml(data: dict[str, dict[str, str]]) -> str:
    ordered = {
        name: dict(sorted(rules.items(), key=_natural)) for name, rules in sorted(data.items(), key=_natural)
    }
    return str(yaml.dump(ordered, Dumper=_Dumper, width=float("inf"), allow_unicode=True, sort_keys=False))


def _natural(item: tuple[str, object]) -> list[tuple[int, str]]:
    """Return what keys are sorted by: the numbers in them by their value."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", item[0])]
