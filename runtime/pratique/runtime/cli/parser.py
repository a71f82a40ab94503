"""Finds the command in the arguments and parses them; knows the commands by name only."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple, NoReturn, Protocol, cast

PROGRAM: Final = "pratique"

COMMANDS: Final = {
    "apply": "pratique.runtime.cli.apply",
    "scan": "pratique.runtime.cli.scan",
    "report": "pratique.runtime.cli.report",
    "test": "pratique.runtime.cli.test",
    "verify": "pratique.runtime.cli.verify",
    "lint": "pratique.runtime.cli.lint",
    "rule": "pratique.runtime.cli.rule",
    "diff": "pratique.runtime.cli.diff",
    "convert": "pratique.runtime.cli.convert",
    "explain": "pratique.runtime.cli.explain",
    "serve": "pratique.runtime.cli.serve",
    "install": "pratique.runtime.cli.install",
    "crds": "pratique.runtime.cli.crds",
    "lsp": "pratique.runtime.cli.lsp",
    "root": "pratique.runtime.cli.root",
    "lab": "pratique.runtime.cli.lab",
    "cache": "pratique.runtime.cli.cache",
    "completion": "pratique.runtime.cli.completion",
}
"""Name of a command -> its module, in the order that help lists them."""

EXIT_CODES: Final = (
    (0, "nothing failed"),
    (1, "a result is `fail` or `error`, or there are findings or differences, or an image is not verified"),
    (2, "the command line, a policy or another input cannot be used"),
    (3, "a registry, trust root, cluster or git could not be asked, and nothing else is wrong"),
    (4, "`diff` or `convert` found no difference but could not decide every part"),
    (11, "`lint --exit-by-severity`: the worst finding is an info"),
    (12, "`lint --exit-by-severity`: it is a warning"),
    (13, "`lint --exit-by-severity`: it is an error"),
    (70, "pratique itself is at fault; `-v` shows where"),
    (130, "interrupted from the keyboard"),
    (141, "the reader of the output has gone away"),
)
"""Every exit code with its meaning; `apply --warn-exit-code` may add one."""

DESCRIPTION: Final = "Compiles, proves and enforces Kubernetes image policies."


class Command(Protocol):
    """What the module of a command offers.

    Attributes:
        NAME: what users type.
        HELP: one line for the list of commands.
        INTERMIXED: options may stand between positional arguments (optional; false where it is left out).
        PATHS_BEHIND_DASHES: what stands behind `--` is kept apart, as `args.behind_dashes`; None without
            `--` (optional; false where it is left out).
    """

    NAME: str
    HELP: str

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Set usage and description, and declare the arguments."""
        ...

    def run(self, args: argparse.Namespace) -> int:
        """Do the work and return the exit code; may raise any `PratiqueError`."""
        ...


class Invocation(NamedTuple):
    """A command with its arguments."""

    run: Callable[[argparse.Namespace], int]
    args: argparse.Namespace


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Help that reads the same in all versions of Python and at all widths, since documents quote it."""

    def __init__(self, prog: str, **_: Any) -> None:
        super().__init__(prog, max_help_position=28, width=100)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings:
            return str(action.metavar or action.dest)
        names = ", ".join(action.option_strings)
        return names if action.nargs == 0 else f"{names} {action.metavar or action.dest.upper()}"

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(text, width, break_on_hyphens=False)


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are `UsageError`s and which takes no abbreviated options."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(formatter_class=HelpFormatter, allow_abbrev=False, add_help=False, **settings)

    def without_truth(self, argv: Sequence[str]) -> list[str]:
        """Return `argv` with `--switch=true` as `--switch` and without any `--switch=false`.

        References: switches of the pflag library, which Kyverno and cosign use.
        """
        words: list[str] = []
        for number, word in enumerate(argv):
            if word == "--":
                return [*words, *argv[number:]]
            name, _, value = word.partition("=")
            action = self._option_string_actions.get(name)
            if action is None or action.nargs != 0 or value not in ("true", "false"):
                words.append(word)
            elif value == "true":
                words.append(name)
        return words

    def error(self, message: str) -> NoReturn:
        """Raise a `UsageError` that says where help is."""
        from pratique.grammar.errors import UsageError

        raise UsageError(f"{message}; see `{self.prog} --help`")


class RootParser(Parser):
    """The parser of what stands before the command. Its help lists the commands, which imports them."""

    def format_help(self) -> str:
        """Return the help with a line for every command and every exit code."""
        commands = [(name, load(name).HELP) for name in COMMANDS]
        codes = [(str(code), meaning.replace("`", "")) for code, meaning in EXIT_CODES]
        parts = [super().format_help().rstrip("\n"), _listed("commands:", commands)]
        return "\n\n".join([*parts, _listed("exit codes:", codes)]) + "\n"


class VersionAction(argparse.Action):
    """Prints the version; imported only then."""

    def __init__(self, option_strings: Sequence[str], dest: str, **settings: Any) -> None:
        super().__init__(option_strings, dest=argparse.SUPPRESS, nargs=0, **settings)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        """Print and stop."""
        from pratique.grammar import __version__

        print(f"{PROGRAM} {__version__}")
        raise SystemExit(0)


def load(name: str) -> Command:
    """Import and return the module of a command."""
    return cast(Command, import_module(COMMANDS[name]))


def root_parser(*, commands: bool = True) -> RootParser:
    """Return the parser of `pratique [options] COMMAND ...`, or of the options alone."""
    parser = RootParser(prog=PROGRAM, usage=f"{PROGRAM} [options] COMMAND ...", description=DESCRIPTION)
    if commands:
        parser.add_argument("command", nargs="?", help=argparse.SUPPRESS)
        parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    _add_common(parser, default={"color": "auto", "verbose": False, "quiet": False})
    parser.add_argument("--version", action=VersionAction, help="print the version and exit")
    return parser


def command_parser(name: str) -> Parser:
    """Return the parser of one command; the common options may stand behind the command too."""
    module = load(name)
    parser = Parser(prog=f"{PROGRAM} {name}", description=_sentence(module.HELP))
    module.configure(parser)
    _add_common(parser.add_argument_group("common options"), default={})
    return parser


def parse(argv: Sequence[str]) -> Invocation:
    """Return the command that `argv` asks for.

    Raises:
        UsageError: the arguments cannot be understood.
        SystemExit: help or the version was printed.
    """
    root = root_parser()
    args = root.parse_args(argv)
    name, rest = args.command, args.arguments
    if name is None:
        root.error("no command given")
    if name not in COMMANDS:
        root.error(f"there is no command {name!r}{_guess(name)}")
    del args.command, args.arguments
    parser, module = command_parser(name), load(name)
    if getattr(module, "PATHS_BEHIND_DASHES", False):
        rest, args.behind_dashes = _apart(rest)
    intermixed: bool = getattr(module, "INTERMIXED", False)
    parse_rest = parser.parse_intermixed_args if intermixed else parser.parse_args
    return Invocation(module.run, parse_rest(parser.without_truth(rest), args))


def _apart(words: list[str]) -> tuple[list[str], list[str] | None]:
    """Return what stands before and behind `--`; None without it."""
    if "--" not in words:
        return words, None
    number = words.index("--")
    return words[:number], words[number + 1 :]


def _add_common(parser: argparse._ActionsContainer, default: dict[str, Any]) -> None:
    def add(*names: str, **settings: Any) -> None:
        name = names[-1].removeprefix("--")
        parser.add_argument(*names, default=default.get(name, argparse.SUPPRESS), **settings)

    parser.add_argument("-h", "--help", action="help", help="show this help and exit")
    add(
        "--color",
        choices=("auto", "always", "never"),
        metavar="WHEN",
        help="auto, always or never; auto is a terminal without NO_COLOR or CI in the environment",
    )
    add("-v", "--verbose", action="store_true", help="debug messages and full traces on standard error")
    add("-q", "--quiet", action="store_true", help="no notes and no progress on standard error")


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _listed(heading: str, lines: Sequence[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in lines)
    return "\n".join([heading, *(f"  {name.ljust(width)}  {text}" for name, text in lines)])


def _guess(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, COMMANDS, n=1)
    return f", did you mean {close[0]!r}?" if close else ""
