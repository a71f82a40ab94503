"""Where credentials for registries come from, for the blocks of a policy that ask registries."""

from __future__ import annotations

from typing import Literal

from pratique.grammar.documents.base import Items, Model


class ImageRegistryCredentials(Model):
    """Where credentials for the registry come from."""

    allow_insecure_registry: bool = False
    providers: Items[Literal["default", "amazon", "azure", "google", "github"]] = ()
    secrets: Items[str] = ()
