"""`format.dns1123Label().validate(text)`: what Kubernetes takes for names, labels, URIs and dates.

References: Kubernetes 1.36 `apiserver/pkg/cel/library/format.go`, `apimachinery/pkg/util/validation`,
whose messages are kept; `kube-openapi/pkg/validation/strfmt`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Final, TypeAlias

from pratique.compiler.cel.declarations import overload
from pratique.compiler.cel.environment import Library
from pratique.compiler.cel.libraries.kubernetes.go_urls import UrlError, parse_request_uri
from pratique.compiler.cel.types import Type, opaque
from pratique.compiler.cel.values.kinds import Opaque
from pratique.compiler.cel.values.optionals import NONE, Optional

_Validate: TypeAlias = Callable[[str], list[str]]

_TYPE: Final = opaque("kubernetes.NamedFormat")

_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035: Final = "[a-z]([-a-z0-9]*[a-z0-9])?"
_LABEL_VALUE: Final = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_NAME: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_UUID: Final = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)
_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})")
_DATE_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(\.[0-9]+)?([Zz]|[+-][0-9]{2}:?[0-9]{2})"
)


class NamedFormat(Opaque):
    """A format that texts can be checked against."""

    __slots__ = ("name", "validate")

    def __init__(self, name: str, validate: _Validate) -> None:
        self.name = name
        self.validate = validate

    @property
    def cel_type(self) -> Type:
        """Return `kubernetes.NamedFormat`."""
        return _TYPE

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NamedFormat) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)


def _too_long(text: str, longest: int) -> list[str]:
    return (
        [f"must be no more than {longest} characters"] if len(text.encode(errors="replace")) > longest else []
    )


def _described(what: str, pattern: str, *examples: str) -> str:
    shown = ",  or ".join(f"'{example}'" for example in examples)
    return f"{what} (e.g. {shown}, regex used for validation is '{pattern}')"


def _matching(text: str, pattern: str, what: str, *examples: str) -> list[str]:
    # The patterns are ours and linear: every star is followed by what it cannot match as a whole.
    return [] if re.fullmatch(pattern, text) else [_described(what, pattern, *examples)]


def _label(text: str) -> list[str]:
    what = (
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
        "and must start and end with an alphanumeric character"
    )
    return _too_long(text, 63) + _matching(text, _LABEL, what, "my-name", "123-abc")


def _subdomain(text: str) -> list[str]:
    what = (
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
        "and must start and end with an alphanumeric character"
    )
    return _too_long(text, 253) or _matching(text, _SUBDOMAIN, what, "example.com")


def _label_1035(text: str) -> list[str]:
    what = (
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
        "start with an alphabetic character, and end with an alphanumeric character"
    )
    return _too_long(text, 63) + _matching(text, _LABEL_1035, what, "my-name", "abc-123")


def _label_value(text: str) -> list[str]:
    what = (
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
        "and must start and end with an alphanumeric character"
    )
    return _too_long(text, 63) + _matching(text, _LABEL_VALUE, what, "MyValue", "my_value", "12345")


def _qualified_name(text: str) -> list[str]:
    what = (
        "must consist of alphanumeric characters, '-', '_' or '.', "
        "and must start and end with an alphanumeric character"
    )
    examples = ("MyName", "my.name", "123-abc")
    parts = text.split("/")
    if len(parts) > 2:
        described = _described(f"a qualified name {what}", _NAME, *examples)
        return [f"{described} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    problems: list[str] = []
    if len(parts) == 2:
        prefix = parts[0]
        problems = ["prefix part must be non-empty"] if not prefix else [
            f"prefix part {problem}" for problem in _subdomain(prefix)
        ]  # fmt: skip
    name = parts[-1]
    if not name:
        return [*problems, "name part must be non-empty"]
    long = [f"name part {problem}" for problem in _too_long(name, 63)]
    return problems + long + [f"name part {p}" for p in _matching(name, _NAME, what, *examples)]


def _prefix_of(validate: _Validate) -> _Validate:
    """Return the check of what a name may begin with: a dash at the end is allowed."""
    return lambda text: validate(f"{text[:-2]}a" if len(text) > 1 and text.endswith("-") else text)


def _uri(text: str) -> list[str]:
    try:
        parse_request_uri(text)
    except UrlError as error:
        return [str(error)]
    return []


def _is_date(text: str) -> bool:
    try:
        return bool(re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text)) and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _is_date_time(text: str) -> bool:
    match = _DATE_TIME.fullmatch(text)
    return (
        match is not None
        and _is_date(match[1])
        and int(match[2]) < 24
        and int(match[3]) < 60
        and int(match[4]) < 60
    )


def _unless(holds: Callable[[str], bool], problem: str) -> _Validate:
    return lambda text: [] if holds(text) else [problem]


FORMATS: Final = {
    "dns1123Label": NamedFormat("DNS1123Label", _label),
    "dns1123Subdomain": NamedFormat("DNS1123Subdomain", _subdomain),
    "dns1035Label": NamedFormat("DNS1035Label", _label_1035),
    "qualifiedName": NamedFormat("QualifiedName", _qualified_name),
    "dns1123LabelPrefix": NamedFormat("DNS1123LabelPrefix", _prefix_of(_label)),
    "dns1123SubdomainPrefix": NamedFormat("DNS1123SubdomainPrefix", _prefix_of(_subdomain)),
    "dns1035LabelPrefix": NamedFormat("DNS1035LabelPrefix", _prefix_of(_label_1035)),
    "labelValue": NamedFormat("LabelValue", _label_value),
    "uri": NamedFormat("URI", _uri),
    "uuid": NamedFormat(
        "uuid", _unless(lambda text: bool(_UUID.fullmatch(text)), "does not match the UUID format")
    ),
    "byte": NamedFormat("byte", _unless(lambda text: bool(_BASE64.fullmatch(text)), "invalid base64")),
    "date": NamedFormat("date", _unless(_is_date, "invalid date")),
    "datetime": NamedFormat("datetime", _unless(_is_date_time, "invalid datetime")),
}


def _constant(value: NamedFormat) -> Callable[[], NamedFormat]:
    return lambda: value


def _named(name: str) -> Optional:
    found = FORMATS.get(name)
    return NONE if found is None else Optional(found)


def _validate(format_: NamedFormat, text: str) -> Optional:
    problems = format_.validate(text)
    return Optional(problems) if problems else NONE


LIBRARY: Final = Library(
    overloads=(
        *(
            overload(f"format.{name}() -> kubernetes.NamedFormat", _constant(value))
            for name, value in FORMATS.items()
        ),
        overload("format.named(string) -> optional(kubernetes.NamedFormat)", _named),
        overload(
            ".validate(kubernetes.NamedFormat, string) -> optional(list(string))",
            _validate,
            cost=lambda _, text: len(text),
        ),
    ),
    types={"kubernetes.NamedFormat": _TYPE},
)
