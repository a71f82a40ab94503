"""`context` of a rule: what Kyverno refuses about its entries, and what they are in the IR.

References: Kyverno 1.19 `pkg/validation/policy` (`validateRuleContext` and below), whose texts are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pratique.compiler import context_entries as entries
from pratique.compiler import ir
from pratique.compiler.kyverno.obligations import registry_credentials
from pratique.compiler.kyverno.regions import Place
from pratique.grammar.documents.context import (
    ApiCall,
    ConfigMapReference,
    ContextEntry,
    ImageRegistry,
    Variable,
)
from pratique.grammar.image_reference import ImageReferenceError, parse_image

_RESERVED: Final = (
    "images",
    "request",
    "serviceAccountName",
    "serviceAccountNamespace",
    "element",
    "elementIndex",
)

Mistake = tuple[str, tuple[str | int, ...]]
"""A message, and the route from the entry to what it is about."""


def mistakes(entry: ContextEntry, *, namespaced: bool) -> Iterator[Mistake]:
    """Yield what is wrong with an entry, expressions apart; `namespaced` says that its policy is."""
    if not entry.name:
        yield "a name is required for context entries", ("name",)
    for reserved in _RESERVED:
        if entry.name == reserved or entry.name.startswith(reserved + "."):
            text = (
                f"entry name {entry.name} is invalid as it conflicts with a pre-defined variable {reserved}"
            )
            yield text, ("name",)
    given = (entry.config_map, entry.api_call, entry.global_reference, entry.image_registry, entry.variable)
    if sum(source is not None for source in given) != 1:
        text = (
            "exactly one of configMap or apiCall or imageRegistry or variable is required for context entries"
        )
        yield text, ()
        return
    if entry.variable:
        yield from _variable(entry.variable)
    if entry.config_map:
        yield from _config_map(entry.config_map)
    if entry.global_reference and not entry.global_reference.name:
        yield "a name is required for globalReference context entry", ("globalReference", "name")
    if entry.api_call:
        yield from _call(entry.api_call, namespaced)
    if entry.image_registry:
        yield from _image(entry.image_registry)


def _variable(variable: Variable) -> Iterator[Mistake]:
    if variable.value is None and not variable.jmes_path:
        yield "a variable must define a value or a jmesPath expression", ("variable",)
    elif variable.default is not None and not variable.jmes_path:
        text = "a variable must define a default value only when a jmesPath expression is defined"
        yield text, ("variable", "default")


def _config_map(reference: ConfigMapReference) -> Iterator[Mistake]:
    if not reference.name:
        yield "a name is required for configMap context entry", ("configMap", "name")
    if not reference.namespace:
        yield "a namespace is required for configMap context entry", ("configMap",)


def _call(call: ApiCall, namespaced: bool) -> Iterator[Mistake]:
    if call.url_path and call.service:
        yield "a URLPath cannot be used for service API calls", ("apiCall", "urlPath")
    elif not call.url_path and (call.service is None or not call.service.url):
        yield "an apiCall needs a urlPath or a service with a url", ("apiCall",)
    elif call.service and namespaced:
        text = (
            "path . does not contain a namespace segment, which is required for namespaced policies: they may"
            " not call services"
        )
        yield text, ("apiCall", "service")


def _image(image: ImageRegistry) -> Iterator[Mistake]:
    if not image.reference:
        yield "a ref is required for imageRegistry context entry", ("imageRegistry", "reference")
    elif "{{" not in image.reference:
        try:
            parse_image(image.reference)
        except ImageReferenceError as error:
            yield f"bad image: {image.reference}: {error}", ("imageRegistry", "reference")


def lower_entries(written: Sequence[ContextEntry], place: Place) -> tuple[entries.ContextEntry, ...]:
    """Return the entries in the IR; `place` is that of parts of the rule."""
    return tuple(
        entries.ContextEntry(
            name=entry.name,
            source=_source(entry),
            at=ir.At(path=f".context[{number}]", location=place("context", number, "name")),
        )
        for number, entry in enumerate(written)
    )


def _source(entry: ContextEntry) -> entries.Source:
    if found := entry.config_map:
        return entries.ConfigMapSource(name=found.name, namespace=found.namespace)
    if call := entry.api_call:
        service = call.service
        return entries.ApiSource(
            url_path=call.url_path,
            service_url=service.url if service else "",
            method=call.method,
            data=tuple({"key": member.key, "value": member.value} for member in call.data),
            headers=tuple({"key": h.key, "value": h.value} for h in service.headers) if service else (),
            authorities=service.ca_bundle if service else "",
            default=call.default,
            path=call.jmes_path,
        )
    if reference := entry.global_reference:
        return entries.GlobalSource(name=reference.name, path=reference.jmes_path)
    if image := entry.image_registry:
        return entries.ImageSource(
            reference=image.reference,
            path=image.jmes_path,
            credentials=registry_credentials(image.image_registry_credentials),
        )
    variable = entry.variable
    return entries.VariableSource(
        value=variable.value if variable else None,
        path=variable.jmes_path if variable else "",
        default=variable.default if variable else None,
    )
