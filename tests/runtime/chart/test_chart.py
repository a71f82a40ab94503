"""The chart, linted and rendered by Helm: what every object of it must be."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique.runtime.cli import main
from pratique.runtime.cli.parser import command_parser
from pratique.runtime.kubernetes.definitions import (
    open_report_definitions,
    policy_definitions,
    report_definitions,
)
from pratique.runtime.kubernetes.types import CEL_POLICIES
from pratique.runtime.outputs.json_text import yaml_text
from pratique.runtime.resource import POD_SPECS
from tests.support_helm import (
    CHART,
    FILES,
    LEAST,
    POLICY,
    ROOT,
    Manifest,
    manifests,
    of_kind,
    pods,
    rendered,
    run_helm,
)

DIGEST = f"sha256:{'0' * 64}"
OPTIONAL = (
    *FILES,
    "--set",
    "certificates.existingSecret=given,registry.credentialsSecret=reg,policySecrets=sec,replicas=3,"
    "sharedCache.url=valkeys://cache.example/1,sharedCache.existingSecret=shared,sharedCache.password=true,"
    "sharedCache.authorities=true,debugPort=9440,pagePort=8080,traces.url=http://otel:4318,"
    "antiAffinity=required,priorityClassName=system-cluster-critical,image.digest=" + DIGEST,
    "--set-json",
    'extraArgs=["--mirror=docker.io=https://mirror.example"]',
    "--set-json",
    'networkPolicy.from=[{"ipBlock":{"cidr":"10.0.0.0/28"}}]',
)


SCANNED = (
    *("pods", "replicationcontrollers"),
    *("daemonsets", "deployments", "replicasets", "statefulsets"),
    *("cronjobs", "jobs"),
)
WRITTEN = ("create", "delete", "get", "list", "update", "watch")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("helm")


@pytest.fixture(scope="module", params=[(), OPTIONAL], ids=["least", "optional"])
def objects(request: pytest.FixtureRequest, home: Path) -> list[Manifest]:
    return manifests(home, *request.param)


@pytest.mark.parametrize("arguments", [(), LEAST, (*LEAST, *OPTIONAL)], ids=["bare", "least", "optional"])
def test_helm_has_nothing_to_say(home: Path, arguments: tuple[str, ...]) -> None:
    done = run_helm("lint", "--strict", str(CHART), *arguments, home=home)
    assert done.returncode == 0, done.stdout


def test_the_version_is_that_of_the_project() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    from pratique.grammar import __version__

    assert chart["appVersion"] == __version__


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (FILES, "image.repository is needed"),
        ((*LEAST, *FILES, "--set", "policies.configMap=other"), "exclude each other"),
        ((*LEAST, "--set", "policies.refuseFindings=all"), "refuseFindings"),
        ((*LEAST, "--set", "policies.exceptionsIn=a b"), "exceptionsIn"),
        ((*LEAST, *FILES, "--set", "policies.exceptionsIn=ns"), "policies.exceptionsIn is about"),
        ((*LEAST, "--set", "replica=3"), "replica"),
        ((*LEAST, "--set", "reports.kind=all"), "kind"),
        (
            (*LEAST, "--set-json", 'reports.resources=[{"apiGroups":[""],"resources":[],"verbs":["*"]}]'),
            "verbs",
        ),
        ((*LEAST, "--set", "replicas=0"), "replicas"),
        ((*LEAST, "--set", "image.digest=sha256:abc"), "digest"),
        ((*LEAST, "--set", "excludeNamespaces[0]=Kube System"), "excludeNamespaces"),
        ((*LEAST, "--set", "podDisruptionBudget.maxUnavailable=0"), "maxUnavailable"),
        ((*LEAST, "--set-json", 'extraArgs=["serve"]'), "extraArgs"),
        ((*LEAST, "--set", "resources.limits.cpu=null"), "cpu"),
        ((*LEAST, "--set", "traces.url=otel:4318"), "traces"),
        ((*LEAST, "--set", "sharedCache.url=valkey://h"), "sharedCache.existingSecret is needed"),
        ((*LEAST, "--set", "sharedCache.url=valkey://:p@h,sharedCache.existingSecret=s"), "sharedCache"),
        ((*LEAST, "--set", "sharedCache.url=h:6379,sharedCache.existingSecret=s"), "sharedCache"),
    ],
)
def test_wrong_values_are_refused(home: Path, arguments: tuple[str, ...], complaint: str) -> None:
    done = run_helm("template", "pratique", str(CHART), *arguments, home=home)
    assert done.returncode
    assert complaint in done.stderr


def test_the_schema_knows_every_value_and_no_other() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())

    def compare(value: Any, schema: dict[str, Any], path: str) -> None:
        if "properties" not in schema:
            return
        assert schema["additionalProperties"] is False, path
        assert set(value) == set(schema["properties"]) - {"global"}, path
        for name, inner in value.items():
            compare(inner, schema["properties"][name], f"{path}.{name}")

    compare(values, schema, "")


def test_rights_are_those_that_were_reviewed(home: Path) -> None:
    """What `pratique serve` asks the API server for, and nothing else; discovery is open to all."""
    own = ("pratique",)
    hooks = ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"]
    reviewed: dict[tuple[str, str, tuple[str, ...]], set[str]] = {
        # Mirror of namespaces (serving/namespaces.py).
        ("ClusterRole", "namespaces", ()): {"get", "list", "watch"},
        # serving/roles.py.
        ("ClusterRole", "clusterrolebindings", ()): {"list", "watch"},
        ("ClusterRole", "rolebindings", ()): {"list", "watch"},
        # serving/live_policies.py, policy_status.py.
        ("ClusterRole", "clusterpolicies", ()): {"list", "watch"},
        ("ClusterRole", "policies", ()): {"list", "watch"},
        ("ClusterRole", "clusterpolicies/status", ()): {"patch"},
        ("ClusterRole", "policies/status", ()): {"patch"},
        **{("ClusterRole", type.plural, ()): {"list", "watch"} for type in CEL_POLICIES},
        **{("ClusterRole", f"{type.plural}/status", ()): {"patch"} for type in CEL_POLICIES},
        # scanning/inventory.py.
        **{("ClusterRole", name, ()): {"list", "watch"} for name in SCANNED},
        # scanning/writer.py.
        **{("ClusterRole", name, ()): set(WRITTEN) for name in ("clusterpolicyreports", "policyreports")},
        # kubernetes/events.py.
        ("ClusterRole", "events", ()): {"create"},
        # serving/registration.py; delete for OwnerReferencesPermissionEnforcement.
        **{("ClusterRole", hook, ()): {"create"} for hook in hooks},
        **{("ClusterRole", hook, own): {"delete", "get", "list", "update", "watch"} for hook in hooks},
        # Installation._owner.
        ("ClusterRole", "clusterroles", own): {"get"},
        # kubernetes/lease.py.
        ("Role", "leases", own): {"get", "update"},
        # serving/certificate_secret.py.
        ("Role", "secrets", ("pratique-certificates",)): {"get", "list", "update", "watch"},
    }
    assert _rights(manifests(home)) == reviewed

    def missing(*arguments: str) -> set[str]:
        return {resource for _, resource, _ in reviewed.keys() - _rights(manifests(home, *arguments)).keys()}

    policies = {"clusterpolicies", "policies", *(type.plural for type in CEL_POLICIES)}
    status = {f"{name}/status" for name in policies}
    assert missing("--set", "certificates.existingSecret=given") == {"secrets"}
    assert missing("--set", "besideKyverno=true") == status
    assert missing(*FILES) == policies | status

    reports = {"clusterpolicyreports", "policyreports"}
    assert missing("--set", "reports.kind=none") == {*SCANNED, *reports}
    assert missing("--set", "reports.kind=openreports") == reports
    assert missing("--set-json", 'reports.resources=[{"apiGroups":[""],"resources":["pods"]}]') == {
        *SCANNED
    } - {"pods"}

    def added(*arguments: str) -> dict[tuple[str, str, tuple[str, ...]], set[str]]:
        found = _rights(manifests(home, *arguments))
        return {right: found[right] for right in found.keys() - reviewed.keys()}

    written = {("ClusterRole", name, ()): set(WRITTEN) for name in ("clusterreports", "reports")}
    assert added("--set", "reports.kind=openreports") == written
    # serving/live_exceptions.py.
    for where in ("ns", "*"):
        exceptions = {("ClusterRole", "policyexceptions", ()): {"list", "watch"}}
        assert added("--set", f"policies.exceptionsIn={where}") == exceptions


def _rights(objects: list[Manifest]) -> dict[tuple[str, str, tuple[str, ...]], set[str]]:
    return {
        (role["kind"], resource, tuple(rule.get("resourceNames", ()))): set(rule["verbs"])
        for role in of_kind(objects, "ClusterRole") + of_kind(objects, "Role")
        for rule in role["rules"]
        for resource in rule["resources"]
    }


def test_the_account_of_the_roles_is_that_of_the_pods(objects: list[Manifest]) -> None:
    [account] = of_kind(objects, "ServiceAccount")
    assert account["automountServiceAccountToken"] is False
    for binding in of_kind(objects, "ClusterRoleBinding") + of_kind(objects, "RoleBinding"):
        [subject] = binding["subjects"]
        assert subject == {"kind": "ServiceAccount", "name": "pratique", "namespace": "pratique"}
        assert binding["roleRef"]["name"] == "pratique"
    [deployment] = of_kind(objects, "Deployment")
    assert deployment["spec"]["template"]["spec"]["serviceAccountName"] == account["metadata"]["name"]


def test_only_who_asks_the_api_server_has_a_token(objects: list[Manifest]) -> None:
    tokens = {(pod.get("serviceAccountName"), pod["automountServiceAccountToken"]) for pod in pods(objects)}
    assert tokens == {("pratique", True), (None, False)}


def test_pods_pass_our_own_policy(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing but the digest of the image is left to whoever installs."""
    policy = ROOT / "tests/data/chart/hardened.yaml"
    file = tmp_path / "rendered.yaml"
    file.write_text(rendered(home, *LEAST, *OPTIONAL))
    assert main(["apply", str(policy), "-r", str(file)]) == 0
    assert "pass: 3, fail: 0" in capsys.readouterr().out
    file.write_text(rendered(home, *LEAST))
    assert main(["apply", str(policy), "-r", str(file)]) == 1
    assert "containers/0/image" in capsys.readouterr().out


def test_selectors_select_the_server_alone(objects: list[Manifest]) -> None:
    [deployment] = of_kind(objects, "Deployment")
    [service] = of_kind(objects, "Service")
    [budget] = of_kind(objects, "PodDisruptionBudget")
    [policy] = of_kind(objects, "NetworkPolicy")
    [test] = of_kind(objects, "Pod")
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()
    for selector in (
        deployment["spec"]["selector"]["matchLabels"],
        service["spec"]["selector"],
        budget["spec"]["selector"]["matchLabels"],
        policy["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector.items() <= labels
        assert not selector.items() <= test["metadata"]["labels"].items()
    assert service["spec"]["ports"][0]["targetPort"] == "https"
    named = [port["port"] for port in policy["spec"]["egress"][0]["ports"]]
    arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    assert (6379 in named) == any("--shared-cache=" in argument for argument in arguments)
    if peers := policy["spec"]["ingress"][0].get("from"):
        assert peers[-1]["podSelector"]["matchLabels"].items() <= test["metadata"]["labels"].items()


def test_volumes_are_those_that_arguments_name(objects: list[Manifest]) -> None:
    [deployment] = of_kind(objects, "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert set(mounts) == {volume["name"] for volume in pod["volumes"]}
    paths = [mount["mountPath"] for name, mount in mounts.items() if name != "tmp"]
    for path in paths:
        assert any(path in argument for argument in container["args"]), path
    named = re.findall(r"/(?:etc|var)/[a-z/]*", " ".join(container["args"]))
    assert all(any(name.startswith(path) for path in paths) for name in named)
    writable = {name for name, mount in mounts.items() if not mount.get("readOnly")}
    assert writable == {"cache", "tmp"}


def test_arguments_are_understood(
    objects: list[Manifest], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    [deployment] = of_kind(objects, "Deployment")
    arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    for file in ("registry/config.json", "secrets/secrets.yaml"):
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).write_text("{}")
    moved = [each.replace("/etc/pratique", str(tmp_path)) for each in arguments]
    args = command_parser("serve").parse_args(moved)
    assert args.service.port == 443
    assert (args.reports, args.report_per, args.scan_interval) == ("policyreports", "resource", 3600)
    assert args.exclude_namespace == ["kube-system"]
    grace = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert args.linger + 25 < grace


def test_other_policies_start_other_pods(home: Path) -> None:
    def checksum(*arguments: str) -> str:
        [deployment] = of_kind(manifests(home, *arguments), "Deployment")
        annotations = deployment["spec"]["template"]["metadata"]["annotations"]
        return str(annotations["checksum/policies"])

    assert checksum(*FILES) == checksum(*FILES, "--set", "replicas=5")
    assert checksum(*FILES) != checksum(*FILES, "--set-file", f"policies.files.more={POLICY}")


def test_policies_come_through_as_they_are(home: Path) -> None:
    [config] = of_kind(manifests(home, *FILES), "ConfigMap")
    assert config["data"] == {"kubernetes.yaml": POLICY.read_text()}


def test_releases_do_not_take_each_other_s_objects(home: Path) -> None:
    one, other = manifests(home, release="a"), manifests(home, release="b")
    names = [{(each["kind"], each["metadata"]["name"]) for each in objects} for objects in (one, other)]
    assert not names[0] & names[1]


def test_the_script_of_the_test_is_python(objects: list[Manifest]) -> None:
    [test] = of_kind(objects, "Pod")
    ast.parse(test["spec"]["containers"][0]["args"][0])


def test_definitions_are_those_that_the_project_prints(golden: Any) -> None:
    golden(CHART / "crds/policies.yaml", yaml_text(policy_definitions()))
    golden(CHART / "crds/reports.yaml", yaml_text([*report_definitions(), *open_report_definitions()]))


def test_what_runs_images_may_be_read_for_reports() -> None:
    """Kinds of the built-in extraction, which autogen makes rules for."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    named = {name for rule in values["reports"]["resources"] for name in rule["resources"]}
    assert named == {f"{kind.lower()}s" for kind in POD_SPECS} - {"podtemplates"} == set(SCANNED)


def test_the_plain_manifest_is_the_chart(home: Path, golden: Any) -> None:
    path = ROOT / "deploy/pratique.yaml"
    head = "# Made by Helm as deploy/values.yaml says: put your image in its place.\n"
    arguments = ("-f", str(ROOT / "deploy/values.yaml"), "--skip-tests")
    golden(path, head + rendered(home, *arguments))
