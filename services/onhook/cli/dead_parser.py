"""The words of `onhook dead`: its actions and arguments."""

from __future__ import annotations

import argparse

from onhook.cli.setting_flags import WORKER_ADDRESS, add_setting_flags
from onhook.cli.since import SINCE_HELP

FILTERS = {
    "queue": ("QUEUE", "undelivered or unprocessable"),
    "flow": ("NAME", "of this flow"),
    "endpoint": ("URL", "last sent to this scheme, host and port"),
    "fault": ("FAULT", 'with this fault, such as "undelivered" or "malformed"'),
    "reason": ("TEXT", "with this text in the reason"),
    "event": ("TYPE", "of this event"),
    "interaction": ("ID", "of this interaction"),
    "run": ("ID", "of this run"),
    "like": (
        "ID",
        "alike to this one: same queue, fault, flow and reason, but for ids and figures",
    ),
    "since": ("TIME", f"set aside since then: {SINCE_HELP}"),
    "until": ("TIME", "set aside before then"),
}


def dead_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listed = _action(actions, "list", "what was set aside, with how many are alike")
    _filters(listed)
    listed.add_argument("--each", action="store_true", help="each by itself, newest first")
    listed.add_argument(
        "-n", "--limit", type=int, default=50, metavar="N", help="lines at most (50)"
    )
    listed.add_argument("--after", metavar="CURSOR", help="with --each: what follows that page")
    listed.add_argument("--json", action="store_true", help="print one JSON object")

    show = _action(actions, "show", "one of them, with its run and what was tried")
    show.add_argument("id", help="its id, as `dead list --each` prints it")
    show.add_argument("--message", action="store_true", help="print the message itself")
    show.add_argument("--json", action="store_true", help="print one JSON object")

    _bulk(
        _action(
            actions,
            "replay",
            "send them on their way again",
            "A replay is a delivery like any other: retried, recorded, with the webhook-id it had. "
            "Status 0: all were sent on.",
        )
    )
    _bulk(_action(actions, "drop", "throw them away, after asking"))
    for action in actions.choices.values():
        add_setting_flags(action, WORKER_ADDRESS)


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    what: str,
    more: str | None = None,
) -> argparse.ArgumentParser:
    description = f"{what[:1].upper()}{what[1:]}."
    return actions.add_parser(name, help=what, description=description, epilog=more)


def _filters(parser: argparse.ArgumentParser) -> None:
    for name, (what, text) in FILTERS.items():
        parser.add_argument(f"--{name}", metavar=what, help=text)


def _bulk(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="*", help="ids; or a filter")
    _filters(parser)
    parser.add_argument("--all", action="store_true", help="every one of them")
    parser.add_argument(
        "--rate", type=float, default=100.0, metavar="N", help="as many a second at most (100)"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
