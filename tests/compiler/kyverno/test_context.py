"""Context entries when a policy is loaded: Kyverno's refusals, mistakes in expressions, places, autogen."""

from typing import Any

import pytest

from pratique.compiler.context_entries import ApiSource, ConfigMapSource, ImageSource, VariableSource
from pratique.compiler.ir import RegistryCredentials
from pratique.grammar.errors import PolicyError
from tests.support_policies import cluster_policy, policy, read

POLICY_A: dict[str, Any] = {"kind": "Policy", "metadata": {"namespace": "a"}}


def errors(*entries: dict[str, Any], **more: Any) -> list[PolicyError]:
    return list(read(cluster_policy(rule={"context": list(entries)}, **more)).errors)


def config_map(**source: str) -> dict[str, Any]:
    return {"name": "cm", "configMap": source}


def call(**source: Any) -> dict[str, Any]:
    return {"name": "call", "apiCall": source}


def variable(**source: Any) -> dict[str, Any]:
    return {"name": "v", "variable": source}


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"name": "", "variable": {"value": 1}}, "a name is required for context entries"),
        (
            {"name": "request.x", "variable": {"value": 1}},
            "entry name request.x is invalid as it conflicts with a pre-defined variable request",
        ),
        ({"name": "images", "variable": {"value": 1}}, "conflicts with a pre-defined variable images"),
        (
            {"name": "x"},
            "exactly one of configMap or apiCall or imageRegistry or variable is required for context",
        ),
        (
            {"name": "x", "variable": {"value": 1}, "globalReference": {"name": "g"}},
            "exactly one of configMap or apiCall or imageRegistry or variable is required for context",
        ),
        (variable(), "a variable must define a value or a jmesPath expression"),
        (variable(default=1), "a variable must define a value or a jmesPath expression"),
        (
            variable(value=1, default=2),
            "a variable must define a default value only when a jmesPath expression is defined",
        ),
        (variable(jmesPath="a["), "failed to parse JMESPath a["),
        (config_map(name="", namespace="x"), "a name is required for configMap context entry"),
        (config_map(name="x"), "a namespace is required for configMap context entry"),
        (call(urlPath="/api/v1/pods", service={"url": "https://x"}), "a URLPath cannot be used for service"),
        (call(method="POST"), "an apiCall needs a urlPath or a service with a url"),
        (call(urlPath="/api/v1/pods", jmesPath="]"), "failed to parse JMESPath ]"),
        ({"name": "g", "globalReference": {"name": ""}}, "a name is required for globalReference"),
        ({"name": "g", "globalReference": {"name": "x", "jmesPath": "("}}, "failed to parse JMESPath ("),
        ({"name": "i", "imageRegistry": {"reference": ""}}, "a ref is required for imageRegistry"),
        ({"name": "i", "imageRegistry": {"reference": "A:B:C"}}, "bad image: A:B:C"),
        (
            {"name": "i", "imageRegistry": {"reference": "a", "jmesPath": "no_such(@)"}},
            "failed to parse JMESPath no_such(@)",
        ),
    ],
)
def test_refusals(entry: dict[str, Any], text: str) -> None:
    (error,) = errors(entry)
    assert text in error.message
    assert error.location is not None


@pytest.mark.parametrize(
    "entry",
    [
        variable(value="{{ @ | no_such_function(@) }}"),
        variable(jmesPath="no_such_function(@)"),
        variable(jmesPath="{{ no_such_function(@) }}"),
        variable(jmesPath="x", default={"deep": ["{{ no_such_function('') }}"]}),
        config_map(name="{{ no_such_function(@) }}", namespace="x"),
        config_map(name="x", namespace="{{ no_such_function(@) }}"),
        call(urlPath="/api/{{ no_such_function(@) }}"),
        call(urlPath="/api", method="POST", data=[{"key": "k", "value": "{{ no_such_function(@) }}"}]),
        call(service={"url": "https://svc/{{ no_such_function(@) }}"}),
        call(
            service={"url": "https://svc/", "headers": [{"key": "k", "value": "{{ no_such_function(@) }}"}]}
        ),
        {"name": "g", "globalReference": {"name": "{{ no_such_function(@) }}"}},
        {"name": "i", "imageRegistry": {"reference": "{{ no_such_function(@) }}"}},
    ],
)
def test_k12_unknown_functions_are_load_errors_in_every_field(entry: dict[str, Any]) -> None:
    (error,) = errors({"name": "fine", "variable": {"value": 1}}, entry)
    assert error.code == "unknown-function"
    assert "no_such_function" in error.message
    assert error.location is not None
    assert "no_such_function" in error.location.source.excerpt(error.location.span)


def test_a_mistake_costs_one_error_each() -> None:
    found = errors(variable(jmesPath="a["), call(urlPath="/api/../x"), config_map(name="UP", namespace="x"))
    assert [e.code for e in found] == [found[0].code, "path-refused", "bad-name"]
    assert len({e.location.span for e in found if e.location}) == 3


def test_k19_k20_a_namespaced_policy_asks_about_its_own_namespace() -> None:
    (error,) = errors(call(urlPath="/api/v1/namespaces/b/secrets"), **POLICY_A)
    assert error.code == "foreign-namespace"
    assert "refers to namespace b, which is different from the policy namespace a" in error.message
    (error,) = errors(config_map(name="x", namespace="b"), **POLICY_A)
    assert 'configMap namespace "b" is different from policy namespace "a"' in error.message
    assert not errors(call(urlPath="/api/v1/namespaces/a/secrets"), **POLICY_A)
    assert not errors(config_map(name="x", namespace="a"), **POLICY_A)
    assert not errors(call(urlPath="/api/v1/namespaces/b/secrets"))


def test_k28_a_namespaced_policy_calls_no_service() -> None:
    (error,) = errors(call(service={"url": "https://svc.a/x"}), **POLICY_A)
    assert "may not call services" in error.message


def test_k30_a_variable_in_the_host_is_a_load_error() -> None:
    (error,) = errors(call(service={"url": "https://{{request.object.metadata.annotations.x}}/"}))
    assert error.code == "url-refused"


def with_secret(name: str, **more: Any) -> dict[str, Any]:
    credentials = {"secrets": [name], **more}
    return {"name": "i", "imageRegistry": {"reference": "a", "imageRegistryCredentials": credentials}}


def test_variables_in_names_of_secrets_are_refused_not_ignored() -> None:
    (error,) = errors(with_secret("{{ request.namespace }}"))
    assert error.code == "unsupported-field"


def test_k20_credentials_of_an_entry_are_of_the_policys_own_namespace() -> None:
    assert not errors(with_secret("b/s"))
    assert not errors(with_secret("a/s"), **POLICY_A)
    for name in ("b/s", "s"):
        (error,) = errors(with_secret(name), **POLICY_A)
        assert error.code == "foreign-secret"


def test_credentials_of_an_entry_are_lowered() -> None:
    entry = with_secret("s", providers=["google"], allowInsecureRegistry=True)
    (lowered,) = policy(cluster_policy(rule={"context": [entry]})).rules[0].context
    credentials = RegistryCredentials(secrets=("s",), providers=("google",), insecure=True)
    assert lowered.source == ImageSource(reference="a", credentials=credentials)


def test_lowering_keeps_order_and_places() -> None:
    entries = (variable(value={"a": [1]}), config_map(name="x", namespace="y"), call(urlPath="/api"))
    rule = policy(cluster_policy(rule={"context": list(entries)})).rules[0]
    assert [entry.name for entry in rule.context] == ["v", "cm", "call"]
    assert [entry.source for entry in rule.context] == [
        VariableSource(value={"a": [1]}),
        ConfigMapSource(name="x", namespace="y"),
        ApiSource(url_path="/api"),
    ]
    lines = [entry.at.location.span.start.line for entry in rule.context if entry.at.location]
    assert lines == sorted(lines)
    assert len(lines) == 3


def test_generated_rules_read_the_template() -> None:
    found = policy(cluster_policy(rule={"context": [variable(jmesPath="request.object.spec.x")]}))
    paths = [e.source.path for r in found.rules for e in r.context if isinstance(e.source, VariableSource)]
    assert paths == [
        "request.object.spec.x",
        "request.object.spec.template.spec.x",
        "request.object.spec.jobTemplate.spec.template.spec.x",
    ]


def test_k12_the_path_of_an_extractor_is_compiled_when_the_policy_is_loaded() -> None:
    for path, codes in (("to_upper(@)", []), ("no_such_function(@)", ["unknown-function"])):
        rule = {"imageExtractors": {"Task": [{"path": "/spec/image", "jmesPath": path}]}}
        assert [error.code for error in read(cluster_policy(rule=rule)).errors] == codes
