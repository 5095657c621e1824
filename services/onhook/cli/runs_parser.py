"""The words of `onhook runs`: filters, and its actions on one run."""

from __future__ import annotations

import argparse

from onhook.cli.setting_flags import WORKER_ADDRESS, add_setting_flags
from onhook.cli.since import SINCE_HELP

STATES = ("running", "waiting", "done", "dead", "filtered", "disabled", "breaker open", "ignored")
FILTERS = {
    "interaction": ("ID", "of this interaction"),
    "flow": ("NAME", "of this flow, by name or id"),
    "endpoint": ("URL", "with an attempt at this scheme, host and port"),
    "since": ("TIME", f"since then: {SINCE_HELP}"),
    "until": ("TIME", "before then"),
    "after": ("CURSOR", "what follows that page"),
}


def runs_arguments(parser: argparse.ArgumentParser) -> None:
    for name, (what, text) in FILTERS.items():
        parser.add_argument(f"--{name}", metavar=what, help=text)
    parser.add_argument(
        "--status",
        type=int,
        metavar="N",
        help="with an attempt answered so; 0: there was no answer",
    )
    parser.add_argument(
        "--state",
        choices=STATES,
        help="of a run now, or what became of an event that started none",
    )
    parser.add_argument("--attempts", action="store_true", help="attempts, each by itself")
    parser.add_argument("-n", "--limit", type=int, default=50, metavar="N", help="at most (50)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    show = actions.add_parser(
        "show", help="a run step by step", description="A run step by step, with its attempts."
    )
    show.add_argument("run", help="its id")
    show.add_argument("--json", action="store_true", help="print one JSON object")
    try_now = actions.add_parser(
        "try-now",
        help="try a waiting run now",
        description="Try waiting runs now; an endpoint that is left alone is asked all the same.",
    )
    try_now.add_argument("run", nargs="*", help="ids")
    try_now.add_argument("--all", action="store_true", help="the newest 1,000 that wait")
    for action in actions.choices.values():
        add_setting_flags(action, WORKER_ADDRESS)
