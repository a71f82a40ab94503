"""Options that several commands share, and the types of arguments."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pratique.runtime.platforms import Coverage
    from pratique.runtime.registry.open import StoreOptions
    from pratique.runtime.session import ApplyOptions
    from pratique.runtime.trust_options import RootChoice, TrustOptions

MAX_SECONDS: Final = 3600
MAX_CACHE_SECONDS: Final = 7 * 24 * 3600


def add_store_options(parser: argparse.ArgumentParser) -> None:
    """Declare where images and signatures are read from, and what is trusted."""
    group = parser.add_argument_group("images and trust")
    group.add_argument(
        "--registry-layout",
        metavar="DIR",
        type=folder,
        help="read all images from an OCI image layout instead of registries",
    )
    group.add_argument(
        "--layout-image",
        metavar="NAME",
        default="",
        help="what the one image of a layout without names is called (cosign save)",
    )
    group.add_argument(
        "--mirror",
        metavar="HOST=URL",
        action="append",
        type=mirror,
        default=[],
        help="ask URL first for images of HOST or HOST/PATH; may be given several times",
    )
    group.add_argument(
        "--insecure-registry",
        action="store_true",
        help="use plain HTTP with registries that speak no TLS",
    )
    group.add_argument(
        "--registry-ca",
        metavar="FILE",
        type=file,
        help="PEM of further authorities for the certificates of registries",
    )
    group.add_argument(
        "--registry-config",
        metavar="FILE",
        type=file,
        help="registry credentials as docker login writes them (default the user's own)",
    )
    group.add_argument(
        "--registry-timeout",
        metavar="SECONDS",
        type=seconds,
        default=30.0,
        help="for one question to a registry with all its retries (default 30)",
    )
    group.add_argument(
        "--cache-dir",
        metavar="DIR",
        type=Path,
        help="keep what registries answer there, for later runs; verified anew each time",
    )
    group.add_argument(
        "--cache-ttl",
        metavar="SECONDS",
        type=cache_seconds,
        default=300.0,
        help="how long tags and lists of signatures in --cache-dir are believed (default 300)",
    )
    group.add_argument(
        "--trusted-root",
        metavar="FILE|NAME",
        action="append",
        type=trusted_root,
        default=[],
        help="trusted_root.json (or NAME=FILE), or a name known to `pratique root`, in place of the public"
        " root; may be given several times, one of them must prove a signature alone",
    )
    group.add_argument(
        "--offline",
        action="store_true",
        help="open no connection: images from --registry-layout, trust from --trusted-root or the cache",
    )


def add_cluster_options(group: argparse._ArgumentGroup) -> None:
    """Declare which cluster is asked, if any."""
    group.add_argument(
        "--cluster",
        action="store_true",
        help="ask a cluster: that of KUBECONFIG, of this Pod, or of ~/.kube/config",
    )
    group.add_argument("--kubeconfig", metavar="FILE", default="", help="ask the cluster of this file")
    group.add_argument("--context", metavar="NAME", default="", help="ask the cluster of this context")


def asks_cluster(args: argparse.Namespace) -> bool:
    """Say whether some cluster was named."""
    return bool(args.cluster or args.kubeconfig or args.context)


def add_plan_option(group: argparse._ActionsContainer, verb: str) -> None:
    """Declare the saved plan that stands for policies."""
    group.add_argument(
        "--plan",
        metavar="FILE",
        type=file,
        help=f"{verb} the policies of a plan that `pratique explain --save-plan` wrote; refused if it was"
        " changed, or if POLICY is given and is not what was planned",
    )


def add_secrets_option(group: argparse._ArgumentGroup) -> None:
    """Declare where the Secrets are that policies refer to."""
    group.add_argument(
        "--secrets",
        metavar="FILE",
        action=CommaList,
        default=[],
        help="Secrets that policies refer to: keys (k8s://NAMESPACE/NAME) and registry credentials",
    )


def add_value_options(parser: argparse.ArgumentParser, *, requests: bool = True) -> None:
    """Declare what is told of context beside the resources, and of `requests` where there are any."""
    group = parser.add_argument_group("values and requests" if requests else "values")
    group.add_argument(
        "-s",
        "--set",
        dest="variables",
        metavar="NAME=VALUE",
        action=CommaList,
        default=[],
        help="value of a variable or context entry (request.operation=UPDATE); repeat it or separate with"
        " commas",
    )
    group.add_argument(
        "-f",
        "--values-file",
        metavar="FILE",
        type=file,
        help="values of variables and context entries, labels of namespaces (kind Values)",
    )
    if requests:
        group.add_argument(
            "-u",
            "--userinfo",
            metavar="FILE",
            type=file,
            help="who sends the requests: user, groups, roles (kind UserInfo)",
        )


def add_exception_options(parser: argparse.ArgumentParser, *, among_resources: bool = True) -> None:
    """Declare which policy exceptions count; those `among_resources` where these are read as a whole."""
    group = parser.add_argument_group("policy exceptions")
    group.add_argument(
        "-e",
        "--exception",
        "--exceptions",
        dest="exceptions",
        metavar="FILE",
        action=CommaList,
        default=[],
        help="file, folder or glob of policy exceptions; repeat it or separate with commas",
    )
    if among_resources:
        group.add_argument(
            "--exceptions-with-resources",
            "--exceptions-within-resources",
            dest="exceptions_with_resources",
            action="store_true",
            help="exceptions among the resources count",
        )
    group.add_argument(
        "--exceptions-within-policies", action="store_true", help="exceptions among the policies count"
    )


def add_exit_options(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Declare what exit codes tell of verdicts; return the group, for what a command adds."""
    group = parser.add_argument_group("exit code")
    group.add_argument(
        "--audit-warn",
        action="store_true",
        help="count and show failures of policies in Audit as warnings",
    )
    group.add_argument(
        "--warn-exit-code",
        metavar="N",
        type=exit_code,
        default=0,
        help="exit with N where there are warnings and nothing worse (default 0)",
    )
    group.add_argument(
        "--warn-no-pass",
        action="store_true",
        help="exit with the code of --warn-exit-code also where nothing passed",
    )
    return group


def add_platform_option(parser: argparse.ArgumentParser) -> None:
    """Declare which manifests of multi-platform images are judged, as a `Coverage`."""
    group = parser.add_argument_group("multi-platform images")
    group.add_argument(
        "--platform",
        metavar="WHICH",
        type=platform,
        default="index",
        help="what must be signed: index (the digest that the reference names; the default), all (that and"
        " the manifest of every platform), or the manifest of one platform, such as linux/amd64",
    )


def platform(text: str) -> Coverage:
    """Return which manifests of a multi-platform image are judged."""
    from pratique.runtime.platforms import parse_coverage

    try:
        return parse_coverage(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def store_options(args: argparse.Namespace) -> StoreOptions:
    """Return where a session reads images from."""
    from pratique.runtime.registry.open import StoreOptions

    return StoreOptions(
        layout=args.registry_layout,
        layout_name=args.layout_image,
        mirrors=tuple(args.mirror),
        insecure=args.insecure_registry,
        ca_file=args.registry_ca,
        docker_config=args.registry_config,
        timeout_s=min(args.registry_timeout, StoreOptions().timeout_s),
        deadline_s=args.registry_timeout,
        offline=args.offline,
        cache_dir=args.cache_dir,
        cache_ttl_s=args.cache_ttl,
    )


def apply_options(args: argparse.Namespace) -> ApplyOptions:
    """Return what a session is about: policies, resources, values, images and trust."""
    from pratique.runtime.session import ApplyOptions

    return ApplyOptions(
        policies=tuple(args.policies),
        resources=tuple(args.resources),
        secrets=tuple(args.secrets),
        values_file=args.values_file,
        variables=tuple(args.variables),
        user_info=args.userinfo,
        store=store_options(args),
        trust=trust_options(args),
        coverage=args.platform,
        plan=args.plan,
        exceptions=tuple(args.exceptions),
        exceptions_with_resources=args.exceptions_with_resources,
        exceptions_within_policies=args.exceptions_within_policies,
        targets=tuple(getattr(args, "targets", ())) or None,
    )


def trust_options(args: argparse.Namespace) -> TrustOptions:
    """Return the options that these arguments choose."""
    from pratique.runtime.trust_options import TrustOptions

    roots = tuple(args.trusted_root) or TrustOptions().roots
    return TrustOptions(roots=roots, offline=args.offline, cache=args.cache_dir)


def trusted_root(text: str) -> RootChoice:
    """Return the trust root of `FILE`, `NAME=FILE` or `NAME`."""
    from pratique.runtime.trust_options import NAME, RootChoice

    if Path(text).is_file():
        return RootChoice(name=text, path=Path(text))
    name, equals, path = text.partition("=")
    if equals and NAME.fullmatch(name):
        return RootChoice(name=name, path=file(path))
    if NAME.fullmatch(text):
        from pratique.runtime.signatures.root_sources import names

        if text in names():
            return RootChoice(name=text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a file, and no trust root has that name")


def mirror(text: str) -> tuple[str, str]:
    """Return the host and the URL of `HOST=URL`."""
    host, equals, url = text.partition("=")
    if not host or not equals or not url.startswith(("https://", "http://")):
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST=URL with an http(s) URL")
    return host, url


def file(text: str) -> Path:
    """Return the path of an existing file."""
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{text!r} is not a file")
    return path


def key(text: str) -> Path | str:
    """Return the path of an existing file, or a reference to a key as it is (`SCHEME://...`)."""
    return text if "://" in text else file(text)


def folder(text: str) -> Path:
    """Return the path of an existing folder."""
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not a folder")
    return path


def seconds(text: str) -> float:
    """Return a time of more than nothing and at most an hour."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds up to {MAX_SECONDS}")
    return value


def cache_seconds(text: str) -> float:
    """Return a time from nothing to a week."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= MAX_CACHE_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds up to {MAX_CACHE_SECONDS}")
    return value


def exit_code(text: str) -> int:
    """Return a number that a process can exit with."""
    if not text.isascii() or not text.isdigit() or int(text) > 255:
        raise argparse.ArgumentTypeError(f"{text!r} is not an exit code from 0 to 255")
    return int(text)


class CommaList(argparse.Action):
    """Collects values over repeated options; one value may hold several, separated by commas.

    References: `StringSlice` of the pflag library, which Kyverno uses: comma-separated values with quotes.
    """

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: Any = None
    ) -> None:
        """Add the values."""
        given = [*getattr(namespace, self.dest), *(v for row in csv.reader([values]) for v in row if v)]
        setattr(namespace, self.dest, given)
