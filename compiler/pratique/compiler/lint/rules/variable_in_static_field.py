"""A variable where nothing puts a value in.

## What it does

Explains why policies with variables in `imageReferences`, `match` or `exclude` are refused. Reports variables
that are accepted and never get a value: in `validationFailureActionOverrides`, in the paths of
`imageExtractors`, and in policy exceptions.

## Why

What a rule speaks about is decided before its context is loaded. There `{{ … }}` is text like any other,
which no namespace, name or path holds: an override never applies, an extractor finds no image, an exception
exempts nothing.

## Example

```yaml
verifyImages:
- imageReferences:
  - "{{ registries.data.trusted }}/*"
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "registry.acme.example/*"
```

## Limits

Elsewhere in `verifyImages`, variables are replaced when a resource is judged; what they may then hold is not
looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler import ir
from pratique.compiler.lint.base import Problem, Severity, rule
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.places import of_text
from pratique.grammar.documents import PolicyDocument
from pratique.grammar.documents.kyverno import LabelSelector
from pratique.grammar.source import Location


@rule("PRQ040", Severity.ERROR, explains=("variable-in-static-field",))
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the variables that never get a value."""
    for document in facts.documents:
        yield from _overrides(document)
        yield from _extractors(document)
    for exemption in facts.exemptions:
        yield from _exemption(exemption)


def _overrides(document: PolicyDocument) -> Iterator[Problem]:
    name = "validationFailureActionOverrides"
    for number, override in enumerate(document.model.spec.validation_failure_action_overrides):
        route = ("spec", name, number)
        for index, text in enumerate(override.namespaces):
            if "{{" in text:
                place = document.location(*route, "namespaces", index)
                yield _problem(text, place, "no namespace is called so: the override never applies")
        if text := _variable_of(override.namespace_selector):
            place = document.location(*route, "namespaceSelector")
            yield _problem(text, place, "no namespace has such a label: the override never applies")


def _variable_of(selector: LabelSelector | None) -> str:
    if selector is None:
        return ""
    texts = [text for pair in selector.match_labels.items() for text in pair]
    texts += [text for each in selector.match_expressions for text in (each.key, *each.values)]
    return next((text for text in texts if "{{" in text), "")


def _extractors(document: PolicyDocument) -> Iterator[Problem]:
    for number, each in enumerate(document.model.spec.rules):
        for kind, extractors in each.image_extractors.items():
            for index, extractor in enumerate(extractors):
                route = ("spec", "rules", number, "imageExtractors", kind, index)
                for part in ("path", "value", "key"):
                    text = str(getattr(extractor, part))
                    if "{{" in text:
                        place = document.location(*route, part)
                        yield _problem(text, place, f"no `{kind}` has such a field: no image of it is found")


def _exemption(exemption: ir.Exemption) -> Iterator[Problem]:
    for part in exemption.resources.filters:
        labels = [
            text
            for selector in (part.selector, part.namespace_selector)
            if selector
            for pair in selector.match_labels
            for text in pair
        ]
        pairs = [text for pair in part.annotations for text in pair]
        for text in (*part.names, *part.namespaces, *labels, *pairs):
            if "{{" in text:
                place = of_text(part.at.location, text)
                yield _problem(text, place, "no resource has it: the exception exempts nothing by this")


def _problem(text: str, place: Location | None, effect: str) -> Problem:
    return Problem(
        message=f"`{text}` never gets a value, and {effect}",
        location=place,
        label="stays as it is",
        help="write the value itself",
    )
