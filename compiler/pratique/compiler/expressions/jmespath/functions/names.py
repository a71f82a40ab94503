"""Functions on paths, versions, image references and URLs. None opens a connection.

References: Kyverno 1.19 `pkg/engine/jmespath/functions.go`, `pkg/utils/image`; Go 1.26 `path/filepath`,
`net`.
"""

from __future__ import annotations

import posixpath
import re
from typing import Final

from pratique.compiler.expressions.errors import shorten
from pratique.compiler.expressions.jmespath.functions.signature import STRING, Function, failure, function
from pratique.compiler.expressions.jmespath.run import Run
from pratique.compiler.expressions.values.versions import (
    ZERO_VERSION,
    VersionRangeError,
    parse_range,
    parse_version,
)
from pratique.grammar.errors import EvaluationError
from pratique.grammar.image_reference import ImageReferenceError, has_host, parse_image

_URL = re.compile(
    r"(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?//(?:[^/?#@\[\]]*@)?"
    r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\s/?#:@\[\]%]*)(?::[0-9]*)?(?:[/?#].*)?",
    re.DOTALL,
)
_PRIVATE: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "fc00::/7", "::1/128")
_LOOPBACK_NAMES: Final = ("localhost", ".localhost")


def _path_canonicalize(run: Run, path: str) -> str:
    if not path:
        return ""
    clean = posixpath.normpath(path)
    return clean[1:] if clean.startswith("//") else clean


def _semver_compare(run: Run, version: str, versions: str) -> bool:
    try:
        wanted = parse_range(versions)
    except VersionRangeError as error:
        raise EvaluationError("invalid-argument", shorten(str(error))) from error
    # Kyverno takes a text that is no version for 0.0.0.
    return wanted.contains(parse_version(version) or ZERO_VERSION)


def _image_normalize(run: Run, image: str) -> str:
    registry = run.environment.default_registry
    try:
        return parse_image(image, default_registry=registry).match_string
    except ImageReferenceError as error:
        name = shorten(image if has_host(image) else f"{registry}/{image}")
        raise failure(
            "image_normalize",
            f"bad image: {name}, defaultRegistry: {registry}, enableDefaultRegistryMutation: true: "
            "invalid reference format",
        ) from error


def _is_external_url(run: Run, url: str) -> bool:
    # DEVIATION: Kyverno asks DNS for names. Here a name is an error, as no answer would hold until the URL is
    # used and the question itself leaves the cluster (K29). Test: test_is_external_url_never_resolves_names.
    import ipaddress

    match = _URL.fullmatch(url)
    host = match["host"].strip("[]") if match else ""
    name = host.lower().rstrip(".")
    if name == _LOOPBACK_NAMES[0] or name.endswith(_LOOPBACK_NAMES[1]):
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError as error:
        raise failure(
            "is_external_url", "the host is not an IP address, and names are not looked up"
        ) from error
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return not any(address in ipaddress.ip_network(network) for network in _PRIVATE)


FUNCTIONS: Final[tuple[Function, ...]] = (
    function("path_canonicalize", (STRING,), "string", _path_canonicalize),
    function("semver_compare", (STRING, STRING), "bool", _semver_compare),
    function("image_normalize", (STRING,), "string", _image_normalize),
    function("is_external_url", (STRING,), "bool", _is_external_url),
)
