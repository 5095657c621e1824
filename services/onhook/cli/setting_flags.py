"""The settings as flags of a command: which of them, and how each is told apart from arguments."""

from __future__ import annotations

import argparse

from onhook.settings import SETTINGS
from onhook.settings.reading import true_or_false

WORKER_ADDRESS = frozenset({"host", "worker_port", "worker_url"})
ADDRESSES = WORKER_ADDRESS | {
    "emulator_port",
    "sink_port",
    "emulator_url",
    "sink_url",
    "sink_public_url",
}
CHECKED_AGAINST = frozenset({"contact_centre", "connectors", "sources", "amqp_url", "run_key"})
"""What decides whether a flow can run here."""
RUN_WITH = CHECKED_AGAINST | {"webhook_url", "overrides", "egress_allow", "retry_scale"}


def add_setting_flags(parser: argparse.ArgumentParser, names: frozenset[str] | None) -> None:
    """Flags of the settings that a command reads; None: of all.

    A flag that is not given leaves nothing behind, so that it may stand before or after an action.
    """
    used = [setting for setting in SETTINGS if names is None or setting.name in names]
    if not used:
        return
    group = parser.add_argument_group("settings")
    for setting in used:
        is_switch = setting.read is true_or_false
        group.add_argument(
            setting.flag,
            dest=f"setting_{setting.name}",
            metavar="VALUE",
            nargs="?" if is_switch else None,
            const="true" if is_switch else None,
            default=argparse.SUPPRESS,
            help=f"{setting.what} ({setting.variable})".replace("%", "%%"),
        )
