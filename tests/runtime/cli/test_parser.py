from __future__ import annotations

import pytest

from pratique.grammar.errors import ExitCode, UsageError
from pratique.runtime.cli.diagnostics import CRASH
from pratique.runtime.cli.parser import COMMANDS, EXIT_CODES, command_parser, load, parse, root_parser


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_keeps_the_contract(name: str) -> None:
    module = load(name)
    assert name == module.NAME
    assert module.HELP.isprintable()
    assert module.HELP.strip(" .") == module.HELP
    assert callable(module.run)
    assert command_parser(name).format_help().startswith(f"usage: pratique {name}")


def test_help_lists_every_command_and_exit_code() -> None:
    text = root_parser().format_help()
    for name in COMMANDS:
        assert f"\n  {name} " in text
        assert load(name).HELP in text
    for code, _ in EXIT_CODES:
        assert f"\n  {code} " in text


def test_the_list_of_exit_codes_has_those_of_errors_and_crashes() -> None:
    codes = [code for code, _ in EXIT_CODES]
    assert codes == sorted(set(codes))
    assert {*map(int, ExitCode), CRASH} < set(codes)


def test_help_does_not_depend_on_the_width_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    narrow = command_parser("apply").format_help()
    monkeypatch.setenv("COLUMNS", "250")
    assert command_parser("apply").format_help() == narrow


def test_common_options_may_stand_on_either_side_of_the_command() -> None:
    for argv in (
        ["-v", "--color", "never", "apply", "p", "-r", "r"],
        ["apply", "-v", "p", "--color", "never", "-r", "r"],
        ["-v", "apply", "p", "-r", "r", "--color=never"],
    ):
        args = parse(argv).args
        assert (args.verbose, args.quiet, args.color) == (True, False, "never")
        assert (args.policies, args.resources) == (["p"], ["r"])


def test_the_side_behind_the_command_wins() -> None:
    assert parse(["--color", "always", "apply", "p", "--color", "never"]).args.color == "never"


def test_options_may_stand_between_positional_arguments() -> None:
    args = parse(["apply", "a.yaml", "-r", "x", "b.yaml", "-q", "c.yaml", "--resource", "y"]).args
    assert args.policies == ["a.yaml", "b.yaml", "c.yaml"]
    assert args.resources == ["x", "y"]


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        ([], "no command given"),
        (["-v"], "no command given"),
        (["foo"], "there is no command 'foo'"),
        (["aply", "x"], "did you mean 'apply'?"),
        (["--colour", "never", "apply"], "unrecognized arguments|no command|there is no command"),
        (["apply", "p", "--no-such-flag"], "--no-such-flag"),
        (["apply", "p", "--resourc", "r"], "--resourc"),
        (["apply", "p", "--color", "sometimes"], "sometimes"),
        (["verify"], "IMAGE"),
        (["completion", "tcsh"], "tcsh"),
    ],
)
def test_what_cannot_be_understood(argv: list[str], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        parse(argv)


def test_help_and_version_stop_with_zero(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["--help"], ["-h"], ["--version"], ["apply", "-h"], ["-v", "apply", "x", "--help"]):
        with pytest.raises(SystemExit) as stop:
            parse(argv)
        assert not stop.value.code
        assert capsys.readouterr().out


def test_switches_take_the_truth_values_of_pflag() -> None:
    args = parse(["apply", "p", "--audit-warn=true", "--detailed=false", "--registry=true", "-r=r"]).args
    assert (args.audit_warn, args.detailed, args.resources) == (True, False, ["r"])


def test_values_that_look_like_truth_values_stay() -> None:
    parser = command_parser("apply")
    words = ["--output-file=true", "false", "--", "--audit-warn=true"]
    assert parser.without_truth(words) == words


def test_options_that_take_a_value_show_it_after_all_names() -> None:
    assert "  -r, --resource, --resources FILE\n" in command_parser("apply").format_help()
