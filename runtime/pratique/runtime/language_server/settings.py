"""The settings of lint that hold for a document: those of the configuration file that is nearest to it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pratique.grammar.errors import PolicyErrors, PratiqueError
from pratique.runtime.configuration.files import find_configuration
from pratique.runtime.configuration.lint_settings import LintSettings
from pratique.runtime.configuration.lint_table import settings_of
from pratique.runtime.language_server.documents import OpenDocument


class Settings(NamedTuple):
    """Settings, and what is wrong with the file that should give them; then they are the defaults."""

    lint: LintSettings
    problem: str = ""


def settings_for(document: OpenDocument) -> Settings:
    """Return the settings for a document; the defaults for one that is no file, or has no configuration."""
    path = Path(document.source.name)
    if not path.is_absolute():
        return Settings(LintSettings())
    try:
        file = find_configuration([str(path)], path.parent)
        return Settings(settings_of(file) if file else LintSettings())
    except PratiqueError as error:
        first = error.errors[0] if isinstance(error, PolicyErrors) else error
        return Settings(LintSettings(), f"{first}; the defaults count until it is mended")
