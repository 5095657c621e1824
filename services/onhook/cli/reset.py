"""`onhook reset`: delete what the embedded stores hold, after asking."""

from __future__ import annotations

import argparse
import shutil
import sys
from contextlib import ExitStack

from onhook.cli.failure import Failure
from onhook.cli.main import settings_from
from onhook.cli.question import is_agreed
from onhook.sqlite.folder_lock import FolderHeld, held

FOLDERS = ("bus", "call-emulator", "event-flow", "sink")


def execute(given: argparse.Namespace) -> int:
    data = settings_from(given).data
    folders = [data / name for name in FOLDERS if (data / name).is_dir()]
    if not folders:
        sys.stdout.write(f"{data} holds nothing of ours\n")
        return 0
    names = ", ".join(str(folder) for folder in folders)
    if not given.yes and not is_agreed(f"Delete {names}? [y/N] "):
        raise Failure("nothing was deleted; answer y, or give --yes where nobody can answer")
    with ExitStack() as stack:
        try:
            for folder in folders:
                stack.enter_context(held(folder, "onhook reset"))
        except FolderHeld as error:
            raise Failure(str(error)) from None
        for folder in folders:
            shutil.rmtree(folder)
    sys.stdout.write(f"deleted {names}\n")
    return 0
