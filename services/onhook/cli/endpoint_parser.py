"""The words of `onhook endpoint`: its actions and arguments."""

from __future__ import annotations

import argparse

from onhook.cli.setting_flags import WORKER_ADDRESS, add_setting_flags

_ACTIONS = {
    "pause": "send nothing there; its runs wait, and spend no attempts",
    "resume": "lift a pause, and send on what waits",
    "retry-now": "probe it at once, and send on what waits",
}


def endpoint_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    what = "where requests go, by flow and node: in flight, breaker, pause"
    listed = actions.add_parser("list", help=what, description=what.capitalize() + ".")
    listed.add_argument("--json", action="store_true", help="print a JSON list")
    for name, what in _ACTIONS.items():
        action = actions.add_parser(name, help=what, description=what.capitalize() + ".")
        action.add_argument(
            "endpoint", help="its id or the beginning of it, or an origin, a flow or a node"
        )
        if name == "pause":
            action.add_argument("--reason", metavar="TEXT", help="why, for whoever looks later")
        action.add_argument("--all", action="store_true", help="all that the name fits")
        action.add_argument("--json", action="store_true", help="print a JSON list")
    for action in actions.choices.values():
        add_setting_flags(action, WORKER_ADDRESS)
