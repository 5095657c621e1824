"""The words of the command line: commands, their flags, and the settings as flags.

Commands are imported when they run, so that `onhook event` does not pay for a web server.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from importlib import import_module

from onhook import __version__
from onhook.cli.failure import Failure
from onhook.settings import SETTINGS, SettingError, Settings, load, unknown_variables

STARTED = time.monotonic()
"""When the process began to load, for what says how fast it was ready."""

COMMANDS = {
    "up": "all three services in one process, with a webhook to look at",
    "demo": "play one call in a temporary place and show the webhook that arrives",
    "event": "print a sample event, ready to publish",
    "trace": "what became of an interaction",
    "flow": "publish and list flows",
    "call-emulator": "serve the call emulator alone",
    "event-flow": "serve the event-flow worker alone",
    "sink": "serve the sink alone",
    "doctor": "what is set, what answers, what is blocked and why",
    "config": "every setting, its variable, default and value",
    "reset": "delete what the embedded stores hold, after asking",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    _fill_closed_streams()
    parser = build_parser()
    given = parser.parse_args(arguments)
    try:
        module = import_module(f"onhook.cli.{given.command.replace('-', '_')}")
        status: int = module.execute(given)
    except (Failure, SettingError) as failure:
        sys.stderr.write(f"onhook: {failure}\n")
        return failure.status if isinstance(failure, Failure) else 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return status


def _fill_closed_streams() -> None:
    """With stdin, stdout or stderr closed, the next socket would take that number."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="onhook",
        description="Contact-centre event flows as software you own.",
        epilog="Every setting is a variable ONHOOK_... and a flag; `onhook config` lists them.",
    )
    parser.add_argument("--version", action="version", version=f"onhook {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, what in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=what,
            description=what.capitalize() + ".",
            parents=[_settings_parser(_SETTINGS_OF.get(name))],
        )
        if name in _ARGUMENTS:
            _ARGUMENTS[name](command)
    return parser


def _settings_parser(names: frozenset[str] | None) -> argparse.ArgumentParser:
    """Flags of the settings that a command reads; None: of all."""
    parser = argparse.ArgumentParser(add_help=False)
    used = [setting for setting in SETTINGS if names is None or setting.name in names]
    group = parser.add_argument_group("settings") if used else parser
    for setting in used:
        group.add_argument(
            setting.flag,
            dest=f"setting_{setting.name}",
            metavar="VALUE",
            help=f"{setting.what} ({setting.variable})".replace("%", "%%"),
        )
    return parser


def _up_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", metavar="URL", help="deliver there, and allow exactly that origin")
    parser.add_argument(
        "--port",
        type=int,
        metavar="N",
        help="first of the three ports; 0 picks free ones",
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON when ready")
    parser.add_argument("--demo", action="store_true", help="play one call at the start")


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--who", default="Ada Lovelace", metavar="NAME", help="who calls")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _event_arguments(parser: argparse.ArgumentParser) -> None:
    from onhook.contracts.sample import SAMPLE_EVENTS  # noqa: PLC0415 - only when it is needed

    parser.add_argument("type", choices=SAMPLE_EVENTS, help="the event's name")


def _trace_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("interaction", help="the interaction's id")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _flow_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    publish = actions.add_parser("publish", help="publish a flow file as a new version")
    publish.add_argument("file", help="the flow, JSON or YAML")
    publish.add_argument("--label", help="a label that moves to the version, beside Latest")
    publish.add_argument("--comment", help="kept with the version")
    actions.add_parser("list", help="published flows")


def _doctor_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ready",
        choices=("call-emulator", "event-flow", "sink"),
        help="only ask whether this service is ready: status 0 or 1",
    )


def _config_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print a JSON list")


def _reset_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")


_ARGUMENTS = {
    "up": _up_arguments,
    "demo": _demo_arguments,
    "event": _event_arguments,
    "trace": _trace_arguments,
    "flow": _flow_arguments,
    "doctor": _doctor_arguments,
    "config": _config_arguments,
    "reset": _reset_arguments,
}


_ADDRESSES = frozenset(
    {"host", "emulator_port", "worker_port", "sink_port"}
    | {"emulator_url", "worker_url", "sink_url", "sink_public_url"}
)

_SETTINGS_OF: dict[str, frozenset[str]] = {
    "demo": frozenset(),
    "event": frozenset(),
    "flow": _ADDRESSES,
    "reset": frozenset({"data"}),
    "trace": _ADDRESSES,
}
"""Commands that read only some of the settings, or none."""


def settings_from(given: argparse.Namespace, **defaults: str) -> Settings:
    """The settings of this process: flags, then variables, then `defaults`, then the table's.

    Variables that no setting reads are told on stderr. Raises SettingError.
    """
    for line in unknown_variables(os.environ):
        sys.stderr.write(f"onhook: {line}\n")
    environment = {f"ONHOOK_{name.upper()}": value for name, value in defaults.items()}
    environment.update({name: value for name, value in os.environ.items() if value.strip()})
    return load(environment, flags_of(given))


def flags_of(given: argparse.Namespace) -> dict[str, str | None]:
    return {setting.name: getattr(given, f"setting_{setting.name}", None) for setting in SETTINGS}
