"""The house: rooms, floors, and who may import whom.

A room imports from the floors below it, never from its own floor's neighbours or from above,
whether at the top of a module, inside a function, for types alone, relatively or by name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE_ROOT = Path(__file__).parents[2] / "services"
PACKAGE = SOURCE_ROOT / "onhook"

FLOORS = (
    ("contracts", "settings", "java"),
    ("pebble", "jsonpath", "signature"),
    ("flow", "sqlite"),
    ("bus", "journal", "egress", "web"),
    ("call_emulator", "event_flow", "sink"),
    ("up",),
    ("cli", "testing"),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
GROUND = ""
"""The package itself, below all rooms: its version, and nothing else."""
ENTRY = "__main__"
"""`python -m onhook`, above all rooms."""
FLOOR_OF |= {GROUND: -1, ENTRY: len(FLOORS)}

MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(module: str) -> str:
    """`onhook.flow.engine` is in the room `flow`, `onhook` itself on the ground."""
    _, *parts = module.split(".")
    return parts[0] if parts and parts[0] in FLOOR_OF else GROUND


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE_ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that a module of `package` imports from the house."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                origin = ".".join([*above, *([origin] if origin else [])])
            names = [f"{origin}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and node.args:
            called = ast.unparse(node.func).rpartition(".")[2]
            first = node.args[0]
            if called in ("import_module", "__import__") and isinstance(first, ast.Constant):
                names = [str(first.value)]
        for name in names:
            if name.split(".")[0] == "onhook":
                yield node.lineno, name


def wrong_imports(source: str, path: Path) -> list[str]:
    """A line for each import that the house forbids to the module at `path`."""
    module = module_name(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    own = room_of(module)
    found = []
    for line, name in imported(ast.parse(source), package):
        room = room_of(name)
        if room != own and FLOOR_OF[room] >= FLOOR_OF[own]:
            found.append(
                f"{path.relative_to(SOURCE_ROOT)}:{line}: {own} (floor {FLOOR_OF[own]}) "
                f"imports {name} (floor {FLOOR_OF[room]})"
            )
    return found


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_a_room_imports_only_from_the_floors_below(path: Path) -> None:
    assert wrong_imports(path.read_text("utf-8"), path) == []


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_a_module_says_first_what_may_live_there(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    assert docstring, f"{path} opens without a docstring"


def test_every_folder_is_a_room() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders <= set(FLOOR_OF)


def test_every_module_is_in_a_room() -> None:
    loose = {path.name for path in PACKAGE.glob("*.py")}
    assert loose <= {"__init__.py", "__main__.py"}


FORBIDDEN = {
    "a neighbour": ("sink/api.py", "from onhook.event_flow.app import running"),
    "a neighbour, as a module": ("sink/api.py", "import onhook.event_flow.app"),
    "a neighbour, by its room alone": ("sink/api.py", "from onhook import call_emulator"),
    "a room above": ("bus/port.py", "from onhook.up import running"),
    "a room above, under another name": ("flow/engine.py", "import onhook.bus.port as port"),
    "relatively": ("sink/api.py", "from ..event_flow import app"),
    "relatively, from a package": ("bus/rabbitmq/__init__.py", "from ...journal import store"),
    "relatively, by the room alone": ("sink/__init__.py", "from .. import event_flow"),
    "inside a function": ("web/app.py", "def late():\n    from onhook.sink import app"),
    "for types alone": (
        "egress/port.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from onhook.bus import port",
    ),
    "under try": ("flow/engine.py", "try:\n    import onhook.cli\nexcept ImportError:\n    pass"),
    "by name": ("sink/app.py", "import importlib\nimportlib.import_module('onhook.up.app')"),
    "a room, from the ground": ("__init__.py", "from onhook.contracts import event"),
}


@pytest.mark.parametrize(("where", "source"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_a_forbidden_import_is_found(where: str, source: str) -> None:
    assert len(wrong_imports(source, PACKAGE / where)) == 1


ALLOWED = {
    "its own room": ("sink/app.py", "from onhook.sink.api import describe"),
    "its own room, relatively": ("bus/rabbitmq/adapter.py", "from ..port import Bus"),
    "the floor below": ("sink/app.py", "from onhook.web.app import build_app"),
    "Java, from the templates": ("pebble/x.py", "from onhook.java import char"),
    "the version": ("web/openapi.py", "from onhook import __version__"),
    "another package of a similar name": ("contracts/event.py", "import onhooks.cli"),
    "a resource of its own": ("settings/x.py", "files('onhook.up')"),
    "the command, from the entry": ("__main__.py", "from onhook.cli import main"),
}


@pytest.mark.parametrize(("where", "source"), ALLOWED.values(), ids=ALLOWED)
def test_an_allowed_import_is_no_finding(where: str, source: str) -> None:
    assert wrong_imports(source, PACKAGE / where) == []
