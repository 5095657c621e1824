"""The `onhook` command: one run of it, from the words to the exit status.

Commands are imported when they run, so that `onhook event` does not pay for a web server. Which
words there are is parser.py's.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import time
from collections.abc import Sequence
from importlib import import_module

from onhook.cli.failure import Failure
from onhook.cli.parser import build_parser
from onhook.settings import SETTINGS, SettingError, Settings, load, unknown_variables

STARTED = time.monotonic()
"""When the process began to load, for what says how fast it was ready."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    _prepare_streams()
    parser = build_parser()
    given = parser.parse_args(arguments)
    try:
        module = import_module(f"onhook.cli.{given.command.replace('-', '_')}")
        status: int = module.execute(given)
        sys.stdout.flush()
    except (Failure, SettingError) as failure:
        sys.stderr.write(f"onhook: {failure}\n")
        return failure.status if isinstance(failure, Failure) else 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return status


def _prepare_streams() -> None:
    """With stdin, stdout or stderr closed, the next socket would take that number.

    What a terminal's encoding cannot show is written as an escape.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a test may have put another one there
            stream.reconfigure(errors="backslashreplace")


def settings_from(given: argparse.Namespace, **defaults: str) -> Settings:
    """The settings of this process: flags, then variables, then `defaults`, then the table's.

    Variables that no setting reads are told on stderr. Raises SettingError.
    """
    for line in unknown_variables(os.environ):
        sys.stderr.write(f"warning: {line}\n")
    environment = {f"ONHOOK_{name.upper()}": value for name, value in defaults.items()}
    environment.update({name: value for name, value in os.environ.items() if value.strip()})
    return load(environment, flags_of(given))


def flags_of(given: argparse.Namespace) -> dict[str, str | None]:
    return {setting.name: getattr(given, f"setting_{setting.name}", None) for setting in SETTINGS}
