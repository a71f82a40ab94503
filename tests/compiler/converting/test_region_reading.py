"""Match conditions read back as filters."""

from __future__ import annotations

import pytest

from pratique.compiler import ir
from pratique.compiler.converting.conditions import UnreadableError, compiled
from pratique.compiler.converting.constraints import NAME, NAMESPACE, among
from pratique.compiler.converting.region_reading import Region

LABEL = 'object.metadata.?labels[?"a"]'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (among(NAMESPACE, ("a",)), ir.ResourceFilter(namespaces=("a",))),
        (among(NAMESPACE, ("a.b*", "c?")), ir.ResourceFilter(namespaces=("a.b*", "c?"))),
        (among(NAME, ("a", "b")), ir.ResourceFilter(names=("a", "b"))),
        (
            f"{among(NAME, ('a',))} && {among(NAMESPACE, ('b',))}",
            ir.ResourceFilter(names=("a",), namespaces=("b",)),
        ),
        (
            f'{LABEL}.hasValue() && {LABEL}.value() == "b"',
            ir.ResourceFilter(selector=ir.LabelSelector(match_labels=(("a", "b"),))),
        ),
        (
            f"!{LABEL}.hasValue()",
            ir.ResourceFilter(
                selector=ir.LabelSelector(
                    requirements=(ir.LabelRequirement(key="a", operator="DoesNotExist"),)
                )
            ),
        ),
    ],
)
def test_what_is_read(text: str, found: ir.ResourceFilter) -> None:
    assert Region().restricted(compiled(text)) == Region(within=(found,))


def test_what_is_excluded() -> None:
    region = Region().restricted(compiled(f"!({among(NAMESPACE, ('a',))})"))
    assert region == Region(beyond=(ir.ResourceFilter(namespaces=("a",)),))
    pods = ir.ResourceFilter(kinds=(ir.KindSelector(kind="Pod"),))
    whole = ir.ResourceRegion(namespace=None, match=ir.Selection(filters=(pods,)))
    assert region.of(whole).match == whole.match
    assert region.of(whole).exclude == ir.Selection(filters=region.beyond)


@pytest.mark.parametrize(
    "text",
    [
        "true",
        f"{NAMESPACE} != 'a'",
        f"{NAMESPACE} == 'a' || {NAMESPACE} == 'b'",
        f"{NAMESPACE} == 'a' && {NAMESPACE} == 'b'",
        f"{NAMESPACE}.matches('a')",
        f"{NAMESPACE}.matches('^a+$')",
        f"{LABEL}.hasValue() && object.metadata.?labels[?'c'].value() == 'b'",
        "object.metadata.?finalizers[?'a'].hasValue()",
    ],
)
def test_what_is_not_read(text: str) -> None:
    with pytest.raises(UnreadableError):
        Region().restricted(compiled(text))
