"""`generate`: which resources are made. Their content stays plain JSON, expressions stay texts.

References: Kyverno 1.19 `api/kyverno/v1` (Generation, GeneratePattern, ForEachGeneration) and its CRD.
"""

from __future__ import annotations

from typing import Any

from pratique.grammar.documents.base import Items, Model
from pratique.grammar.documents.conditions import Conditions
from pratique.grammar.documents.context import ContextEntry
from pratique.grammar.documents.selection import LabelSelector


class CloneSource(Model):
    """The object that is copied; of the kind that is made."""

    namespace: str = ""
    name: str = ""


class CloneList(Model):
    """Objects that are copied, by kind and labels."""

    namespace: str = ""
    kinds: Items[str] = ()
    selector: LabelSelector | None = None


class GeneratePattern(Model):
    """What is made: an object with `data`, a copy of one (`clone`) or of several (`clone_list`)."""

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    data: Any = None
    clone: CloneSource | None = None
    clone_list: CloneList | None = None


class ForEachGeneration(GeneratePattern):
    """A loop: the same is made for each element of a list."""

    list: str = ""
    context: Items[ContextEntry] = ()
    preconditions: Conditions | None = None


class Generation(GeneratePattern):
    """What a `generate` rule makes, and how long it lives."""

    generate_existing: bool | None = None
    synchronize: bool = False
    orphan_downstream_on_policy_delete: bool = False
    foreach: Items[ForEachGeneration] = ()
