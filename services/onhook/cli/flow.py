"""`onhook flow ACTION`: each action is a module, imported when it runs."""

from __future__ import annotations

import argparse
from importlib import import_module

_MODULE_OF = {
    "import": "flow_written",
    "label": "flow_label",
    "list": "flow_published",
    "new": "flow_written",
    "publish": "flow_publish",
    "run": "flow_run",
    "schema": "flow_written",
    "show": "flow_published",
    "unpublish": "flow_label",
    "validate": "flow_validate",
    "versions": "flow_published",
}


def execute(given: argparse.Namespace) -> int:
    module = import_module(f"onhook.cli.{_MODULE_OF[given.action]}")
    status: int = module.execute(given)
    return status
