"""`pratique completion`: scripts that complete commands and options in a shell."""

from __future__ import annotations

import argparse
from typing import Final

NAME: Final = "completion"
HELP: Final = "print a completion script for bash, zsh or fish"

_HINTS: Final = """\
examples:
  source <(pratique completion bash)
  pratique completion zsh > "${fpath[1]}/_pratique"
  pratique completion fish > ~/.config/fish/completions/pratique.fish
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "pratique completion SHELL"
    parser.epilog = _HINTS
    parser.add_argument("shell", metavar="SHELL", choices=("bash", "zsh", "fish"), help="bash, zsh or fish")


def run(args: argparse.Namespace) -> int:
    """Print the script for `args.shell`."""
    import shtab

    print(shtab.complete(whole_parser(), args.shell))
    return 0


def whole_parser() -> argparse.ArgumentParser:
    """Return a parser of all commands with their options, as completion needs it; it is never run."""
    import shtab

    from pratique.runtime.cli.parser import COMMANDS, Parser, command_parser, load, root_parser

    root = root_parser(commands=False)
    commands = root.add_subparsers(metavar="COMMAND", parser_class=Parser)
    hints = {"FILE": shtab.FILE, "FILE|cluster": shtab.FILE, "POLICY": shtab.FILE, "DIR": shtab.DIRECTORY}
    for name in COMMANDS:
        parser = command_parser(name)
        for action in parser._actions:
            if hint := hints.get(str(action.metavar)):
                action.complete = hint  # type: ignore[attr-defined]
        commands.add_parser(name, parents=[parser], help=load(name).HELP)
    return root
