"""The words of the command line: commands, their arguments, and the settings as flags.

Only words live here: nothing is read, and no command is imported.
"""

from __future__ import annotations

import argparse

from onhook import __version__
from onhook.cli.dead_parser import dead_arguments
from onhook.cli.endpoint_parser import endpoint_arguments
from onhook.cli.flow_parser import flow_arguments, override_arguments, template_arguments
from onhook.cli.runs_parser import runs_arguments
from onhook.cli.setting_flags import ADDRESSES, WORKER_ADDRESS, add_setting_flags
from onhook.cli.signature_parser import signature_arguments

COMMANDS = {
    "up": "all three services in one process, with a webhook to look at",
    "demo": "play one call in a temporary place and show the webhook that arrives",
    "event": "print a sample event, ready to publish",
    "trace": "what became of an interaction",
    "flow": "check, run, publish and label flows",
    "template": "evaluate an expression or a template",
    "override": "values of flow variables, changed without a restart",
    "endpoint": "where requests go: breakers, pauses, and sending on what waits",
    "runs": "what ran, what did not and why: by flow, endpoint, status, state, time",
    "dead": "what was set aside: list, show, replay, drop",
    "signature": "make secrets, sign a body, say why a signature is not right",
    "call-emulator": "serve the call emulator alone",
    "event-flow": "serve the event-flow worker alone",
    "sink": "serve the sink alone",
    "doctor": "what is set, what answers, what is blocked and why",
    "topology": "what the services declare on a broker, and what each may do there",
    "config": "every setting, its variable, default and value",
    "reset": "delete what the embedded stores hold, after asking",
    "completion": "print a script that completes these words in a shell",
}
SHELLS = ("bash", "zsh", "fish")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="onhook",
        description="Contact-centre event flows as software you own.",
        epilog="Every setting is a variable ONHOOK_... and a flag; `onhook config` lists them.",
    )
    parser.add_argument("--version", action="version", version=f"onhook {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, what in COMMANDS.items():
        command = commands.add_parser(name, help=what, description=what.capitalize() + ".")
        if name in _ARGUMENTS:
            _ARGUMENTS[name](command)
        add_setting_flags(command, _SETTINGS_OF.get(name))
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
    parser.add_argument(
        "interaction",
        nargs="?",
        help="the interaction's id, or its beginning; without one, that of the newest run",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _doctor_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ready",
        choices=("call-emulator", "event-flow", "sink"),
        help="only ask whether this service is ready: status 0 or 1",
    )


def _topology_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--service",
        choices=("event-flow", "call-emulator", "shadow"),
        help="only this one's user; shadow: `onhook event-flow --shadow`, with its queue",
    )
    parser.add_argument(
        "--vhost", metavar="NAME", help="the virtual host; without it that of ONHOOK_AMQP_URL, or /"
    )
    parser.add_argument(
        "--format",
        choices=("definitions", "rabbitmqctl", "table"),
        default="definitions",
        help="JSON to import, commands that make the users, or a table to read",
    )
    parser.add_argument(
        "--users", action="store_true", help="with users and permissions in the definitions"
    )
    parser.add_argument(
        "--declaring",
        action="store_true",
        help="permissions for services that declare by themselves (ONHOOK_DECLARE=true)",
    )


def _config_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print a JSON list")


def _reset_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _completion_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="the shell to complete in")


_ARGUMENTS = {
    "up": _up_arguments,
    "demo": _demo_arguments,
    "event": _event_arguments,
    "trace": _trace_arguments,
    "flow": flow_arguments,
    "template": template_arguments,
    "override": override_arguments,
    "endpoint": endpoint_arguments,
    "runs": runs_arguments,
    "dead": dead_arguments,
    "signature": signature_arguments,
    "doctor": _doctor_arguments,
    "topology": _topology_arguments,
    "config": _config_arguments,
    "reset": _reset_arguments,
    "completion": _completion_arguments,
}

_SETTINGS_OF: dict[str, frozenset[str]] = {
    "completion": frozenset(),
    "demo": frozenset(),
    "endpoint": WORKER_ADDRESS,
    "dead": WORKER_ADDRESS,
    "runs": WORKER_ADDRESS,
    "event": frozenset(),
    "flow": WORKER_ADDRESS,
    "override": WORKER_ADDRESS,
    "reset": frozenset({"data"}),
    "signature": frozenset({"signing_secret"}),
    "template": frozenset(),
    "topology": frozenset({"amqp_url", "sources"}),
    "trace": ADDRESSES,
}
"""Commands that read only some of the settings, or none."""
