from __future__ import annotations

import json

import pytest

from tests.support_attestors import signer, some_of
from tests.support_lint import findings

CODE = "PRQ043"
OWN = "registry.acme.example/signatures"


def entries(*parts: tuple[tuple[str, ...], str, str]) -> str:
    """Return a `verifyImages`: patterns, and the repositories of each entry and of its attestor."""
    made = [
        {
            "imageReferences": list(patterns),
            **({"repository": repository} if repository else {}),
            "attestors": [some_of(signer("a@acme.example", **({"repository": own} if own else {})))],
        }
        for patterns, repository, own in parts
    ]
    return f"verifyImages: {json.dumps(made)}\n"


@pytest.mark.parametrize(
    "parts",
    [
        [(("ghcr.io/acme/*", "ghcr.io/other/*"), OWN, "")],
        [(("ghcr.io/*",), OWN, "")],
        [(("*",), "", OWN)],
        [(("ghcr.io/acme/*",), OWN, ""), (("quay.io/acme/*",), OWN, "")],
        [(("ghcr.io/acme/*",), OWN, ""), (("quay.io/acme/*",), "", OWN)],
        [(("docker.io/nginx:*", "docker.io/redis:*"), OWN, "")],
    ],
)
def test_images_of_several_owners(parts: list[tuple[tuple[str, ...], str, str]]) -> None:
    (found,) = findings(entries(*parts), CODE)
    one, other = (example.text for example in found.problem.examples)
    assert one.split("/")[:2] != other.split("/")[:2]
    assert found.location is not None
    line = found.location.source.line(found.location.span.start.line)
    assert line[found.location.span.start.column - 1 :].startswith('"repository"') or "keyless" in line


@pytest.mark.parametrize(
    "parts",
    [
        [(("ghcr.io/acme/*",), OWN, "")],
        [(("ghcr.io/acme/a:*", "ghcr.io/acme/b@*"), OWN, "")],
        [(("ghcr.io/acme/*",), OWN, ""), (("quay.io/acme/*",), "ghcr.io/acme/signatures", "")],
        [(("ghcr.io/acme/*",), "", ""), (("quay.io/acme/*",), "", "")],
        [(("registry.k8s.io/",), OWN, "")],
        [(("docker.io/nginx:*",), OWN, "")],
    ],
)
def test_images_of_one_owner(parts: list[tuple[tuple[str, ...], str, str]]) -> None:
    assert findings(entries(*parts), CODE) == []


def test_a_repository_that_is_not_known_yet() -> None:
    text = entries((("*",), "{{ request.object.metadata.name }}/x", ""))
    assert findings(text, CODE) == []
