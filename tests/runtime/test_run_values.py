"""Values, namespaces and senders from the command line, up to the verdict of a run."""

import json
from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.errors import PolicyErrors, UsageError
from pratique.runtime.cli import main
from pratique.runtime.decision import Report
from pratique.runtime.registry.open import StoreOptions
from pratique.runtime.run_values import nested, parse_variables, read_run_values
from pratique.runtime.session import ApplyOptions, apply
from tests.support_engine import pod
from tests.support_policies import cluster_policy

VALUES = {"apiVersion": "cli.kyverno.io/v1alpha1", "kind": "Values"}
USER = {"apiVersion": "cli.kyverno.io/v1alpha1", "kind": "UserInfo"}
APP = "ghcr.io/acme/app:v1"


def run(folder: Path, policy: str, *resources: Any, **given: Any) -> Report:
    """Judge; `values` and `user` are contents of files, everything else is an option."""
    (folder / "policy.yaml").write_text(policy)
    (folder / "resources.yaml").write_text("\n---\n".join(map(json.dumps, resources)))
    for name, kind in (("values", VALUES), ("user", USER)):
        if name in given:
            (folder / f"{name}.yaml").write_text(json.dumps({**kind, **given.pop(name)}))
            given["values_file" if name == "values" else "user_info"] = folder / f"{name}.yaml"
    options = ApplyOptions(
        policies=(str(folder / "policy.yaml"),),
        resources=(str(folder / "resources.yaml"),),
        store=StoreOptions(offline=True),
        **given,
    )
    return apply(options)


def asks(key: str, value: Any, *context: dict[str, Any], **more: Any) -> str:
    """Return a policy that is skipped with a message where `key` is not `value`."""
    condition = {"key": key, "operator": "NotEquals", "value": value, "message": "as wanted"}
    rule = {"context": context, "preconditions": {"all": [condition]}}
    return cluster_policy(rule=rule, spec={"background": False}, **more)  # some are about the sender


def holds(report: Report) -> bool:
    (result,) = report.results
    assert str(result.status) in ("skip", "error"), result.message
    return "as wanted" in result.message


def of_rule(**found: Any) -> dict[str, Any]:
    """Return a values file for the one rule."""
    return {"values": {"policies": [{"name": "p", "rules": [{"name": "verify", **found}]}]}}


CALL = {"name": "call", "apiCall": {"urlPath": "/api/v1/namespaces"}}
MAP = {"name": "cm", "configMap": {"name": "names", "namespace": "shop"}}


@pytest.mark.parametrize(
    ("key", "value", "given"),
    [
        ("{{ call }}", "yes", {"variables": ("call=yes",)}),
        ("{{ cm.data.who }}", "me", {"variables": ("cm.data.who=me",)}),
        ("{{ call }}", "yes", {"values": {"globalValues": {"call": "yes"}}}),
        ("{{ cm.data.\"a.b\" }}", "me", {"values": {"globalValues": {'cm.data."a.b"': "me"}}}),
        (
            "{{ call }}",
            "own",
            {
                "values": {
                    "globalValues": {"call": "all"},
                    "policies": [{"name": "p", "resources": [{"name": "pod", "values": {"call": "own"}}]}],
                }
            },
        ),
        (
            "{{ call }}",
            "all",
            {
                "values": {
                    "globalValues": {"call": "all"},
                    "policies": [{"name": "q", "resources": [{"name": "pod", "values": {"call": "own"}}]}],
                }
            },
        ),
        (
            "{{ call.items[0] }}",
            1,
            of_rule(values={"call": {"items": [1]}}),
        ),
        (
            "{{ call }}",
            "first",
            of_rule(foreachValues={"call": ["first", "b"]}),
        ),
        ("{{ request.operation }}", "CREATE", {"values": {}}),
        ("{{ request.operation }}", "UPDATE", {"variables": ("request.operation=UPDATE",)}),
        ("{{ request.oldObject.metadata.name }}", "pod", {"variables": ("request.operation=UPDATE",)}),
        (
            "{{ request.object.metadata.labels.team }}",
            "shop",
            {"values": {"globalValues": {"request.object.metadata.labels.team": "shop"}}},
        ),
        ("{{ request.userInfo.username }}", "ann", {"user": {"userInfo": {"username": "ann"}}}),
        ("{{ request.roles[0] }}", "a:b", {"user": {"roles": ["a:b"]}}),
        (
            "{{ serviceAccountNamespace }}/{{ serviceAccountName }}",
            "shop/bot",
            {"user": {"userInfo": {"username": "system:serviceaccount:shop:bot"}}},
        ),
        ("{{ serviceAccountName }}", "", {"user": {"userInfo": {"username": "ann"}}}),
    ],
)  # fmt: skip
def test_values_reach_expressions(tmp_path: Path, key: str, value: Any, given: dict[str, Any]) -> None:
    assert holds(run(tmp_path, asks(key, value, CALL, MAP), pod(APP), **given))


def test_config_maps_among_the_resources_are_read(tmp_path: Path) -> None:
    found = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "names", "namespace": "shop"}}
    policy = asks("{{ cm.data.who }}", "me", MAP)
    assert holds(run(tmp_path, policy, pod(APP), {**found, "data": {"who": "me"}}))
    (result,) = run(tmp_path, policy, pod(APP)).results
    assert "--values-file" in result.message


def test_generated_rules_take_the_values_of_the_rule_they_come_from(tmp_path: Path) -> None:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "default"},
        "spec": {"template": {"spec": {"containers": [{"name": "c", "image": APP}]}}},
    }
    values = {"policies": [{"name": "p", "rules": [{"name": "verify", "values": {"call": "yes"}}]}]}
    assert holds(run(tmp_path, asks("{{ call }}", "yes", CALL), deployment, values=values))


def test_values_of_one_policy_are_not_seen_by_another(tmp_path: Path) -> None:
    values = {"policies": [{"name": "p", "resources": [{"name": "pod", "values": {"call": "yes"}}]}]}
    other = asks("{{ call }}", "yes", CALL, metadata={"name": "q"})
    policies = asks("{{ call }}", "yes", CALL) + "\n---\n" + other
    report = run(tmp_path, policies, pod(APP), values=values)
    assert {r.policy: "as wanted" in r.message for r in report.results} == {"p": True, "q": False}


def test_nothing_is_verified_for_what_is_deleted(tmp_path: Path) -> None:
    assert not run(tmp_path, asks("a", "a"), pod(APP), variables=("request.operation=DELETE",)).results


@pytest.mark.parametrize("field", ["namespaceSelector", "namespaces"])
@pytest.mark.parametrize(("label", "count"), [("prod", 1), ("dev", 0)])
def test_k11_labels_of_namespaces(tmp_path: Path, field: str, label: str, count: int) -> None:
    selector = {"matchLabels": {"env": "prod"}}
    match = {"match": {"any": [{"resources": {"kinds": ["Pod"], "namespaceSelector": selector}}]}}
    labels = {"name": "default", "labels": {"env": label}}
    values = {field: [labels if field == "namespaceSelector" else {"metadata": labels}]}
    policy = cluster_policy(
        rule={**match, "preconditions": {"all": [{"key": 1, "operator": "Equals", "value": 2}]}}
    )
    assert len(run(tmp_path, policy, pod(APP), values=values).results) == count


@pytest.mark.parametrize(
    ("wanted", "user", "count"),
    [
        ({"subjects": [{"kind": "User", "name": "ann"}]}, {"userInfo": {"username": "ann"}}, 1),
        ({"subjects": [{"kind": "User", "name": "ann"}]}, {"userInfo": {"username": "eve"}}, 0),
        ({"subjects": [{"kind": "Group", "name": "dev"}]}, {"userInfo": {"groups": ["dev"]}}, 1),
        ({"roles": ["a:b"]}, {"roles": ["a:b"]}, 1),
        ({"clusterRoles": ["admin"]}, {"clusterRoles": ["view"]}, 0),
        ({"clusterRoles": ["admin"]}, {}, 1),
    ],
)
def test_senders_decide_selection(
    tmp_path: Path, wanted: dict[str, Any], user: dict[str, Any], count: int
) -> None:
    rule = {
        "match": {"any": [{"resources": {"kinds": ["Pod"]}, **wanted}]},
        "preconditions": {"all": [{"key": 1, "operator": "Equals", "value": 2}]},
    }
    policy = cluster_policy(rule=rule, spec={"background": False})
    assert len(run(tmp_path, policy, pod(APP), user=user).results) == count


def test_subresources_stand_for_their_parent(tmp_path: Path) -> None:
    rule = {
        "match": {"any": [{"resources": {"kinds": ["Job/run"]}}]},
        "imageExtractors": {"Run": [{"path": "/spec/image"}]},
        "preconditions": {"all": [{"key": 1, "operator": "Equals", "value": 2}]},
    }
    found = {
        "apiVersion": "acme.example/v1",
        "kind": "Run",
        "metadata": {"name": "r"},
        "spec": {"image": APP},
    }
    own = {"name": "jobs/run", "group": "acme.example", "version": "v1", "kind": "Run"}
    parent = {"name": "jobs", "group": "batch", "version": "v1", "kind": "Job"}
    values = {"subresources": [{"subresource": own, "parentResource": parent}]}
    assert len(run(tmp_path, cluster_policy(rule=rule), found, values=values).results) == 1
    assert not run(tmp_path, cluster_policy(rule=rule), found).results


# --- what is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name", "not NAME=VALUE"),
        ("=x", "not NAME=VALUE"),
        ("a=", "not NAME=VALUE"),
        ("a=b=c", "not NAME=VALUE"),
        ("request.object.spec=x", "part of the resource"),
        ("a..b=c", "no path to a value"),
        (".=c", "no path to a value"),
        ("a." * 100 + "b=c", "no path to a value"),
        ('"a=c', "no path to a value"),
    ],
)
def test_variables_that_kyverno_ignores_are_refused(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        parse_variables([text])


def test_a_variable_is_given_once() -> None:
    with pytest.raises(UsageError, match="twice"):
        parse_variables(["a=1", "a=2"])


def test_values_are_given_in_one_way(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pass the values either using set flag or values_file flag"):
        read_run_values(tmp_path / "v", ["a=b"], None)


def test_operations_are_those_of_requests() -> None:
    with pytest.raises(UsageError, match=r'invalid request\.operation value "PATCH"'):
        read_run_values(None, ["request.operation=PATCH"], None)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"kind": "Values"}, "missing-field"),
        ({**VALUES, "kind": ""}, "wrong-value"),
        ({**VALUES, "globals": {}}, "unknown-field"),
        ({**VALUES, "policies": [{"resources": []}]}, "missing-field"),
        ({**VALUES, "namespaceSelector": [{"name": "a", "labels": {"x": 1}}]}, "wrong-type"),
    ],
)
def test_mistakes_of_a_values_file_have_places(tmp_path: Path, content: Any, code: str) -> None:
    (tmp_path / "v.yaml").write_text(json.dumps(content))
    with pytest.raises(PolicyErrors) as caught:
        read_run_values(tmp_path / "v.yaml", [], None)
    (error, *_) = caught.value.errors
    assert error.code == code
    assert error.location is not None


@pytest.mark.parametrize("text", ["", "a: 1\n---\nb: 2\n", "[1]", "a: [unclosed"])
def test_files_that_hold_no_values(tmp_path: Path, text: str) -> None:
    (tmp_path / "v.yaml").write_text(text)
    with pytest.raises(PolicyErrors):
        read_run_values(tmp_path / "v.yaml", [], None)


def test_values_that_make_no_object_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the object retrieved from the json context is not valid"):
        run(tmp_path, asks("a", "a"), pod(APP), values={"globalValues": {"request.object": "text"}})


def test_longer_paths_win_in_any_order() -> None:
    assert nested({"a.b.c": 1, "a.b": {"c": 2, "d": 3}}) == {"a": {"b": {"c": 1, "d": 3}}}


def test_the_command_line_passes_them_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Flags, not options of a session: `pratique apply` is what people call."""
    values = {"globalValues": {"request.operation": "UPDATE"}}
    user = {"userInfo": {"username": "ann"}}
    for key, value, flags in (
        ("{{ call }}", "yes", ["--set", "call=yes"]),
        ("{{ request.operation }}", "UPDATE", ["--values-file", "values.yaml"]),
        ("{{ request.userInfo.username }}", "ann", ["--userinfo", "user.yaml"]),
    ):
        rule = {
            "context": [CALL],
            "preconditions": json.loads(asks(key, value))["spec"]["rules"][0]["preconditions"],
        }
        texts = {
            "policy.yaml": cluster_policy(rule=rule, spec={"background": False}),
            "pod.yaml": json.dumps(pod(APP)),
            "values.yaml": json.dumps({**VALUES, **values}),
            "user.yaml": json.dumps({**USER, **user}),
        }
        for name, text in texts.items():
            (tmp_path / name).write_text(text)
        paths = [str(tmp_path / flag) if flag.endswith(".yaml") else flag for flag in flags]
        arguments = [
            str(tmp_path / "policy.yaml"),
            "-r",
            str(tmp_path / "pod.yaml"),
            "--offline",
            "-o",
            "json",
        ]
        main(["apply", *arguments, *paths])
        first = json.loads(capsys.readouterr().out)["results"][0]
        assert "as wanted" in first["message"], (key, first)
