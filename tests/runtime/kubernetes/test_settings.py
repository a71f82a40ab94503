import base64
from pathlib import Path

import pytest

from pratique.grammar.errors import UsageError
from pratique.runtime.kubernetes.settings import find_cluster, from_kubeconfig, in_cluster

SECRET = "s3cret-token"


def config(
    folder: Path, user: str = f"token: {SECRET}", cluster: str = "server: https://one.test:6443/"
) -> Path:
    path = folder / "config"
    path.write_text(f"""\
apiVersion: v1
kind: Config
current-context: first
contexts:
- name: first
  context: {{cluster: one, user: me, namespace: shop}}
clusters:
- name: one
  cluster: {{{cluster}}}
users:
- name: me
  user: {{{user}}}
""")
    return path


def test_the_current_context_is_read(tmp_path: Path) -> None:
    authority = base64.b64encode(b"PEM").decode()
    named = "server: https://one.test:6443/, certificate-authority-data: " + authority
    found = from_kubeconfig(config(tmp_path, cluster=named))
    assert (found.server, found.namespace, found.authority) == ("https://one.test:6443", "shop", b"PEM")
    assert found.bearer() == SECRET
    assert SECRET not in repr(found)


def test_files_are_named_from_the_folder_of_the_config(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("one\n")
    found = from_kubeconfig(config(tmp_path, user="tokenFile: token"))
    assert found.bearer() == "one"
    (tmp_path / "token").write_text("two\n")
    assert found.bearer() == "two"


@pytest.mark.parametrize(
    ("user", "cluster"),
    [
        ("exec: {command: helper}", "server: https://one.test"),
        ("token: x", "server: https://one.test, insecure-skip-tls-verify: true"),
        ("token: x", "server: 'file:///etc'"),
        ("client-certificate-data: '***'", "server: https://one.test"),
        ("client-certificate: missing.pem", "server: https://one.test"),
    ],
)
def test_what_would_be_unsafe_or_unread_is_refused(tmp_path: Path, user: str, cluster: str) -> None:
    with pytest.raises(UsageError):
        from_kubeconfig(config(tmp_path, user, cluster))


def test_an_unknown_context_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no context 'other'"):
        from_kubeconfig(config(tmp_path), "other")


@pytest.mark.parametrize("text", ["", "[]", "a: [", "kind: Config\n---\nkind: Config\n"])
def test_other_files_are_no_kubeconfig(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(UsageError):
        from_kubeconfig(path)


def test_a_pod_uses_its_service_account(tmp_path: Path) -> None:
    for name, text in (("token", "abc\n"), ("ca.crt", "PEM"), ("namespace", "pratique")):
        (tmp_path / name).write_text(text)
    found = in_cluster({"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}, tmp_path)
    assert (found.server, found.namespace, found.bearer()) == ("https://[fd00::1]:6443", "pratique", "abc")


def test_the_environment_names_a_kubeconfig(tmp_path: Path) -> None:
    found = find_cluster(environment={"KUBECONFIG": f"{config(tmp_path)}:/elsewhere"})
    assert found.server == "https://one.test:6443"
