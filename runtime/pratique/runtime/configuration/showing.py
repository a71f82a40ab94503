"""Settings in the form of a configuration file, each with where it comes from: `--show-config`."""

from __future__ import annotations

import json
from typing import Any, Final

from pratique.runtime.configuration.files import ConfigurationFile
from pratique.runtime.configuration.lint_settings import DEFAULT, LintSettings

NOTHING: Final = {"select": "all rules", "target": "no release in particular", "inventory": "none"}
"""What is said of a setting that is not given and has no default."""


def shown(settings: LintSettings, file: ConfigurationFile | None) -> str:
    """Return settings as TOML that can be read again, each with where it comes from."""
    head = f"# {file.source.name}" if file else "# no configuration file"
    severity = {code: str(level) for code, level in settings.severity.items()}
    lines: list[tuple[str, str, Any]] = [
        ("select", "select", None if settings.select is None else list(settings.select)),
        ("ignore", "ignore", list(settings.ignore)),
        ("min-severity", "min_severity", str(settings.min_severity)),
        ("fail-level", "fail_level", str(settings.fail_level)),
        ("target", "target", str(settings.target) if settings.target else None),
        ("inventory", "inventory", settings.inventory),
        ("output", "output", settings.output),
        ("severity", "severity", severity),
        ("per-file-ignores", "per_file_ignores", {g.text: list(c) for g, c in settings.per_file_ignores}),
    ]
    written = [
        _line(name, value, _origin(name, settings.origins.get(key), file)) for name, key, value in lines
    ]
    return "\n".join([head, "[lint]", *written]) + "\n"


def _origin(name: str, given: str | None, file: ConfigurationFile | None) -> str:
    if file and given == file.source.name:
        return f"{given}:{file.place('lint', name).span.start.line}"
    return given or DEFAULT


def _line(name: str, value: object, origin: str) -> str:
    text = f"# {name}: {NOTHING[name]}" if value is None else f"{name} = {_toml(value)}"
    return f"{text}  # {origin}"


def _toml(value: object) -> str:
    match value:
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            return "{" + ", ".join(f"{_toml(key)} = {_toml(item)}" for key, item in value.items()) + "}"
        case _:
            # The escapes of JSON are those of TOML's basic strings.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
