import pytest

from tests.support_lint import findings, flagged, patterns


@pytest.mark.parametrize(
    ("text", "witness", "help_text"),
    [
        ("ghcr.io/acme*", "ghcr.io/acme-evil/app:1.4.2", "write `ghcr.io/acme/*`"),
        ("ghcr.io/acme*/app:*", "ghcr.io/acme-evil/app:1.4.2", "write `ghcr.io/acme/*`"),
        ("ghcr.io*", "ghcr.io.attacker.example/app:1.4.2", "write `ghcr.io/*`"),
        (
            "harbor.example.com*",
            "harbor.example.com.attacker.example/app:1.4.2",
            "write `harbor.example.com/*`",
        ),
        (
            "docker.io/nginx*",
            "docker.io/nginx-evil/app:1.4.2",
            "write `docker.io/nginx/*`, `docker.io/nginx:*` and `docker.io/nginx@*`, whichever is meant",
        ),
    ],
)
def test_flagged(text: str, witness: str, help_text: str) -> None:
    [found] = findings(patterns(text), "PRQ005")
    assert [example.text for example in found.problem.examples] == [witness]
    assert found.problem.help == help_text


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "ghcr.io/*",
        "ghcr.io/acme/*",
        "ghcr.io/acme/app*",
        "ghcr.io/acme-*",
        "registry.k8s.io/etcd*",
        "registry.k8s.io/kube-*",
        "harbor.example.com/team*",
        "registry*.example.com/*",
        "ghcr.io/acme:*",
        "nginx*",
        "ghcr.io/acme*-team/*",
    ],
)
def test_left_alone(text: str) -> None:
    assert flagged("PRQ005", text) == []
