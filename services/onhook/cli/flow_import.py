"""`onhook flow import`: a flow exported from Flow Designer, printed in our form.

The flow goes to stdout and what became of it to stderr, so that `> flow.json` holds the flow alone.
"""

from __future__ import annotations

from typing import TextIO

from onhook.cli.input_file import read_input, shown_name
from onhook.flow.errors import FlowError
from onhook.flow.importing import Imported, import_flow
from onhook.flow.writing import write_flow


def import_file(path: str, stdout: TextIO, stderr: TextIO, *, as_yaml: bool = False) -> int:
    """Print the flow; 0, or 1 when the file is none. `-` reads stdin.

    Raises Failure where the file cannot be read at all.
    """
    try:
        imported = import_flow(read_input(path), shown_name(path))
    except FlowError as error:
        stderr.write(f"onhook: {error}\n")
        return 1
    stdout.write(write_flow(imported.file, as_yaml=as_yaml))
    stderr.writelines(f"{line}\n" for line in report_lines(imported))
    return 0


def report_lines(imported: Imported) -> list[str]:
    """A line for each thing kept, changed and left out, and one with what to do next."""
    rows = (("kept", imported.kept), ("changed", imported.changed), ("left out", imported.left_out))
    lines = [f"{word}: {line}" for word, said in rows for line in said]
    return [*lines, "next: onhook flow validate FILE says what cannot run, by node"]
