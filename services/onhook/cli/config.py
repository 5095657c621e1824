"""`onhook config`: every setting, its variable, default and current value, secrets masked."""

from __future__ import annotations

import argparse
import sys

import msgspec

from onhook.cli.main import settings_from
from onhook.settings import SETTINGS, shown_value


def execute(given: argparse.Namespace) -> int:
    settings = settings_from(given)
    rows = [
        {
            "variable": setting.variable,
            "flag": setting.flag,
            "default": setting.default,
            "value": shown_value(setting, settings),
            "is_set": setting.name in settings.given,
            "what": setting.what,
        }
        for setting in SETTINGS
    ]
    if given.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n")
        return 0
    for row in rows:
        mark = "*" if row["is_set"] else " "
        sys.stdout.write(f"{mark} {row['variable']:<29} {row['value'] or '(empty)'}\n")
        sys.stdout.write(f"    {row['what']}\n")
        sys.stdout.write(f"    {row['flag']}; default {row['default'] or '(empty)'}\n")
    sys.stdout.write("\n* is set\n")
    return 0
