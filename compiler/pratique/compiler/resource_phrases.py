"""Which resources a filter or a rule speaks about, in words; texts of policies are quoted as in `phrases`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pratique.compiler import ir
from pratique.compiler.phrases import quote


def resources(of: ir.ResourceRegion) -> str:
    """Return which resources a rule speaks about."""
    parts = [selection(of.match)]
    if of.namespace is not None:
        parts.append(f"in namespace {quote(of.namespace)}")
    text = ", ".join(parts) if len(of.match.filters) > 1 else " ".join(parts)
    return f"{text}, except {selection(of.exclude)}" if of.exclude else text


def selection(of: ir.Selection) -> str:
    """Return which resources filters select together."""
    if not of.filters:
        return "no resource"
    texts = [resource_filter(each) for each in of.filters]
    if len(texts) == 1:
        return texts[0]
    return ("; and also " if of.every else "; or ").join(texts)


def resource_filter(of: ir.ResourceFilter) -> str:
    """Return which resources one filter selects."""
    if of.is_empty:
        return "nothing, as the filter is empty"
    return " ".join([kinds(of.kinds), *_attributes(of)])


def _attributes(of: ir.ResourceFilter) -> Iterator[str]:
    if of.namespaces:
        yield f"in namespace {one_of(of.namespaces)}"
    if of.names:
        yield f"named {one_of(of.names)}"
    if of.annotations:
        yield f"with annotations {pairs(of.annotations)}"
    if of.selector:
        yield f"with labels {labels(of.selector)}"
    if of.namespace_selector:
        yield f"in a namespace with labels {labels(of.namespace_selector)}"
    if of.operations:
        yield f"on {joined(of.operations)}"
    if of.has_user_info:
        yield f"sent by {requesters(of)}"


def kinds(of: Sequence[ir.KindSelector]) -> str:
    """Return the kinds that selectors name."""
    return joined([kind(each) for each in of]) or "any kind"


def kind(of: ir.KindSelector) -> str:
    """Return one selector, without the parts that name nothing."""
    group = [of.group] if of.group != "*" else []
    version = [of.version] if of.version != "*" or group else []
    return "/".join((*group, *version, of.kind, *([of.subresource] if of.subresource else [])))


def labels(of: ir.LabelSelector) -> str:
    """Return what a selector demands of labels."""
    found = [quote(f"{key}={value}") for key, value in of.match_labels]
    return " and ".join([*found, *map(_requirement, of.requirements)]) or "of any sort"


def _requirement(of: ir.LabelRequirement) -> str:
    match of.operator:
        case "Exists":
            return f"{quote(of.key)} of any value"
        case "DoesNotExist":
            return f"no {quote(of.key)}"
        case "In":
            return f"{quote(of.key)} of {one_of(of.values)}"
        case "NotIn":
            return f"{quote(of.key)} not of {one_of(of.values)}"
        case operator:
            return f"{quote(of.key)} {operator} {one_of(of.values)}"


def requesters(of: ir.ResourceFilter) -> str:
    """Return who sends the requests that a filter selects."""
    groups = []
    if of.subjects:
        named = (f"{s.namespace}/{s.name}" if s.namespace else s.name for s in of.subjects)
        groups.append(joined([f"{s.kind} {quote(name)}" for s, name in zip(of.subjects, named, strict=True)]))
    if of.roles:
        groups.append(f"somebody with role {one_of(of.roles)}")
    if of.cluster_roles:
        groups.append(f"somebody with cluster role {one_of(of.cluster_roles)}")
    return " and ".join(groups)


def pairs(of: Iterable[tuple[str, str]]) -> str:
    """Return pairs that must all be there."""
    return " and ".join(quote(f"{key}={value}") for key, value in of)


def one_of(texts: Iterable[str]) -> str:
    """Return texts of a policy, any of which will do."""
    return joined([quote(text) for text in texts])


def joined(texts: Sequence[str]) -> str:
    """Return `a, b or c`."""
    texts = list(dict.fromkeys(texts))
    return " or ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)
