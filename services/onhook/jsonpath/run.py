"""One path on its way through one document: what it has found, and what it may still cost.

It must not know tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from onhook.jsonpath.limits import Purse
from onhook.jsonpath.values import IsPath


class Run:
    """`arrived_at` is the position in a list from which a scan went on to the last token, -1 before
    it ever did (see `steps.lets_pass`). `wants_all`: a key that is missing ends the run.
    """

    __slots__ = ("arrived_at", "cache", "is_path", "purse", "results", "root", "wants_all")

    def __init__(self, root: Any, purse: Purse, is_path: IsPath, *, wants_all: bool) -> None:
        self.root = root
        self.purse = purse
        self.is_path = is_path
        self.wants_all = wants_all
        self.results: list[Any] = []
        self.arrived_at = -1
        self.cache: dict[int, Any] = {}


Predicate: TypeAlias = Callable[[Any, Run], bool]
Step: TypeAlias = Callable[[Any, Run], None]
"""Takes the value that the path has come to, and goes on from there."""
