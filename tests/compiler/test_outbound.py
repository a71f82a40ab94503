"""What a policy may ask for: paths, names and URLs (rules R10 and R11, threats K19 to K24, K28 to K30)."""

import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler.outbound import check_name, check_path, check_url
from pratique.grammar.errors import EvaluationError


def refused(path: str, namespace: str | None = None) -> str:
    with pytest.raises(EvaluationError) as caught:
        check_path(path, namespace)
    return caught.value.code


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/namespaces",
        "/apis/apps/v1/deployments?labelSelector=app%3Dx,tier!=db&limit=1",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node",
        "/version",
    ],
)
def test_plain_paths_of_cluster_wide_policies(path: str) -> None:
    check_path(path, None)


@pytest.mark.parametrize(
    "path",
    ["/api/v1/namespaces/a", "/api/v1/namespaces/a/configmaps/x", "/apis/apps/v1/namespaces/a/deployments"],
)
def test_own_namespace(path: str) -> None:
    check_path(path, "a")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/namespaces/b/secrets",
        "/api/v1/pods",
        "/api/v1/nodes/namespaces/a",
        "/api/v1/pods/x/namespaces/a/secrets",
        "/apis/apps/v1",
    ],
)
def test_k19_a_namespaced_policy_names_its_own_namespace_only(path: str) -> None:
    assert refused(path, "a") == "foreign-namespace"


SPELLINGS = [
    "%2e%2e",
    "%252e",
    "..%2f",
    "\\",
    "//",
    ";",
    "..",
    ".",
    "\u2026",
    "\uff0e\uff0e",
    "%zz",
    "%",
    "%2",
    "#",
    " ",
    "\n",
    "a\x00",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("namespace", [None, "a"])
def test_k21_k23_spellings_of_the_way_up_are_refused(spelling: str, namespace: str | None) -> None:
    assert refused(f"/api/v1/namespaces/a/{spelling}/b/secrets", namespace) == "path-refused"


@pytest.mark.parametrize("mark", ["#", "?"])
def test_k22_nothing_hides_behind_a_query_or_fragment(mark: str) -> None:
    assert refused(f"/api/v1/namespaces/a/pods{mark}/../../b/secrets", "a") == "path-refused"
    assert refused(f"/api/v1/namespaces/a/pods{mark}x=1", "a") == "path-refused"


@pytest.mark.parametrize("query", ["a=%zz", "a=%", "a=#", "a b", "a=\n"])
def test_k23_malformed_queries_are_refused(query: str) -> None:
    assert refused(f"/api/v1/pods?{query}") == "path-refused"


@given(st.text(max_size=12))
def test_k24_a_name_never_changes_the_path(name: str) -> None:
    with suppress(EvaluationError):
        check_name("name", name)
        assert set(name) <= set(string.ascii_lowercase + string.digits + "-.")
        assert name
        assert ".." not in name


@pytest.mark.parametrize(
    "url",
    ["https://svc.ns:8443/path", "http://svc", "https://[2001:db8::1]/x", "https://svc/{{ x }}?a={{ y }}"],
)
def test_plain_urls(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://{{ request.object.metadata.annotations.x }}/a",
        "https://svc.{{ x }}/a",
        "https://svc:{{ x }}/a",
        "https://svc{{ x }}",
        "https://{{ x }}@svc/a",
        "https://user:secret@svc/a",
        "{{ x }}://svc/",
        "file:///etc/passwd",
        "gopher://svc/",
        "https://svc\\@evil/",
        "https://svc#/{{ x }}",
        "https://",
        "svc/path",
    ],
)
def test_k30_urls_with_variables_or_credentials_where_they_lead_are_refused(url: str) -> None:
    with pytest.raises(EvaluationError, match="plain http"):
        check_url(url)
