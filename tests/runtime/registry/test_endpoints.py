"""Where a repository is asked for: mirrors, Docker Hub, plain HTTP."""

from __future__ import annotations

import pytest

from pratique.grammar.errors import UsageError
from pratique.runtime.ports import Repository
from pratique.runtime.registry.endpoints import (
    NO_MIRRORS,
    TLS_ONLY,
    Endpoint,
    InsecureHosts,
    Mirrors,
    endpoints,
)

HUB = Repository("docker.io", "nginx")
ETCD = Repository("registry.k8s.io", "etcd")


@pytest.mark.parametrize(
    ("repository", "url"),
    [
        (HUB, "https://registry-1.docker.io/v2/library/nginx/tags/list"),
        (Repository("index.docker.io", "team/app"), "https://registry-1.docker.io/v2/team/app/tags/list"),
        (ETCD, "https://registry.k8s.io/v2/etcd/tags/list"),
        (Repository("REG.example:5000", "a/b"), "https://REG.example:5000/v2/a/b/tags/list"),
        (Repository("[::1]:5000", "a"), "https://[::1]:5000/v2/a/tags/list"),
    ],
)
def test_url_of_the_origin(repository: Repository, url: str) -> None:
    (origin,) = endpoints(repository, NO_MIRRORS, TLS_ONLY)
    assert str(origin.url("https", "tags", "list")) == url


def test_query_is_sent_as_it_is() -> None:
    (origin,) = endpoints(ETCD, NO_MIRRORS, TLS_ONLY)
    url = origin.url("https", "referrers", "sha256:ab", query="artifactType=a%2Fb%2Bc")
    assert str(url) == "https://registry.k8s.io/v2/etcd/referrers/sha256:ab?artifactType=a%2Fb%2Bc"


@pytest.mark.parametrize(
    ("insecure", "host", "plain"),
    [
        (False, "reg.example", False),
        (False, "localhost", True),
        (False, "localhost:5000", True),
        (False, "app.localhost:5000", True),
        (False, "127.0.0.1:5000", True),
        (False, "127.9.9.9", True),
        (False, "[::1]:5000", True),
        (False, "[::1]", True),
        (False, "[::2]:5000", False),
        (False, "10.0.0.1:5000", False),
        (False, "localhost.evil.test", False),
        (False, "127.0.0.1.evil.test", False),
        (True, "reg.example", True),
        (["reg.example"], "reg.example", True),
        (["reg.example"], "REG.example", True),
        (["reg.example"], "reg.example:5000", False),
        (["reg.example:5000"], "reg.example:5000", True),
        (["reg.example"], "other.reg.example", False),
        (["docker.io"], "registry-1.docker.io", True),
    ],
)
def test_plain_http_is_for_loopback_and_listed_hosts(
    insecure: bool | list[str], host: str, plain: bool
) -> None:
    schemes = InsecureHosts.of(insecure).schemes(host)
    assert schemes == (("https", "http") if plain else ("https",))


def test_only_listed_hosts_may_lead_inside() -> None:
    def may(insecure: bool | list[str]) -> bool:
        return endpoints(ETCD, NO_MIRRORS, InsecureHosts.of(insecure))[0].may_lead_inside

    assert (may(False), may(True), may(["registry.k8s.io"]), may(["other"])) == (False, False, True, False)


def test_hosts_must_be_hosts() -> None:
    with pytest.raises(UsageError, match="not a registry host"):
        InsecureHosts.of(["http://reg.example"])


@pytest.mark.parametrize(
    ("prefix", "place", "repository", "host", "path"),
    [
        ("docker.io", "https://m.example", HUB, "m.example", "library/nginx"),
        ("docker.io", "https://m.example/hub", HUB, "m.example", "hub/library/nginx"),
        ("index.docker.io", "https://m.example:8443/", HUB, "m.example:8443", "library/nginx"),
        ("docker.io/library", "https://m.example/lib", HUB, "m.example", "lib/nginx"),
        ("registry.k8s.io", "http://m.example:80/k8s/", ETCD, "m.example:80", "k8s/etcd"),
        ("REGISTRY.k8s.io", "https://m.example", ETCD, "m.example", "etcd"),
    ],
)
def test_mirror_takes_the_place_of_its_prefix(
    prefix: str, place: str, repository: Repository, host: str, path: str
) -> None:
    mirror, origin = endpoints(repository, Mirrors.of([(prefix, place)]), TLS_ONLY)
    scheme = place.partition(":")[0]
    assert mirror == Endpoint(host=host, path=path, schemes=(scheme,), is_mirror=True)  # type: ignore[arg-type]
    assert not origin.is_mirror


@pytest.mark.parametrize("prefix", ["k8s.io", "registry.k8s.io/et", "registry.k8s.io:443", "egistry.k8s.io"])
def test_prefix_ends_at_a_segment(prefix: str) -> None:
    assert len(endpoints(ETCD, Mirrors.of([(prefix, "https://m.example")]), TLS_ONLY)) == 1


def test_longest_prefix_wins() -> None:
    table = [("docker.io", "https://a.example"), ("docker.io/library", "https://b.example")]
    for order in (table, table[::-1]):
        assert endpoints(HUB, Mirrors.of(order), TLS_ONLY)[0].host == "b.example"
        team = Repository("docker.io", "team/app")
        assert endpoints(team, Mirrors.of(order), TLS_ONLY)[0].host == "a.example"


@pytest.mark.parametrize(
    ("prefix", "place"),
    [
        ("", "https://m.example"),
        ("https://docker.io", "https://m.example"),
        ("docker.io", "m.example"),
        ("docker.io", "ftp://m.example"),
        ("docker.io", "file:///etc/passwd"),
        ("docker.io", "https://user:pw@m.example"),
        ("docker.io", "https://m.example/?x=1"),
        ("docker.io", "https://m.example/#x"),
        ("docker.io", "https://m.example/../x"),
        ("docker.io", "https://m.example/%2e%2e/x"),
        ("docker.io", "https://m.example/UPPER"),
        ("docker.io", "https://"),
        ("docker.io", "https://m.example//x"),
        ("docker.io", "https://m.example\n"),
        ("docker.io", "https://m.example:99999"),
        ("docker.io", "https://" + "m" * 600),
    ],
)
def test_bad_mirrors_are_usage_errors(prefix: str, place: str) -> None:
    with pytest.raises(UsageError, match="mirror") as caught:
        Mirrors.of([(prefix, place)])
    assert "pw" not in str(caught.value)


def test_mirror_given_twice() -> None:
    with pytest.raises(UsageError, match="given twice"):
        Mirrors.of([("docker.io", "https://a.example"), ("index.docker.io/", "https://b.example")])
