import pytest
from pydantic import BaseModel

from pratique.grammar.documents import ClusterPolicy
from pratique.grammar.documents.attestors import AttestorSet, KeylessAttestor
from pratique.grammar.documents.kyverno import ImageExtractor, MatchResources, Rule, Spec
from pratique.grammar.documents.schema import bare, choices_at, fields, homes, model_at

ENTRY = ("spec", "rules", 3, "verifyImages", 0)


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ((), ClusterPolicy),
        (("spec",), Spec),
        (("spec", "rules", 0), Rule),
        (("spec", "rules"), None),
        ((*ENTRY, "attestors", 1), AttestorSet),
        ((*ENTRY, "attestors", 1, "entries", 0, "attestor", "entries", 2, "keyless"), KeylessAttestor),
        (("spec", "rules", 0, "imageExtractors", "Task", 0), ImageExtractor),
        (("spec", "rules", 0, "preconditions", "any"), None),
        (("spec", "nothing"), None),
        (("spec", "rules", 0, "name", 0), None),
    ],
)
def test_model_at(path: tuple[str | int, ...], model: type[BaseModel] | None) -> None:
    assert model_at(ClusterPolicy, path) is model


def test_field_names_are_those_of_documents() -> None:
    assert {"validate", "verifyImages", "imageExtractors"} < set(fields(Rule))


def test_bare() -> None:
    assert bare(fields(Rule)["match"].annotation) is MatchResources
    assert bare(fields(Rule)["exclude"].annotation) is MatchResources
    assert bare(int | str) is None


def test_homes() -> None:
    assert homes(ClusterPolicy, "imageReferences") == ("spec.rules[].verifyImages[]",)
    assert homes(ClusterPolicy, "spec") == ("the top level",)
    assert homes(ClusterPolicy, "skipImageReferences") == ("spec.rules[].verifyImages[]",)
    assert "spec.rules[].imageExtractors.*[]" in homes(ClusterPolicy, "jmesPath")
    assert homes(ClusterPolicy, "nothing") == ()


def test_choices_are_those_of_the_field() -> None:
    assert choices_at(ClusterPolicy, ("spec", "failurePolicy")) == ("Ignore", "Fail")
    assert choices_at(ClusterPolicy, ("spec", "background")) == ("true", "false")
    assert choices_at(ClusterPolicy, ("spec", "rules", 0, "name")) == ()
    assert choices_at(ClusterPolicy, ("spec", "nothing")) == ()
