"""Which nodes of a graph come later than which: asked once for all nodes, however they loop.

Pure, over names and what follows each. Nodes of one loop come later than one another. Source:
R. Tarjan, "Depth-first search and linear graph algorithms" (1972), walked without recursion.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

Following = Mapping[str, Collection[str]]
"""A node -> the nodes that follow it."""


class Later:
    """Answers whether one node can come behind another."""

    def __init__(self, nodes: Iterable[str], following: Following) -> None:
        linked = {*following, *(target for targets in following.values() for target in targets)}
        listed = dict.fromkeys([*nodes, *sorted(linked)])
        self._bits = {node: 1 << place for place, node in enumerate(listed)}
        self._later: dict[str, int] = {}
        for loop in _loops(self._bits, following):
            found = 0
            for node in loop:
                for target in following.get(node, ()):
                    found |= self._bits[target] | self._later.get(target, 0)
            for node in loop:
                self._later[node] = found

    def comes(self, node: str, *, behind: str) -> bool:
        return bool(self._later[behind] & self._bits[node])


def _loops(nodes: Iterable[str], following: Following) -> Iterable[list[str]]:
    """The strongly connected components, those that are led to before those that lead there."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_nodes: list[str] = []
    is_open: set[str] = set()
    for root in nodes:
        if root in number:
            continue
        walk = [(root, iter(following.get(root, ())))]
        number[root] = lowest[root] = len(number)
        open_nodes.append(root)
        is_open.add(root)
        while walk:
            node, targets = walk[-1]
            for target in targets:
                if target not in number:
                    number[target] = lowest[target] = len(number)
                    open_nodes.append(target)
                    is_open.add(target)
                    walk.append((target, iter(following.get(target, ()))))
                    break
                if target in is_open:
                    lowest[node] = min(lowest[node], number[target])
            else:
                walk.pop()
                if walk:
                    lowest[walk[-1][0]] = min(lowest[walk[-1][0]], lowest[node])
                if lowest[node] == number[node]:
                    yield _closed(node, open_nodes, is_open)


def _closed(first: str, open_nodes: list[str], is_open: set[str]) -> list[str]:
    """The loop that was entered at `first`, which is found whole."""
    loop = [open_nodes.pop()]
    while loop[-1] != first:
        loop.append(open_nodes.pop())
    is_open.difference_update(loop)
    return loop


def reached(beginnings: Iterable[str], following: Following) -> set[str]:
    """Everything that can come behind `beginnings`."""
    seen: set[str] = set()
    waiting = list(beginnings)
    while waiting:
        for target in following.get(waiting.pop(), ()):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen
