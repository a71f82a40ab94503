"""What image references look like in practice: examples, and pieces that continue a beginning.

Nothing here decides anything: witnesses are made of these texts where they fit, and are checked afterwards.
"""

from __future__ import annotations

from pratique.grammar.image_reference import DEFAULT_REGISTRY

EXAMPLE_DIGITS = "4d3c2b1a09f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4a39281706f5e"
EXAMPLE_DIGEST = f"sha256:{EXAMPLE_DIGITS}"
"""A digest for witnesses that need one; no pattern that people write singles it out."""

REPOSITORIES = (
    ("registry.k8s.io/etcd", "3.5.6-0"),
    ("registry.k8s.io/kube-apiserver", "v1.26.3"),
    ("registry.k8s.io/coredns/coredns", "v1.9.3"),
    ("registry.k8s.io/pause", "3.9"),
    ("docker.io/nginx", "1.25.3"),
    ("docker.io/library/nginx", "1.25.3"),
    ("docker.io/acme/app", "1.4.2"),
    ("ghcr.io/acme/app", "1.4.2"),
    ("quay.io/prometheus/prometheus", "v2.48.0"),
    ("gcr.io/distroless/static", "nonroot"),
    ("registry.example.com/team/app", "1.4.2"),
    ("localhost:5000/app", "1.4.2"),
)
"""Repositories that witnesses name first, each with a tag."""


def continue_image(text: str) -> tuple[str, ...]:
    """Return pieces that plausibly continue the beginning `text` of a canonical reference, best first."""
    host, slash, rest = text.partition("/")
    if not slash:
        return continue_host(host)
    _, at, digest = rest.partition("@")
    if at:
        return continue_digest(digest)
    _, colon, tag = rest.partition(":")
    return continue_tag(tag) if colon else continue_path(rest)


def continue_repository(text: str) -> tuple[str, ...]:
    """Return pieces that plausibly continue the beginning `text` of `registry/path`, best first."""
    host, slash, rest = text.partition("/")
    return continue_path(rest) if slash else continue_host(host)


def continue_short(text: str) -> tuple[str, ...]:
    """Return pieces that plausibly continue the beginning of an image without registry, best first."""
    return continue_image(f"{DEFAULT_REGISTRY}/{text}")


def continue_host(host: str) -> tuple[str, ...]:
    """Return pieces that plausibly continue the beginning of a registry, best first."""
    if not host:
        return ("registry.example.com/", "registry", "acme", "registry.example.com")
    if host[-1] == ".":
        return ("example.com/", "example.com", "io", "registry")
    if ":" in host:
        return ("5000/", "5000")
    return (".example.com/", ".example.com", "-registry", "registry")


def continue_path(path: str) -> tuple[str, ...]:
    """Return pieces that plausibly continue the beginning of a path, best first."""
    if not path or path[-1] == "/":
        return ("app", "acme/", "team", "web", "base")
    if path[-1].isalnum():
        return (":1.4.2", f"@{EXAMPLE_DIGEST}", "/app", "-app", "/team", "app")
    return ("app", "dev", "x")


def continue_tag(tag: str) -> tuple[str, ...]:
    """Return pieces that plausibly continue the beginning of a tag, best first."""
    if not tag:
        return ("1.4.2", "v1.4.2", "latest", "release", "stable")
    return (".2", "1.4.2", "2", "-1") if tag[-1].isdigit() else ("1.4.2", "-1.4.2", "dev")


def continue_digest(digest: str) -> tuple[str, ...]:
    """Return pieces that continue the beginning of a digest."""
    _, colon, digits = digest.partition(":")
    if colon:
        return continue_digits(digits)
    return () if digest else (EXAMPLE_DIGEST, "sha256:")


def continue_digits(digits: str) -> tuple[str, ...]:
    """Return pieces that continue the beginning of a digest's digits."""
    return (EXAMPLE_DIGITS[len(digits) :],) if len(digits) < len(EXAMPLE_DIGITS) else ()
