"""`onhook flow new|import|schema`: files to begin with, on stdout and nothing else there."""

from __future__ import annotations

import argparse
import sys

from onhook.cli.flow_import import import_file
from onhook.cli.flow_new import MAIN_FLOW, new_flow_text, schema_text


def execute(given: argparse.Namespace) -> int:
    if given.action == "import":
        return import_file(given.file, sys.stdout, sys.stderr, as_yaml=given.yaml)
    if given.action == "schema":
        sys.stdout.write(schema_text())
        return 0
    name = given.name or MAIN_FLOW
    sys.stdout.write(new_flow_text(name, start=given.start, as_yaml=given.yaml))
    return 0
