from __future__ import annotations

from pratique.compiler.api_kinds import BUILT_IN
from pratique.compiler.structured_merge.shapes import _KINDS, _TYPES, DEDUCED, Shape, shape_of


def shape(group: str, kind: str, *path: str) -> Shape:
    """Return the shape of a field; elements of lists are entered."""
    found = shape_of(group, kind)
    for name in path:
        found = (found.element or DEDUCED if found.keys else found).of(name)
    return found


def test_every_part_of_the_table_reads() -> None:
    known = {kind for kinds in BUILT_IN.values() for kind in kinds}
    assert set(_KINDS) <= known
    for group, kinds in BUILT_IN.items():
        for kind in kinds:
            for name in shape_of(group, kind).fields:
                assert shape(group, kind, name) is not None
    for text in _TYPES.values():
        for part in text.split():
            type_ = part.partition("=")[2]
            assert not type_ or type_ == "-" or type_ in _TYPES, part


def test_pods_and_what_makes_them() -> None:
    for group, kind, path in (
        ("", "Pod", ()),
        ("apps", "Deployment", ("template",)),
        ("batch", "CronJob", ("jobTemplate", "spec", "template")),
    ):
        spec = ("spec",) if not path else ("spec", *path, "spec")
        assert shape(group, kind, *spec, "containers").keys == ("name",)
        assert shape(group, kind, *spec, "containers", "env").keys == ("name",)
        assert shape(group, kind, *spec, "containers", "ports").keys == ("containerPort", "protocol")
        assert shape(group, kind, *spec, "nodeSelector").is_atomic
        assert shape(group, kind, *spec, "containers", "env", "valueFrom", "fieldRef").is_atomic


def test_kinds_of_other_groups_have_only_metadata() -> None:
    assert shape_of("example.com", "Deployment").fields.keys() == {"metadata"}
    assert shape("example.com", "Thing", "metadata", "finalizers").is_set
