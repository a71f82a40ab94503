"""`mutate`: how resources are changed. Patches stay plain JSON, expressions stay texts.

References: Kyverno 1.19 `api/kyverno/v1` (Mutation, ForEachMutation, TargetResourceSpec) and its CRD.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from pratique.grammar.documents.base import Items, Model
from pratique.grammar.documents.conditions import Conditions
from pratique.grammar.documents.context import ContextEntry
from pratique.grammar.documents.selection import LabelSelector


class ForEachMutation(Model):
    """A loop over a list; one of the patches, or loops inside it, is meant."""

    list: str = ""
    order: Literal["Ascending", "Descending"] | None = None
    context: Items[ContextEntry] = ()
    preconditions: Conditions | None = None
    patch_strategic_merge: Any = None
    patches_json6902: str = Field(default="", alias="patchesJson6902")
    foreach: Items[ForEachMutation] = ()


class MutationTarget(Model):
    """Existing resources that are changed instead of the one that a request is about."""

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    selector: LabelSelector | None = None
    context: Items[ContextEntry] = ()
    preconditions: Any = None


class Mutation(Model):
    """What a `mutate` rule does; exactly one of the patches is meant (the compiler checks it)."""

    mutate_existing_on_policy_update: bool | None = None
    targets: Items[MutationTarget] = ()
    patch_strategic_merge: Any = None
    patches_json6902: str = Field(default="", alias="patchesJson6902")
    foreach: Items[ForEachMutation] = ()
