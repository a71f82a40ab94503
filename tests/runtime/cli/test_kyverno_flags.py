from __future__ import annotations

import pytest

from pratique.grammar.errors import UsageError
from pratique.runtime.cli import apply, main
from pratique.runtime.cli.kyverno_flags import ACCEPTED, REFUSED, Flag
from pratique.runtime.cli.parser import parse
from pratique.runtime.decision import Report

_FLAGS = """
--audit-warn --batch-size --cluster -c --cluster-wide-resources --concurrent --context
--context-file --continue-on-error --continue-on-fail --crd-path --crd-paths --detailed-results
--envoy-payload --exception -e --exceptions --exceptions-with-resources
--exceptions-within-policies --exceptions-within-resources --generate-exceptions
--generated-exception-ttl --git-branch -b --http-payload --json --kubeconfig --namespace -n
--output -o --output-format --parameter-resource --password --policy-report -p --registry
--remove-color --resource -r --resources --set -s --show-performance --stdin -i --table -t
--target-resource --target-resources --userinfo -u --username --values-file -f --warn-exit-code
--warn-no-pass
"""
KYVERNO_APPLY = frozenset(_FLAGS.split())
"""All flags of `kyverno apply` 1.19."""


def words(flag: Flag, name: str) -> list[str]:
    return [name, "value"] if flag.value else [name]


def test_every_flag_of_kyverno_apply_is_known() -> None:
    with pytest.raises(SystemExit):
        parse(["apply", "--help"])
    known = set(apply_options())
    assert known >= KYVERNO_APPLY


def apply_options() -> list[str]:
    from pratique.runtime.cli.parser import command_parser

    return list(command_parser("apply")._option_string_actions)


def test_both_kinds_name_real_flags_only() -> None:
    named = {name for flag in (*ACCEPTED, *REFUSED) for name in flag.names}
    assert named - KYVERNO_APPLY == {"--v"}  # of all Kyverno's commands


@pytest.mark.parametrize("flag", REFUSED, ids=lambda flag: flag.names[0])
def test_refused_flags_say_why(flag: Flag, capsys: pytest.CaptureFixture[str]) -> None:
    for name in flag.names:
        assert main(["apply", "p", *words(flag, name), "-r", "r"]) == 2
        assert capsys.readouterr().err == f"pratique: {name}: {flag.why}\n"


@pytest.mark.parametrize("flag", ACCEPTED, ids=lambda flag: flag.names[0])
def test_accepted_flags_change_nothing(flag: Flag) -> None:
    plain = vars(parse(["apply", "p", "-r", "r"]).args)
    for name in flag.names:
        assert vars(parse(["apply", "p", *words(flag, name), "-r", "r"]).args) == plain


def test_every_reason_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["apply", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for flag in (*ACCEPTED, *REFUSED):
        assert flag.why in text
        assert all(name in text for name in flag.names)


@pytest.mark.parametrize(
    "command",
    [
        "apply policy.yaml --resource=pod.yaml --registry",
        "apply p1.yaml p2.yaml --resource a.yaml --resource b.yaml -p --output-format json",
        "apply p/ -r a.yaml,b.yaml --audit-warn --warn-exit-code 3 --warn-no-pass --detailed-results -t",
        "apply policy.yaml -r=pod.yaml --continue-on-fail=true --remove-color=true --v=4 --namespace default",
    ],
)
def test_commands_of_pipelines(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(apply, "evaluate", lambda *_: Report(results=()))
    assert main(command.split()) in (0, 3)
    assert "pratique:" not in capsys.readouterr().err


def test_a_value_is_not_taken_for_a_policy() -> None:
    with pytest.raises(UsageError, match="-b: this version reads policies from files"):
        parse(["apply", "p", "-b", "main", "-r", "r"])
    assert parse(["apply", "p", "-n", "ns", "-r", "r"]).args.policies == ["p"]
