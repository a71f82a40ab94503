"""`pratique root`: the trust roots that are known by name, how old they are, and where they come from."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pratique.runtime.cli.options import file

if TYPE_CHECKING:
    from collections.abc import Callable

    from pratique.runtime.signatures.trust_root import TrustRoot
    from pratique.runtime.trust_options import RootChoice

NAME: Final = "root"
HELP: Final = "show and update trust roots: whose signatures and logs are believed"

_EPILOG: Final = """\
examples:
  pratique root show
  pratique root update public github
  pratique root show public -o trusted-root > trusted_root.json
  pratique root init acme --mirror https://tuf.acme.example --root 1.root.json

Without names, show and update are about `public`. A copy is used for 24 hours before its
mirror is asked again; see docs/trust.md.
"""


class _Action(NamedTuple):
    help: str
    declare: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their arguments."""
    parser.usage = "pratique root show | update | init | remove ..."
    parser.epilog = _EPILOG
    actions = parser.add_subparsers(
        dest="action", metavar="ACTION", required=True, title="actions", prog="pratique root"
    )
    for name, action in _ACTIONS.items():
        text = f"{action.help[0].upper()}{action.help[1:]}."
        sub = actions.add_parser(name, help=action.help, description=text)
        if not sub.add_help:
            sub.add_argument("-h", "--help", action="help", help="show this help and exit")
        action.declare(sub)


def run(args: argparse.Namespace) -> int:
    """Do what the action says and return the exit code.

    Raises:
        UsageError: a name, URL or file cannot be used.
        TransportError: a root cannot be had or does not verify.
    """
    return _ACTIONS[args.action].run(args)


# --- show ------------------------------------------------------------------------------------------------


def _declare_show(parser: argparse.ArgumentParser) -> None:
    from pratique.runtime.cli.options import trusted_root

    parser.add_argument(
        "roots", metavar="NAME|FILE", nargs="*", type=trusted_root, help="roots to show (default public)"
    )
    parser.add_argument(
        "-o",
        "--output",
        dest="format",
        metavar="FORMAT",
        choices=("text", "json", "trusted-root"),
        default="text",
        help="text, json, or trusted-root: the document itself, for --trusted-root elsewhere (default text)",
    )
    _declare_cache(parser)


def _declare_cache(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cache-dir", metavar="DIR", type=Path, help="folder of copies (default the user's)")


def _show(args: argparse.Namespace) -> int:
    from pratique.grammar.errors import UsageError
    from pratique.runtime.outputs.json_text import json_text
    from pratique.runtime.signatures.root_report import root_json, root_text
    from pratique.runtime.signatures.root_sources import load_roots, utc_now
    from pratique.runtime.trust_options import TrustOptions

    choices: tuple[RootChoice, ...] = tuple(args.roots) or TrustOptions().roots
    if args.format == "trusted-root" and len(choices) != 1:
        raise UsageError("-o trusted-root prints one root: name one")
    roots = load_roots(TrustOptions(roots=choices, offline=True, cache=args.cache_dir))
    match args.format:
        case "trusted-root":
            sys.stdout.write(roots[0].content.decode())
        case "json":
            found: list[dict[str, Any]] = [root_json(root, utc_now()) for root in roots]
            sys.stdout.write(json_text({"kind": "TrustedRoots", "roots": found}))
        case _:
            sys.stdout.write("\n".join(root_text(root, utc_now()) for root in roots))
    return 0


# --- update, init, remove --------------------------------------------------------------------------------


def _declare_update(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", metavar="NAME", nargs="*", type=_name, help="roots (default public)")
    _declare_cache(parser)


def _update(args: argparse.Namespace) -> int:
    from pratique.runtime.signatures.root_cache import RootCache
    from pratique.runtime.signatures.root_sources import find_mirror, update
    from pratique.runtime.trust_options import DEFAULT
    from pratique.runtime.user_folders import cache_folder

    mirrors = [find_mirror(name) for name in args.names or [DEFAULT]]
    for mirror in mirrors:
        _print(update(mirror, cache=RootCache(folder=cache_folder(args.cache_dir), mirror=mirror)))
    return 0


def _declare_init(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", metavar="NAME", nargs="?", type=_name, default="public", help="default public"
    )
    parser.add_argument(
        "--mirror", metavar="URL", required=True, help="TUF repository that publishes the root"
    )
    parser.add_argument(
        "--root",
        metavar="FILE",
        type=file,
        help="root.json of the repository to begin with, from a source you trust; needed for names that are"
        " not well known",
    )
    parser.add_argument(
        "--target",
        metavar="NAME",
        default="trusted_root.json",
        help="target that holds the trust root (default trusted_root.json)",
    )
    _declare_cache(parser)


def _init(args: argparse.Namespace) -> int:
    from pratique.grammar.errors import UsageError
    from pratique.runtime.signatures.root_cache import RootCache
    from pratique.runtime.signatures.root_sources import register, save, update
    from pratique.runtime.signatures.trust_root import MAX_BYTES
    from pratique.runtime.user_folders import cache_folder

    root: bytes | None = None
    if args.root is not None:
        try:
            with args.root.open("rb") as opened:
                root = opened.read(MAX_BYTES)
            root.decode()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{args.root} cannot be read: {error}") from error
    mirror = register(args.name, args.mirror, root, args.target)
    # Saved only once it has proved to be what it should be.
    _print(update(mirror, cache=RootCache(folder=cache_folder(args.cache_dir), mirror=mirror)))
    print(f"kept in {save(mirror)}")
    return 0


def _declare_remove(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", type=_name, help="root that `init` made known")


def _remove(args: argparse.Namespace) -> int:
    from pratique.runtime.signatures.root_sources import remove

    print(f"removed {remove(args.name)}")
    return 0


def _name(text: str) -> str:
    from pratique.runtime.trust_options import NAME as WELL_FORMED

    if not WELL_FORMED.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name: lower-case letters, digits and hyphens")
    return text


def _print(root: TrustRoot) -> None:
    from pratique.runtime.outputs.text import visible
    from pratique.runtime.signatures.root_sources import describe, utc_now

    print(visible(describe(root, utc_now())))


_ACTIONS: Final = {
    "show": _Action("show what is trusted and how old it is; asks no mirror", _declare_show, _show),
    "update": _Action("fetch roots from their mirrors now", _declare_update, _update),
    "init": _Action("make a root known by name, from a mirror", _declare_init, _init),
    "remove": _Action("forget what init made known", _declare_remove, _remove),
}
