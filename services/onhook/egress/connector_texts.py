"""Texts of the connectors file: as they stand, out of the environment, or out of files.

Files are remembered with the moment of their last change, so that what was made of them can be
made again. Errors name the file, the place and the key, never a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import structlog

from onhook.settings.settings import SettingError

FILE = "_file"
_ENVIRONMENT = re.compile(r"\$\{([^}]*)\}")
_FIELD_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_LARGEST_FILE = 64 * 1024

Made = TypeVar("Made")
Stamp = tuple[int, int, int] | None
"""When a file was written last, its size, and which it is; None where it is not there."""

log = structlog.get_logger()


class ConnectorsError(SettingError):
    """The connectors file cannot be used."""


class Texts:
    """What one entry of the file says. `place` names the entry."""

    def __init__(self, path: Path, environment: Mapping[str, str], place: str) -> None:
        self._path = path
        self._environment = environment
        self._place = place
        self.stamps: dict[Path, Stamp] = {}
        """Of the files that were named."""
        self.secrets: set[str] = set()
        """What must not be shown."""
        self.credentials: set[str] = set()
        """Those of them that must not be read back either."""

    def wrong(self, what: str) -> ConnectorsError:
        return ConnectorsError(f"ONHOOK_CONNECTORS: {self._path}: {self._place}{what}")

    def hide(self, *secrets: str) -> None:
        self.secrets.update(secrets)
        self.credentials.update(secrets)

    def secret(self, inside: Mapping[str, Any], key: str, place: str) -> str:
        """A text as it stands, with `${NAME}` out of the environment, or out of a file."""
        if key in inside and key + FILE in inside:
            raise self.wrong(f"{place}: stands there and in a file; keep one of them")
        if key + FILE in inside:
            text = self._content(place, inside[key + FILE])
        else:
            text = self.expanded(place, inside.get(key))
        if not text:
            raise self.wrong(f"{place}: is empty")
        return text

    def field(self, inside: Mapping[str, Any], key: str, place: str) -> str:
        """A secret that stands in a header as it is."""
        text = self.secret(inside, key, place)
        if not _FIELD_VALUE.fullmatch(text):
            raise self.wrong(f"{place}: holds what no HTTP header can carry")
        return text

    def expanded(self, place: str, text: Any) -> str:
        if not isinstance(text, str):
            raise self.wrong(f"{place}: must be a text; put it in quotes")
        for variable in _ENVIRONMENT.findall(text):
            if not self._environment.get(variable):
                raise self.wrong(
                    f"{place}: the environment has no {variable}; set it, or use a file"
                )
        return _ENVIRONMENT.sub(lambda found: self._environment[found[1]], text)

    def named_file(self, place: str, name: Any) -> Path:
        """A file of the same folder, unless it is named from the root on."""
        if not isinstance(name, str) or not name:
            raise self.wrong(f"{place}: must name a file")
        path = self._path.parent / self.expanded(place, name)
        self.stamps[path] = stamp_of(path)
        return path

    def _content(self, place: str, name: Any) -> str:
        path = self.named_file(place + FILE, name)
        try:
            with path.open("rb") as file:
                return file.read(_LARGEST_FILE).decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            said = error.strerror if isinstance(error, OSError) else "is no UTF-8"
            raise self.wrong(f"{place}{FILE}: {path}: {said}") from None


class Watched(Generic[Made]):
    """Something made of texts; made anew, when asked for, once a file of theirs has changed."""

    def __init__(self, texts: Callable[[], Texts], make: Callable[[Texts], Made]) -> None:
        self._texts = texts
        self._make = make
        first = texts()
        self._made = make(first)
        self._stamps = first.stamps
        self._trouble = ""
        self.replaced: Callable[[Made, Made], None] = _untold
        """Called with what it was and what it is now."""

    @property
    def current(self) -> Made:
        """As it is now. What cannot be made again stays as it was, and the log says why."""
        if not any(stamp_of(path) != stamp for path, stamp in self._stamps.items()):
            return self._made
        texts = self._texts()
        try:
            before, self._made = self._made, self._make(texts)
        except ConnectorsError as error:
            # Files that belong together are seldom written at one moment: it is tried again.
            if str(error) != self._trouble:
                self._trouble = str(error)
                log.warning("changed secret cannot be used, the old one is kept", reason=str(error))
            return self._made
        self._trouble, self._stamps = "", texts.stamps
        log.info("changed secret read", files=sorted(map(str, texts.stamps)))
        self.replaced(before, self._made)
        return self._made


def has(fields: Mapping[str, Any], key: str) -> bool:
    """Whether it stands there, or in a file."""
    return key in fields or key + FILE in fields


def _untold(_before: object, _now: object) -> None:
    """Nobody wants to know."""


def stamp_of(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
