from __future__ import annotations

import shutil
import subprocess

import pytest

from pratique.runtime.cli import main
from pratique.runtime.cli.parser import COMMANDS

CHECKS = {"bash": ["bash", "-n"], "zsh": ["zsh", "-n"], "fish": ["fish", "--no-execute"]}


@pytest.mark.parametrize("shell", CHECKS)
def test_scripts_name_every_command_and_its_options(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for name in COMMANDS:
        assert name in script
    assert "audit-warn" in script
    assert "certificate-oidc-issuer" in script


@pytest.mark.parametrize("shell", CHECKS)
def test_the_shell_can_read_its_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell} here")
    main(["completion", shell])
    script = capsys.readouterr().out
    done = subprocess.run(CHECKS[shell], input=script, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash here")
def test_bash_completes_commands_and_options(capsys: pytest.CaptureFixture[str]) -> None:
    main(["completion", "bash"])
    script = capsys.readouterr().out
    question = (
        "\nCOMP_WORDS=(pratique apply --audit); COMP_CWORD=2; _shtab_pratique pratique --audit apply;"
        ' echo "${COMPREPLY[@]}"'
        "\nCOMP_WORDS=(pratique ver); COMP_CWORD=1; _shtab_pratique pratique ver pratique;"
        ' echo "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "--norc"], input=script + question, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["--audit-warn", "verify"]
