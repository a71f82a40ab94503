"""JSON and YAML text that any reader accepts, whatever the strings in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final


def json_text(data: Any) -> str:
    r"""Return `data` as indented ASCII JSON with a line end.

    Control characters, bidirectional marks and all other non-ASCII are `\u` escapes; so are `<`, `>` and `&`,
    which keeps a report harmless inside an HTML page (rule K34). Lone surrogates become U+FFFD.
    """
    return _written(data, indent=2)


def json_line(data: Any) -> str:
    """Return `data` as a single line of such JSON, with a line end."""
    return _written(data, indent=None)


def _written(data: Any, indent: int | None) -> str:
    text = json.dumps(data, indent=indent, ensure_ascii=True)
    if "\\ud" in text:
        text = json.dumps(without_surrogates(data), indent=indent, ensure_ascii=True)
    # These three characters can only stand inside strings.
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026") + "\n"


_TAKEN_FOR_OTHERS: Final = (
    ("bool", re.compile(r"[yYnN]$"), "yYnN"),
    ("int", re.compile(r"[-+]?0(?:[oO]?[0-7]+|[xX][0-9a-fA-F]+|[bB][01]+)$"), "-+0"),
    ("float", re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"), "-+.0123456789"),
)
"""Texts that others than PyYAML take for something else unless they are quoted: tag, text, first letters."""


def yaml_text(documents: Iterable[Any]) -> str:
    """Return documents as YAML, each but the first after a `---` line, keys in their order.

    Strings with anything but printable ASCII are double-quoted with escapes, and those that any reader could
    take for something else are quoted: `y` is a boolean and `1e3` a number for Kubernetes. There are no
    aliases.
    """
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        def ignore_aliases(self, data: Any) -> bool:
            return True

    for tag, pattern, first in _TAKEN_FOR_OTHERS:
        Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", pattern, list(first))
    texts = [
        yaml.dump(
            without_surrogates(document), Dumper=Dumper, sort_keys=False, allow_unicode=False, width=1 << 30
        )
        for document in documents
    ]
    return "---\n".join(texts)


def without_surrogates(data: Any) -> Any:
    """Return a copy of `data` in which lone surrogates are U+FFFD."""
    match data:
        case str():
            return data.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case dict():
            return {without_surrogates(key): without_surrogates(value) for key, value in data.items()}
        case list() | tuple():
            return [without_surrogates(value) for value in data]
        case _:
            return data
