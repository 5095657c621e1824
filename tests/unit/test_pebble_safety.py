"""No template reaches anything of Python, nor anything of Java that is not in the tables."""

from __future__ import annotations

import contextlib
import re
from typing import Any

import pytest

from onhook import pebble
from onhook.java.number import Int
from onhook.pebble.errors import Fault
from onhook.pebble.limits import Limits
from onhook.pebble.methods import methods_of
from onhook.pebble.state import State, TextOutput

INTERNALS = re.compile(
    r"Traceback|object at 0x|<class|<function|<module|<bound|<built-in|__\w+__\(|onhook\.|hunter2"
)


class Secret:
    """Whatever Python can reach by a dot, were it ever handed in."""

    password = "hunter2"

    def __init__(self) -> None:
        self.token = "hunter2"

    def reveal(self) -> str:
        return "hunter2"

    def __getitem__(self, key: object) -> str:
        return "hunter2"

    def __str__(self) -> str:
        return "hunter2"

    __repr__ = __str__


VALUES: dict[str, Any] = {
    "text": "text",
    "number": 5,
    "decimal": 1.5,
    "list": [1],
    "map": {"k": 1},
    "nul": None,
    "yes": True,
    "secret": Secret(),
}
NAMES = [
    "__class__",
    "__class__.__mro__",
    "__mro__",
    "__dict__",
    "__doc__",
    "__init__",
    "__globals__",
    "__builtins__",
    "__subclasses__",
    "__getattribute__",
    "__reduce__",
    "__len__",
    "__str__",
    "__format__",
    "format",
    "format_map",
    "upper",
    "encode",
    "keys",
    "items",
    "values",
    "append",
    "pop",
    "real",
    "imag",
    "numerator",
    "bit_length",
    "as_integer_ratio",
    "hex",
    "fromhex",
    "fromkeys",
    "copy",
    "clear",
    "update",
    "password",
    "token",
    "reveal",
    "self",
    "gi_frame",
    "f_globals",
    "func_globals",
    "mro",
]
REACHED = {"map": {"keys", "values"}}


def printed(source: str) -> str:
    """The output, or the message of the error."""
    try:
        return pebble.compile(source).render(VALUES)
    except pebble.PebbleError as error:
        return str(error)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", NAMES)
def test_no_attribute_of_a_python_object_is_reachable(value: str, name: str) -> None:
    assert printed(f"[{{{{ {value}.{name} }}}}]") == "[]"
    key = f"{value}['{name}']"
    assert printed(f"[{{{{ {key} }}}}]") == "[]"
    assert not INTERNALS.search(printed(f"[{{{{ {value}.{name}() }}}}]"))


ATTEMPTS = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ text['__class__']['__mro__'] }}",
    "{{ text.getClass().forName('java.lang.Runtime').getRuntime().exec('id') }}",
    "{{ text['class'] }}",
    "{{ text.CLASS }}",
    "{{ text.getclass() }}",
    "{{ list.class.classLoader }}",
    "{{ number.wait() }}",
    "{{ number.notifyAll() }}",
    "{{ '%s' | format(secret) }}",
    "{{ '{0.__class__}' | format(text) }}",
    "{{ '{}' | format(text) }}",
    "{{ '%(text)s' | format(map) }}",
    "{{ '%n%%%h' | format(list) }}",
    "{{ '{0}'.format(secret) }}",
    "{{ '{0}'.formatted(secret) }}",
    "{{ secret }}",
    "{{ [secret] }}",
    "{{ secret ~ '' }}",
    "{{ secret + 'x' }}",
    "{{ secret | upper }}",
    "{{ secret | length }}",
    "{{ secret | join }}",
    "{{ secret | escape }}",
    "{{ secret | base64encode }}",
    "{{ secret[0] }}",
    "{{ secret == secret }}",
    "{{ secret < 1 }}",
    "{{ secret ? 1 : 2 }}",
    "{% for x in secret %}{{ x }}{% endfor %}",
    "{{ {secret: 1} }}",
    "{{ [secret] | sort }}",
    "{{ secret is iterable }}",
    "{{ _context }}",
    "{{ _context.__class__ }}{{ _context['__class__'] }}",
    "{{ _context.size() }}",
    "{{ _context | length }}",
    "{{ _context | upper }}",
    "{{ _context == _context }}",
    "{{ template }}{{ template.name }}{{ self }}{{ config }}{{ request }}",
    "{{ now().__class__ }}{{ now().tzinfo }}{{ now().at }}",
    "{% for x in list %}{{ loop.__class__ }}{{ loop.__slots__ }}{{ loop['__init__'] }}{{ loop.getClass() }}{% endfor %}",
    "{% for x in map %}{{ x.__class__ }}{{ x.__slots__ }}{% endfor %}",
    "{% macro m() %}{{ caller }}{{ varargs }}{{ m.__code__ }}{% endmacro %}{{ m() }}{{ m.__globals__ }}",
    "{{ range.__globals__ }}{{ max.__call__ }}{{ range(1, 2).__class__ }}",
    "{{ text.split.__self__ }}{{ text.split('')[0].__class__ }}",
    "{{ text.valueOf(1) }}{{ number.parseInt('1') }}{{ text.join(',', list) }}",
    "{{ 'a' | split('(?R)') }}{{ 'a' | split('(?<a>x)(?&a)') }}",
    "{{ 'a' | date('yyyy', existingFormat='%s') }}",
    "{{ 1 | date('yyyy', timeZone='../../etc/passwd') }}",
    "{{ 1 | date('yyyy', timeZone='/etc/localtime') }}",
]


@pytest.mark.parametrize("source", ATTEMPTS)
def test_an_attempt_shows_nothing_of_what_is_behind(source: str) -> None:
    assert not INTERNALS.search(printed(source))


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_methods_are_an_explicit_table_of_plain_names(value: object) -> None:
    for name, overloads in methods_of(value).items():
        assert re.fullmatch(r"[a-z]+", name)
        assert "class" not in name
        assert overloads


def test_a_method_fails_with_a_fault_alone() -> None:
    """Whatever arguments its overload accepts."""
    state = State({}, TextOutput(1000), Limits(), None, owns_data=False)
    candidates = ["", "a", "(", "$", None, Int(-1), Int(5), [], {}, True, 1.5, 2**70]
    for value in ("", "text", "a😀", [], [1, "a"], {}, {"k": 1}, 5, -1, 1.5, float("nan"), True):
        for overloads in methods_of(value).values():
            for accepts, function in overloads:
                for first in candidates:
                    for second in candidates:
                        arguments = [first, second][: len(accepts)]
                        if not all(a(x) for a, x in zip(accepts, arguments, strict=True)):
                            continue
                        with contextlib.suppress(Fault):
                            function(value, state, *arguments)
