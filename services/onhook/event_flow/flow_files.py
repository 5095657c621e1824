"""Flow files on disk: finding and reading those that a start publishes."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import structlog

from onhook.flow.errors import FlowError, error

log = structlog.get_logger()

SUFFIXES = frozenset({".json", ".yaml", ".yml"})


def found_in(folders: tuple[Path, ...]) -> list[Path]:
    """The flow files of the folders, each in order of name; a file stands for itself."""
    found: list[Path] = []
    for folder in folders:
        if folder.is_file():
            found.append(folder)
            continue
        inside = sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() in SUFFIXES and not path.is_dir()
        )
        if not inside:
            log.warning("no flow files in folder", folder=str(folder))
        found += inside
    return found


def content_of(path: Path) -> bytes:
    """Raises FlowError naming the file."""
    try:
        return path.read_bytes()
    except OSError as problem:
        unreadable = error(
            "OH1000", f"cannot be read: {problem.strerror}", "let the worker read it"
        )
        raise FlowError(str(path), (unreadable,)) from None


def packaged() -> tuple[bytes, str]:
    """The flow that comes with the software: its content, and where it is."""
    path = files("onhook.flow").joinpath("main_flow.json")
    return path.read_bytes(), str(path)
