"""Whether a body's own text can become JSON: every way through its template, without values.

Ifs are walked on both sides, loops for none, one and several turns. Refused is only what no way
leads through. It must not know how values are written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

from msgspec import Struct

from onhook.flow.condition import Answers, Turn, atoms, decide, is_readable, mentions, repeated
from onhook.flow.json_places import START, NoJson, State, after_text, after_value, check_end
from onhook.pebble import PebbleError, position
from onhook.pebble.nodes import (
    Autoescape,
    Block,
    Expression,
    FilterBlock,
    For,
    Group,
    If,
    Node,
    Print,
    Set,
    Text,
)

_MOST_PATHS = 400
_MOST_TURNS = 12
_MOST_WORK = 100_000
"""Nodes that are entered again and again, each for each of its paths."""

_Paths = dict[tuple[State, Answers], None]
"""Where one can be; a dict, because it keeps its order."""


class Death(Struct, frozen=True):
    """A way through the template that ends in no JSON."""

    message: str
    offset: int


class Walk(Struct, frozen=True):
    """What was found. `places` maps the offset of a text or expression to the states before it."""

    places: dict[int, tuple[State, ...]]
    deaths: tuple[Death, ...]
    """Ways that some values take, as far as that is known."""
    is_complete: bool = True
    """Whether every way was followed."""


class _TooMany(Exception):
    """More ways than are worth following."""


def walk(body: tuple[Node, ...], source: str) -> Walk:
    """Walk `body`. Raises PebbleError where the last way that could become JSON ends."""
    conditions: list[Expression] = []
    changing: set[str] = {"loop"}
    blocks: list[str] = []
    for node in every_node(body):
        if isinstance(node, If):
            conditions += [branch.condition for branch in node.branches]
        elif isinstance(node, For | Set):
            changing.add(node.name)
        elif isinstance(node, Block):
            blocks.append(node.name)
    if len(set(blocks)) < len(blocks):  # the last of a name prints for all
        return Walk({}, (), is_complete=False)
    readable = [each for each in conditions if is_readable(each)]
    explorer = _Explorer(repeated(readable, frozenset(changing)))
    settable = {node.name for node in every_node(body) if isinstance(node, Set)}
    knows_ways = len(readable) == len(conditions) and not any(
        mentions(each, settable) for each in readable
    )
    try:
        ends = explorer.nodes(body, {(START, frozenset()): None}, None)
        explorer.end(ends, len(source))
    except (_TooMany, RecursionError):  # left to the check at run time
        return Walk(explorer.seen(), (), is_complete=False)
    except _Dead as dead:
        _refuse(dead.death, source)
    deaths = tuple(explorer.deaths) if knows_ways else ()
    return Walk(explorer.seen(), deaths, is_complete=knows_ways)


def every_node(body: tuple[Node, ...]) -> Iterator[Node]:
    """Each node that prints where it stands, and each that holds some; no macro's body."""
    for node in body:
        yield node
        for part in inner(node):
            yield from every_node(part)


def inner(node: Node) -> tuple[tuple[Node, ...], ...]:
    """The bodies inside a node that print where it stands."""
    if isinstance(node, If):
        return (*(branch.body for branch in node.branches), node.otherwise)
    if isinstance(node, For):
        return node.body, node.otherwise
    if isinstance(node, Block | Autoescape | Group):
        return (node.body,)
    return ()


def _refuse(death: Death, source: str) -> NoReturn:
    raise PebbleError(
        f"the body is no JSON: {death.message}", *position(source, death.offset)
    ) from None


class _Dead(Exception):
    def __init__(self, death: Death) -> None:
        super().__init__(death.message)
        self.death = death


class _Explorer:
    """Moves sets of paths through nodes, remembering where each ended."""

    def __init__(self, tracked: frozenset[object]) -> None:
        self.deaths: list[Death] = []
        self._tracked = tracked
        self._work = 0
        self._places: dict[int, dict[State, None]] = {}

    def seen(self) -> dict[int, tuple[State, ...]]:
        return {offset: tuple(states) for offset, states in self._places.items()}

    def nodes(self, body: tuple[Node, ...], paths: _Paths, turn: Turn | None) -> _Paths:
        for node in body:
            if not paths:
                return paths
            paths = self._node(node, paths, turn)
            if len(paths) > _MOST_PATHS:
                raise _TooMany
        return paths

    def end(self, paths: _Paths, offset: int) -> None:
        """Raises _Dead when no path is left, or none may end here."""
        alive = False
        for state, _ in paths:
            try:
                check_end(state)
                alive = True
            except NoJson as problem:
                self.deaths.append(Death(problem.message, offset))
        if not alive:
            raise _Dead(max(self.deaths, key=lambda death: death.offset))

    def _node(self, node: Node, paths: _Paths, turn: Turn | None) -> _Paths:
        if turn is not None or len(paths) > 1:
            self._spend(len(paths))
        if isinstance(node, Text | Print | FilterBlock):
            return self._step(node, paths)
        if isinstance(node, If):
            return self._if(node, paths, turn)
        if isinstance(node, For):
            return self._for(node, paths, turn)
        for body in inner(node):
            paths = self.nodes(body, paths, turn)
        return paths

    def _spend(self, work: int) -> None:
        self._work += work
        if self._work > _MOST_WORK:
            raise _TooMany

    def _step(self, node: Text | Print | FilterBlock, paths: _Paths) -> _Paths:
        after: _Paths = {}
        moved: dict[State, State | None] = {}
        for state, answers in paths:
            if state not in moved:
                moved[state] = self._move(node, state)
            if (following := moved[state]) is not None:
                after[following, answers] = None
        return after

    def _move(self, node: Text | Print | FilterBlock, state: State) -> State | None:
        self._places.setdefault(node.offset, {})[state] = None
        try:
            return after_text(node.text, state) if isinstance(node, Text) else after_value(state)
        except NoJson as problem:
            death = Death(problem.message, node.offset + problem.at)
            if death not in self.deaths:
                self.deaths.append(death)
            return None

    def _if(self, node: If, paths: _Paths, turn: Turn | None) -> _Paths:
        after: _Paths = {}
        for branch in node.branches:
            taken: _Paths = {}
            left: _Paths = {}
            is_known = is_readable(branch.condition)
            self._spend(len(paths) * sum(1 for _ in atoms(branch.condition)) if is_known else 0)
            for state, answers in paths:
                for holds, known in (
                    decide(branch.condition, turn, answers, self._tracked)
                    if is_known
                    else ((True, answers), (False, answers))
                ):
                    (taken if holds else left)[state, known] = None
            after |= self.nodes(branch.body, taken, turn)
            paths = left
        return after | self.nodes(node.otherwise, paths, turn)

    def _for(self, node: For, paths: _Paths, turn: Turn | None) -> _Paths:
        """No turn, one turn, and several, until nothing new is reached."""
        # What cannot be looped over takes no side at all.
        after = paths | self.nodes(node.otherwise, paths, turn)
        after |= self.nodes(node.body, paths, Turn(first=True, last=True))
        reached = self.nodes(node.body, paths, Turn(first=True, last=False))
        every = dict(reached)
        for _ in range(_MOST_TURNS):
            fresh = self.nodes(node.body, reached, Turn(first=False, last=False))
            reached = {path: None for path in fresh if path not in every}
            if not reached:
                break
            every |= reached
        else:
            raise _TooMany
        return after | self.nodes(node.body, every, Turn(first=False, last=True))
