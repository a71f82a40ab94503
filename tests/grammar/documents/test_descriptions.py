from __future__ import annotations

from collections.abc import Iterator
from typing import get_args, get_origin

import pytest
from pydantic import BaseModel

from pratique.grammar.documents.descriptions import DESCRIPTIONS, description
from pratique.grammar.documents.kyverno import ClusterPolicy, ImageVerification, Policy
from pratique.grammar.documents.schema import bare, fields
from pratique.grammar.documents.selection import MatchResources


def models(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    if model in seen:
        return
    seen.add(model)
    yield model
    for field in fields(model).values():
        inner = bare(field.annotation)
        while get_origin(inner) in (tuple, dict):
            inner = bare(get_args(inner)[0 if get_origin(inner) is tuple else 1])
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from models(inner, seen)


ALL: list[type[BaseModel]] = [*models(ClusterPolicy, set()), Policy]


@pytest.mark.parametrize("model", ALL, ids=lambda model: model.__name__)
def test_every_field_is_described(model: type[BaseModel]) -> None:
    missing = [name for name in fields(model) if not description(model, name)]
    assert not missing


def test_nothing_else_is_described() -> None:
    known = {base.__name__: base for model in ALL for base in model.__mro__ if issubclass(base, BaseModel)}
    for name, texts in DESCRIPTIONS.items():
        assert set(texts) <= set(fields(known[name])), name


def test_fields_of_a_base_are_described_once() -> None:
    assert description(MatchResources, "roles") == DESCRIPTIONS["UserInfo"]["roles"]


def test_what_is_no_field_has_no_description() -> None:
    assert description(ImageVerification, "imageRefs") == ""


def test_descriptions_are_sentences() -> None:
    texts = [text for texts in DESCRIPTIONS.values() for text in texts.values()]
    assert all(text[0].isupper() or text[0] == "`" for text in texts)
    assert all(text.endswith(".") and "  " not in text and text.count("`") % 2 == 0 for text in texts)
