"""`pratique scan --job-manifest`: the objects that scan a cluster as an Indexed Job."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?")

_NOT_CARRIED: Final = {
    "registry_layout": "--registry-layout",
    "layout_image": "--layout-image",
    "registry_config": "--registry-config (name a Secret with --job-registry-secret)",
    "cache_dir": "--cache-dir",
    "secrets": "--secrets (Secrets that policies name are read from the cluster)",
    "inventory": "--inventory",
    "state": "--state",
    "kubeconfig": "--kubeconfig",
    "context": "--context",
    "dask": "--dask",
    "plan": "--plan",
}
"""Arguments that mean this machine."""


def add_job_options(parser: argparse.ArgumentParser) -> None:
    """Declare what the Job is to be."""
    group = parser.add_argument_group("as a Kubernetes Job")
    group.add_argument(
        "--job-manifest",
        action="store_true",
        help="scan nothing, print the objects that scan a cluster as an Indexed Job, a Pod for each shard",
    )
    group.add_argument("--job-image", metavar="IMAGE", default="", help="image of pratique, by its digest")
    group.add_argument(
        "--job-shards", metavar="N", type=_count, default=4, help="number of shards (default 4)"
    )
    group.add_argument(
        "--job-name", metavar="NAME", type=_name, default="pratique-scan", help="(default pratique-scan)"
    )
    group.add_argument(
        "--job-namespace",
        metavar="NAME",
        type=_name,
        default="pratique",
        help="namespace of the Job, which must exist (default pratique)",
    )
    group.add_argument(
        "--job-claim",
        metavar="NAME",
        type=_name,
        help="PersistentVolumeClaim for state and report, writable from many nodes; made if none is named",
    )
    group.add_argument(
        "--job-registry-secret",
        metavar="NAME",
        type=_name,
        help="Secret with registry credentials (kubernetes.io/dockerconfigjson) in the namespace of the Job",
    )


def print_manifest(args: argparse.Namespace) -> int:
    """Print the objects, and what is to be known of them.

    Raises:
        PolicyErrors: policies have mistakes.
        UsageError: an argument means this machine, or something is missing.
    """
    from pratique.compiler.plan import Plan
    from pratique.grammar.errors import UsageError
    from pratique.runtime.fleet.job_manifest import JobOptions, notices, objects
    from pratique.runtime.outputs.json_text import yaml_text
    from pratique.runtime.session import sound

    if not args.policies:
        raise UsageError("no policy given; see `pratique scan --help`")
    if not args.job_image:
        raise UsageError("--job-manifest needs --job-image, the image of pratique")
    for name, option in _NOT_CARRIED.items():
        if getattr(args, name):
            raise UsageError(f"a Job cannot use {option}: it means this machine")
    files = sound(args.policies, exceptions=args.exceptions_within_policies)
    plan = Plan(files.policies)
    texts = {f"policy-{n:03}.yaml": source.text for n, source in enumerate(files.sources)}
    arguments = list(_arguments(args, texts))
    options = JobOptions(
        name=args.job_name,
        namespace=args.job_namespace,
        image=args.job_image,
        shards=args.job_shards,
        claim=args.job_claim or "",
        registry_secret=args.job_registry_secret or "",
        arguments=tuple(arguments),
        files=texts,
    )
    print(_head(args), end="")
    print(yaml_text(objects(plan, options)), end="")
    for notice in () if args.quiet else (*files.all_notices, *notices(plan)):
        print(f"note: {notice}", file=sys.stderr)
    return 0


def _head(args: argparse.Namespace) -> str:
    name, namespace = args.job_name, args.job_namespace
    return f"""\
# kubectl apply -f THIS
# kubectl -n {namespace} wait --for=condition=complete --timeout=-1s job/{name}
# kubectl -n {namespace} patch job/{name}-merge --type=merge -p '{{"spec":{{"suspend":false}}}}'
# kubectl -n {namespace} wait --for=condition=complete --timeout=-1s job/{name}-merge
# kubectl -n {namespace} logs job/{name}-merge
"""


def _arguments(args: argparse.Namespace, texts: dict[str, str]) -> Iterator[str]:
    """Yield the arguments that the scan gets in the cluster; files that they name are added to `texts`."""
    for number, path in enumerate(args.exceptions):
        for part, text in enumerate(_texts(path)):
            yield f"--exception={_carried(f'exceptions-{number:03}-{part:03}.yaml', text, texts)}"
    if args.values_file:
        yield f"--values-file={_carried('values.yaml', _text(args.values_file), texts)}"
    yield from (f"--set={variable}" for variable in args.variables)
    for number, root in enumerate(args.trusted_root):
        if root.path:
            yield f"--trusted-root={_carried(f'root-{number:03}.json', _text(root.path), texts)}"
        else:
            yield f"--trusted-root={root.name}"
    yield from (f"--mirror={host}={url}" for host, url in args.mirror)
    if args.registry_ca:
        yield f"--registry-ca={_carried('registry-ca.pem', _text(args.registry_ca), texts)}"
    yield f"--registry-timeout={args.registry_timeout:g}"
    yield f"--platform={args.platform}"
    for name in ("insecure_registry", "offline", "exceptions_within_policies"):
        if getattr(args, name):
            yield f"--{name.replace('_', '-')}"


def _carried(name: str, text: str, texts: dict[str, str]) -> str:
    """Add a file, and return its path in the cluster."""
    from pratique.runtime.fleet.job_manifest import FILES

    texts[name] = text
    return f"{FILES}/{name}"


def _text(path: Path) -> str:
    (text,) = _texts(path)
    return text


def _texts(path: str | Path) -> list[str]:
    from pratique.grammar.errors import PolicyErrors
    from pratique.runtime.inputs import read_inputs

    inputs = read_inputs([str(path)])
    if inputs.errors:
        raise PolicyErrors(inputs.errors)
    return [source.text for source in inputs.sources]


def _count(text: str) -> int:
    from pratique.runtime.fleet.sharding import MAX_SHARDS

    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= MAX_SHARDS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of shards from 1 to {MAX_SHARDS}")
    return int(text)


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a Kubernetes object")
    return text
