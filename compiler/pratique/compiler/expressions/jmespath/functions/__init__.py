"""The functions of expressions, one topic a file, imported when one of its functions is first compiled.

References: Kyverno 1.19 `pkg/engine/jmespath/functions.go`; JMESPath specification, "Built-in Functions".
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Final

from pratique.compiler.expressions.jmespath.functions.signature import Function

TOPICS: Final[dict[str, str]] = {
    "standard": (
        "abs avg ceil contains ends_with floor join keys length map max max_by merge min min_by not_null "
        "reverse sort sort_by starts_with to_array to_number to_string type values"
    ),
    "texts": (
        "compare equal_fold replace replace_all split to_boolean to_lower to_upper trim trim_prefix truncate"
    ),
    "patterns": "pattern_match regex_match regex_replace_all regex_replace_all_literal",
    "arithmetic": "add divide modulo multiply round subtract sum",
    "collections": "items label_match lookup object_from_lists",
    "encodings": "base64_decode base64_encode md5 parse_json parse_yaml sha1 sha256",
    "times": (
        "time_add time_after time_before time_between time_diff time_now time_now_utc time_parse time_since "
        "time_to_cron time_truncate time_utc"
    ),
    "names": "image_normalize is_external_url path_canonicalize semver_compare",
    "certificates": "x509_decode",
    "random_text": "random",
}
"""The names of all functions by the file that holds them."""

_TOPIC_OF: Final = {name: topic for topic, names in TOPICS.items() for name in names.split()}


@cache
def _topic(topic: str) -> dict[str, Function]:
    module = import_module(f"{__name__}.{topic}")
    return {function.name: function for function in module.FUNCTIONS}


def find_function(name: str) -> Function | None:
    """Return a function by its name, or None if there is none of that name."""
    topic = _TOPIC_OF.get(name)
    return _topic(topic)[name] if topic else None


def all_functions() -> tuple[Function, ...]:
    """Return every function, by name."""
    return tuple(_topic(_TOPIC_OF[name])[name] for name in sorted(_TOPIC_OF))
