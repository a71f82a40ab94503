"""`pratique lsp`: the language server that editors start."""

from __future__ import annotations

import argparse
import sys
from typing import Final

NAME: Final = "lsp"
HELP: Final = "serve editors: findings, explanations and fixes while policies are written"

_EPILOG: Final = """\
The editor starts this command and talks to it over standard input and output (Language Server
Protocol); docs/lsp.md shows how to set up VS Code, Neovim, Helix and Emacs.
It needs an extra: pip install 'pratique[lsp]'
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "pratique lsp [options]"
    parser.epilog = _EPILOG
    parser.add_argument(
        "--stdio", action="store_true", help="use standard input and output, as it does anyway"
    )


def run(args: argparse.Namespace) -> int:
    """Serve until the editor leaves; return 0, or 1 where it left without `shutdown`.

    Raises:
        UsageError: what the server needs is not installed.
    """
    from pratique.grammar.errors import UsageError

    try:
        import pygls  # noqa: F401 - whether it is there
    except ImportError as error:
        raise UsageError(
            "the language server needs an extra that is not installed: pip install 'pratique[lsp]'"
        ) from error
    from pratique.runtime.language_server.server import Server

    if sys.stdin.isatty() and not args.quiet:
        print("pratique lsp waits for an editor on standard input; Ctrl-D ends it", file=sys.stderr)
    return Server().run()
