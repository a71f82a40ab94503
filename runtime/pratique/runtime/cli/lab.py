"""`pratique lab`: images signed by a throwaway Sigstore, as files or as a registry, to test policies with."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from pratique.runtime.lab.inventory import ImageRecord, Inventory
    from pratique.runtime.lab.recipe import Recipe

NAME: Final = "lab"
HELP: Final = "sign throwaway images with a throwaway Sigstore, to test image policies offline"

_EPILOG: Final = """\
examples:
  pratique lab init > lab.yaml
  pratique lab build lab.yaml -o lab
  pratique lab serve lab --port 5001

The keys of a lab follow from its recipe: they are public knowledge and protect nothing.
"""


class _Action(NamedTuple):
    help: str
    declare: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their arguments."""
    parser.usage = "pratique lab build | serve | init | faults ..."
    parser.epilog = _EPILOG
    actions = parser.add_subparsers(
        dest="action", metavar="ACTION", required=True, title="actions", prog="pratique lab"
    )
    for name, action in _ACTIONS.items():
        sub = actions.add_parser(name, help=action.help, description=_sentence(action.help))
        if not sub.add_help:
            sub.add_argument("-h", "--help", action="help", help="show this help and exit")
        action.declare(sub)


def run(args: argparse.Namespace) -> int:
    """Do what the action says and return the exit code.

    Raises:
        PolicyErrors: the recipe has mistakes.
        UsageError: a folder or port cannot be used.
    """
    return _ACTIONS[args.action].run(args)


# --- build ---------------------------------------------------------------------------------------------


def _declare_build(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="YAML file; - is standard input")
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, required=True, help="folder to make the lab in"
    )
    parser.add_argument("--force", action="store_true", help="replace the lab that the folder holds")


def _build(args: argparse.Namespace) -> int:
    from pratique.runtime.lab.build import write_lab

    lab = write_lab(_read(args.recipe), args.output, force=args.force).inventory
    if not getattr(args, "quiet", False):
        _print_contents(lab)
        image = _example(lab)
        if image:
            _print_lines("", _verify_line(lab, image, args.output))
    return 0


def _read(path: str) -> Recipe:
    from pratique.grammar.errors import PolicyErrors, UsageError
    from pratique.grammar.limits import POLICY_LIMITS
    from pratique.runtime.inputs import read_inputs
    from pratique.runtime.lab.recipe_reader import read_recipe

    inputs = read_inputs([path], limits=POLICY_LIMITS)
    if inputs.errors:
        raise PolicyErrors(inputs.errors)
    if len(inputs.sources) != 1:
        raise UsageError(f"{path} is not one recipe but {len(inputs.sources)} files")
    return read_recipe(inputs.sources[0])


def _print_contents(lab: Inventory) -> None:
    width = max((len(image.image) for image in lab.images), default=0)
    for image in lab.images:
        made = [*image.signatures, *image.attestations]
        who = dict.fromkeys(m.by + (f" ({', '.join(m.faults)})" if m.faults else "") for m in made)
        _print_lines(f"{image.image:{width}}  {image.digest[:19]}  {', '.join(who) or 'not signed'}")


def _print_lines(*lines: str) -> None:
    from pratique.runtime.outputs.text import visible

    for line in lines:
        print(visible(line))


# --- serve ---------------------------------------------------------------------------------------------


def _declare_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lab", metavar="RECIPE|DIR", help="recipe, or folder that a lab was built in")
    parser.add_argument("--port", metavar="N", type=_port, default=0, help="port (default: any free one)")
    parser.add_argument(
        "--no-referrers",
        action="store_true",
        help="do not answer the referrers API, as old registries do not; clients then use the fallback tag",
    )
    parser.add_argument(
        "--untyped-referrers",
        action="store_true",
        help="as --no-referrers, with lists as cosign before 3.1 wrote them: without the types of bundles",
    )


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port")
    return int(text)


def _serve(args: argparse.Namespace) -> int:
    import asyncio
    import tempfile

    from pratique.runtime.lab.build import write_lab

    if Path(args.lab).is_dir():
        return asyncio.run(_serve_folder(Path(args.lab), args))
    recipe = _read(args.lab)
    with tempfile.TemporaryDirectory(prefix="pratique-lab-") as folder:
        write_lab(recipe, Path(folder))
        return asyncio.run(_serve_folder(Path(folder), args))


async def _serve_folder(folder: Path, args: argparse.Namespace) -> int:
    import asyncio
    import signal

    from pratique.grammar.errors import UsageError
    from pratique.runtime.lab.build import LAYOUT
    from pratique.runtime.lab.inventory import read_inventory
    from pratique.runtime.lab.serving import FallbackStore
    from pratique.runtime.registry.layout import LayoutStore
    from pratique.runtime.registry.serve import LayoutServer

    lab = read_inventory(folder)
    store = LayoutStore(folder / LAYOUT)
    without_api = args.no_referrers or args.untyped_referrers
    if without_api:
        store = FallbackStore(folder / LAYOUT, untyped=args.untyped_referrers)
        await store.learn(lab)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    server = LayoutServer(store, port=args.port, with_referrers=not without_api)
    try:
        async with server:
            _print_contents(lab)
            _print_lines("", f"serving on http://{server.host}", *_client_lines(lab, folder, server.host))
            sys.stdout.flush()
            await stop.wait()
    except OSError as error:
        raise UsageError(f"cannot serve on port {args.port}: {error.strerror or error}") from error
    return 0


def _client_lines(lab: Inventory, folder: Path, host: str) -> list[str]:
    """Return command lines for clients of the server, indented."""
    from pratique.runtime.lab.serving import registries_of

    root = str(folder / lab.trust["trusted_root"])
    mirrors = [f"--mirror={name}=http://{host}/{name}" for name in registries_of(lab)]
    lines = [_command("pratique", "apply", "POLICY", "-r", "RESOURCE", *mirrors, "--trusted-root", root)]
    image = _example(lab)
    if image:
        who = _identity(lab, image, "--certificate-identity", "--certificate-oidc-issuer")
        verify = ("cosign", "verify", "--allow-http-registry", "--trusted-root", root)
        lines.append(_command(*verify, *who, f"{host}/{image.image}"))
    return lines


def _verify_line(lab: Inventory, image: ImageRecord, folder: Path) -> str:
    from pratique.runtime.lab.build import LAYOUT

    layout, root = str(folder / LAYOUT), str(folder / lab.trust["trusted_root"])
    who = _identity(lab, image, "--identity", "--issuer")
    verify = ("pratique", "verify", image.image, "--registry-layout", layout, "--trusted-root", root)
    return _command(*verify, *who)


def _identity(lab: Inventory, image: ImageRecord, subject: str, issuer: str) -> tuple[str, str, str, str]:
    signer = lab.signers[image.signatures[0].by]
    return subject, signer.subjects[0], issuer, signer.issuer


def _command(*words: str) -> str:
    import shlex

    return f"  {shlex.join(words)}"


def _example(lab: Inventory) -> ImageRecord | None:
    """Return the first image whose first signature is keyless, plain and good."""
    for image in lab.images:
        for made in image.signatures[:1]:
            signer = lab.signers[made.by]
            if signer.issuer and signer.subjects and not made.faults and made.format == "cosign":
                return image
    return None


# --- init and faults -----------------------------------------------------------------------------------


def _declare_nothing(_: argparse.ArgumentParser) -> None:
    pass


def _init(_: argparse.Namespace) -> int:
    from importlib.resources import files

    text = files("pratique.runtime.lab").joinpath("example.yaml").read_text(encoding="utf-8")
    print(text, end="")
    return 0


def _faults(_: argparse.Namespace) -> int:
    from pratique.runtime.lab.faults import CATALOGUE, Part

    width = max(map(len, CATALOGUE))
    for part in Part:
        print(part)
        for fault, info in CATALOGUE.items():
            if info.part is part:
                print(f"  {fault:{width}}  {info.summary}")
    return 0


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


_ACTIONS: Final = {
    "build": _Action("make the images and signatures of a recipe in a folder", _declare_build, _build),
    "serve": _Action("serve a lab as a registry on loopback until interrupted", _declare_serve, _serve),
    "init": _Action("print an example recipe with comments", _declare_nothing, _init),
    "faults": _Action("list what a signature can have wrong on purpose", _declare_nothing, _faults),
}
