"""The command line: `main` runs a command and turns what it raises into an exit code.

Only the chosen command's module is imported, and such modules import what is heavy when they run.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run `pratique` with `argv` (by default the process's arguments) and return its exit code.

    The codes are listed in `pratique.runtime.cli.parser.EXIT_CODES`.
    """
    if argv is not None:
        return _run(argv)
    # Nearly all that a command makes lives until its end: searching it for cycles every 700 objects takes a
    # fifth of the time of a long run, and once more at the end a seventh of that of a short one.
    gc.set_threshold(200_000, 10, 10)
    code = _run(sys.argv[1:])
    gc.freeze()
    return code


def _run(argv: Sequence[str]) -> int:
    from pratique.runtime.cli.parser import parse

    # What else is installed has no say in how documents are read, and looking for it takes time.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a character must not end the run.
            stream.reconfigure(errors="backslashreplace")
    arguments = list(argv)
    verbose = False
    try:
        command = parse(arguments)
        verbose = command.args.verbose
        from pratique.runtime.cli.diagnostics import set_up_logging

        set_up_logging(verbose=verbose, quiet=command.args.quiet)
        code = command.run(command.args)
        # A reader that has gone away shows here, not in the interpreter's last moments.
        sys.stdout.flush()
    except SystemExit as stop:  # argparse, after --help and --version
        return stop.code if isinstance(stop.code, int) else 0
    except BrokenPipeError:
        _drop_output()
        return 141
    except KeyboardInterrupt:
        print("pratique: interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        from pratique.runtime.cli.diagnostics import explain

        return explain(error, verbose=verbose)
    return code


def _drop_output() -> None:
    """Point standard output at nothing, so that the interpreter's last flush does not complain."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    except (OSError, ValueError):  # standard output has no descriptor, as under a test
        pass
