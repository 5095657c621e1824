"""A compiled path, and the two ways of reading it: key by key, or by its plan.

It must not know the grammar or the functions. All errors leave through here, so that every text
names the path.
"""

from __future__ import annotations

from typing import Any, NoReturn

from onhook.jsonpath.conditions import compile_plan
from onhook.jsonpath.errors import JsonPathError, PathError, PathMissing
from onhook.jsonpath.limits import Purse
from onhook.jsonpath.path_parser import parse_path
from onhook.jsonpath.tokens import Indexes, PathTree, Property

_LONGEST_QUOTED = 80
_LONGEST_TEXT = 300
_TOO_DEEP = "it goes too deep; make the path or the document flatter"


class Path:
    """A path that is ready to be read any number of times.

    `is_definite`: it leads to one value, or to none; otherwise to a list.
    """

    __slots__ = ("_keys", "_plan", "is_definite", "source")

    def __init__(self, source: str, tree: PathTree) -> None:
        self.source = source
        self._plan = compile_plan(tree)
        self._keys = _plain_keys(tree)
        self.is_definite = self._plan.is_definite

    def __repr__(self) -> str:
        return f"Path({self.source!r})"

    def read(self, document: Any) -> Any:
        """What the path finds in plain data (dict, list, str, int, float, bool, None).

        Raises PathMissing when a definite path finds nothing, PathError when the path makes no
        sense for this document or a bound is reached.
        """
        if self._keys is None:
            return self._by_plan(document)
        value: Any = document
        key: Any
        for key in self._keys:
            if type(key) is str:
                if type(value) is not dict or key not in value:
                    return self._not_found(document)
            elif type(value) is not list or not -len(value) <= key < len(value):
                return self._not_found(document)
            value = value[key]
        return self._not_found(document) if document is None else value

    def _by_plan(self, document: Any) -> Any:
        try:
            found = self._plan.read(document, document, Purse(), _is_path)
        except PathMissing:
            self._not_found(document)
        except PathError as error:
            raise _described(self.source, error) from None
        except RecursionError:
            raise _described(self.source, PathError(_TOO_DEEP)) from None
        return _plain(found)

    def _not_found(self, document: Any) -> NoReturn:
        if document is None:
            raise _described(
                self.source, PathError("the document is null, in which no path leads anywhere")
            )
        raise PathMissing(f"JSONPath {_quoted(self.source)}: {PathMissing.__doc__}")


def compile(path: str) -> Path:  # noqa: A001  # as in `re.compile`
    """Raises PathError with the column of what is wrong."""
    try:
        return Path(path, parse_path(path))
    except PathError as error:
        raise _described(path, error) from None
    except RecursionError:
        raise _described(path, PathError(_TOO_DEEP)) from None


def _plain_keys(tree: PathTree) -> tuple[str | int, ...] | None:
    """The keys and positions of a path that has nothing else."""
    keys: list[str | int] = []
    for token in tree.tokens:
        match token:
            case Property(names) if len(names) == 1:
                keys.append(names[0])
            case Indexes(indexes) if len(indexes) == 1:
                keys.append(indexes[0])
            case _:
                return None
    return tuple(keys)


def _is_path(text: str) -> bool:
    """Whether the text compiles; one that is too large for us does not."""
    try:
        parse_path(text)
    except (JsonPathError, RecursionError):
        return False
    return True


def _plain(found: Any) -> Any:
    """Lists where functions gave the keys of an object."""
    if isinstance(found, tuple):
        return list(found)
    if isinstance(found, list) and any(isinstance(item, tuple) for item in found):
        return [list(item) if isinstance(item, tuple) else item for item in found]
    return found


def _described(path: str, error: PathError) -> PathError:
    place = "" if error.column is None else f" column {error.column}:"
    text = _shortened(error.text, _LONGEST_TEXT)
    return PathError(f"JSONPath {_quoted(path)}:{place} {text}", error.column)


def _quoted(path: str) -> str:
    return f'"{_shortened(path, _LONGEST_QUOTED)}"'


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[:longest] + "..."
