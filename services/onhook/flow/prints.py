"""What the expressions of a template read, each by the place where it is printed.

Over the syntax tree alone; it must not know what becomes of the values.
"""

from __future__ import annotations

from collections.abc import Iterator

from onhook.flow.json_check import every_node
from onhook.pebble.analysis import Reference, facts_of
from onhook.pebble.nodes import FilterBlock, For, Node, Print, Set
from onhook.pebble.plain import plain_path


def paths_of_prints(body: tuple[Node, ...]) -> dict[int, tuple[str, ...] | None]:
    """For each expression, by its offset, the dotted name that it is; None for any other.

    A name that the template itself sets is none: what it holds is not known.
    """
    own = {node.name for node in every_node(body) if isinstance(node, For | Set)} | {"loop"}
    paths: dict[int, tuple[str, ...] | None] = {}
    for node in every_node(body):
        if isinstance(node, Print):
            path = plain_path(node.expression)
            paths[node.offset] = None if path is None or path[0] in own else path
    return paths


def read_by(node: Print | FilterBlock) -> Iterator[Reference]:
    """Every dotted name that is read to print it, names of the template's own among them."""
    yield from facts_of((node,)).references
