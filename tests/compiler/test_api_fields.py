"""The table of fields: what it says, and that it is what the client's models say."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from pratique.compiler.api_fields import Field, Shape, schema
from pratique.compiler.api_kinds import BUILT_IN
from tests.conftest import ROOT
from tests.support_api_fields import KINDS, table


def test_fields() -> None:
    pod = schema().of_kind("Pod")
    assert pod is not None
    spec = schema().types[pod["spec"].below]
    assert spec["containers"] == Field(Shape.LIST, "V1Container")
    assert spec["hostNetwork"] == Field(Shape.SCALAR)
    assert spec["nodeSelector"] == Field(Shape.MAP)
    assert spec["affinity"].shape is Shape.OBJECT
    assert schema().types["V1ServicePort"]["targetPort"] == Field(Shape.ANY)
    assert schema().of_kind("Gateway") is None


def test_the_table_is_whole() -> None:
    known = schema()
    assert set(known.kinds) == set(KINDS) <= {kind for kinds in BUILT_IN.values() for kind in kinds}
    for fields in known.types.values():
        assert all(field.below in known.types for field in fields.values() if field.below)


@pytest.mark.skipif(find_spec("kubernetes") is None, reason="`pip install kubernetes` to generate the table")
def test_the_table_is_generated() -> None:
    import kubernetes  # type: ignore[import-not-found, import-untyped, unused-ignore]

    text = (ROOT / "compiler/pratique/compiler/api_fields.txt").read_text()
    models = Path(kubernetes.__file__).parent / "client" / "models"
    assert table(models, text.splitlines()[0]) == text
