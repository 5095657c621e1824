"""Random templates and contexts: by the grammar, by mutation, and plain noise.

Everything comes from the Random that is handed in, so that a seed names a case. Nothing here knows
what a right answer is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

VECTORS = Path(__file__).resolve().parent.parent / "vectors/pebble.jsonl"
SEEDS = (
    '{{ NewPhoneContact.ANI | replace({"+":""}) }}',
    '{{ digits | split("") | join(", ") }}',
    '{{ (now() | epoch(inMillis=true) + 86400000) | date("EEEE") }}',
    "{% for k in m %}{{ loop.index }}{{ k.key }}={{ k.value }}{% else %}none{% endfor %}",
    "{% macro a(x, y=2) %}{{ x }}{{ y }}{% endmacro %}{{ a(1) }}",
    '{% if t and n > 3 %}a{% elseif l contains "x" %}b{% else %}c{% endif %}',
    '{% set s = "#{n}!" %}{% filter upper %}{{ s }}{% endfilter %}{% verbatim %}{{ {% endverbatim %}',
    '{% autoescape "json" %}{"a": "{{ WhoIsCalling }}"}{% endautoescape %}',
)

NAMES = (
    "NewPhoneContact", "WhoIsCalling", "n", "z", "neg", "d", "t", "f", "nul", "e", "sp", "l", "el",
    "m", "em", "num", "csv", "uni", "nl", "big", "missing", "loop", "x", "_context", "huge", "deep",
    "locale", "template", "inf", "wide",
)  # fmt: skip
MEMBERS = (
    "ANI", "DNIS", "k", "city", "missing", "key", "value", "index", "length", "first", "class",
    "__class__", "__dict__", "__init__", "__mro__", "items", "keys", "format", "0", "size()",
    "getClass()", "get(0)", 'get("k")', "isEmpty()", "toString()", "hashCode()", "entrySet()",
    "values()", "length()", "toUpperCase()", "charAt(0)", "substring(1)", "substring(1, 2)",
    "repeat(3)", "repeat(1000000000)", 'replaceAll("(a+)+$", "$1")', 'replaceAll(".*", "$0$0")',
    'matches("(a|a)*b")', 'matches("[")', 'split("(")', 'replaceFirst("(?<x>.)", "${x}")',
    "subList(0, 1)", "toCharArray()", 'compareTo("a")', "intValue()", 'concat("x")', 'indexOf("a")',
    'format("%s")', "append(1)", "add(1)", 'put("a", 1)', "clear()", "remove(0)", "getBytes()",
)  # fmt: skip
FILTERS = (
    "abbreviate", "abs", "base64decode", "base64encode", "capitalize", "date", "default", "epoch",
    "escape", "first", "format", "join", "last", "length", "lower", "merge", "nl2br",
    "numberformat", "raw", "replace", "reverse", "rsort", "sha256", "slice", "sort", "split",
    "title", "trim", "upper", "urlencode",
)  # fmt: skip
TEXTS = (
    "", "a", "A b", "-7", "17", "html", "json", "js", "css", "url_param", "xml", ",", ".", "(", "[a",
    "(a+)+$", "\\\\d+", "yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm:ssZ", "EEEE", "'", "#,##0.00", "0", "0.0.0",
    "%s", "%d %s", "%10000s", "%2$s%1$s", "%.9f", "%", "%999999999d", "UTC", "America/New_York",
    "../x", "2025-02-03", "é東😀", "\\u0000", "{{ n }}", "#{n}", "&<>", "1e999", "AAAAAAAAAAAAAAAAAAAAAAAA",
)  # fmt: skip
NUMBERS = (
    "0", "1", "2", "3", "10", "-1", "100000", "2147483648", "9223372036854775807",
    "-9223372036854775808", "0.5", "1.0", "2.50", "99999999999999999999.5",
)  # fmt: skip
BINARY = (
    "+", "-", "*", "/", "%", "~", "==", "!=", "<", ">", "<=", ">=", "and", "or", "contains",
    "equals", "..",
)  # fmt: skip
TESTS = (
    "null", "empty", "even", "odd", "iterable", "map", "defined", "not null",
)  # fmt: skip
FUNCTIONS = ("max", "min", "range", "now")
ARGUMENT_NAMES = (
    "format", "existingFormat", "timeZone", "inMillis", "default", "separator", "fromIndex",
    "toIndex", "length", "end", "strategy", "start", "increment", "items", "x",
)  # fmt: skip
NOISE = (
    "{{", "}}", "{%", "%}", "{#", "#}", "-%}", "{{-", "-}}", "#{", "}", "'", '"', "\\", "|", "(",
    ")", "[", "]", "{", ",", ".", "..", "\n", "\r\n", "\x00", "\u2028", "😀", "\ud83d", "é", " ",
    "if", "for", "in", "set", "macro", "end", "endif", "endfor", "verbatim", "not", "is", "n", "0",
    "{% nosuch %}", '{% include "x" %}', '{% import "x" as y %}', '{% extends "x" %}', "??", "&&",
    "nosuch()", "| nosuch", "is nosuch", "9223372036854775808", "1e5", "1L", "{% endif %}",
)  # fmt: skip


class Grammar:
    """Templates, expressions and contexts out of one Random."""

    def __init__(self, random: Random, corpus: tuple[str, ...] = SEEDS) -> None:
        self._random = random
        self._corpus = corpus

    def template(self) -> str:
        kind = self._random.random()
        if kind < 0.4:
            return self._body(3)
        if kind < 0.8:
            return self._mutated(self._random.choice(self._corpus))
        if kind < 0.95:
            return "".join(self._random.choice(NOISE) for _ in range(self._random.randint(0, 40)))
        if kind < 0.98:
            raw = self._random.randbytes(self._random.randint(0, 200))
            return raw.decode("utf-8", "replace")
        return self._repeated()

    def _body(self, depth: int) -> str:
        return "".join(self._node(depth) for _ in range(self._random.choice((1, 1, 2))))

    def _node(self, depth: int) -> str:
        if depth <= 0 or self._random.random() < 0.5:
            dash = self._random.choice(("", "", "", "-"))
            return f"{{{{{dash} {self._expression(depth)} {dash}}}}}"
        tags: tuple[Callable[[int], str], ...] = (
            self._if, self._for, self._set, self._macro, self._filter, self._autoescape,
            self._block, self._odd, self._text,
        )  # fmt: skip
        return self._random.choice(tags)(depth - 1)

    def _text(self, _depth: int) -> str:
        return self._random.choice(("x", "\n", ' "a": ', "&<>", "{", "é", "{# c #}"))

    def _if(self, depth: int) -> str:
        rest = self._random.choice(
            ("", f"{{% else %}}{self._body(depth)}", f"{{% elseif {self._expression(depth)} %}}y")
        )
        return f"{{% if {self._expression(depth)} %}}{self._body(depth)}{rest}{{% endif %}}"

    def _for(self, depth: int) -> str:
        rest = self._random.choice(("", "{% else %}none"))
        body = f"{self._body(depth)}{{{{ loop.index }}}}"
        return f"{{% for x in {self._expression(depth)} %}}{body}{rest}{{% endfor %}}"

    def _set(self, depth: int) -> str:
        return f"{{% set {self._random.choice(NAMES)} = {self._expression(depth)} %}}"

    def _macro(self, depth: int) -> str:
        default = self._random.choice(("", f"={self._atom(0)}"))
        body = self._random.choice((self._body(depth), "{{ a(x) }}", "{{ x }}{{ n }}"))
        return f"{{% macro a(x{default}) %}}{body}{{% endmacro %}}{{{{ a({self._atom(0)}) }}}}"

    def _filter(self, depth: int) -> str:
        return f"{{% filter {self._filters(depth)} %}}{self._body(depth)}{{% endfilter %}}"

    def _autoescape(self, depth: int) -> str:
        strategy = self._random.choice(("true", "false", '"js"', '"json"', '"nosuch"', "n"))
        return f"{{% autoescape {strategy} %}}{self._body(depth)}{{% endautoescape %}}"

    def _block(self, depth: int) -> str:
        return f"{{% block b %}}{self._body(depth)}{{% endblock %}}{{{{ block('b') }}}}"

    def _odd(self, depth: int) -> str:
        return self._random.choice(
            (
                "{% verbatim %}{{ n }}{% endverbatim %}",
                "{% flush %}",
                f"{{% parallel %}}{self._body(depth)}{{% endparallel %}}",
                f"{{% cache 'a' %}}{self._body(depth)}{{% endcache %}}",
            )
        )

    def _expression(self, depth: int) -> str:
        kind = self._random.random()
        if depth <= 0 or kind < 0.3:
            return self._atom(depth)
        inner = self._expression(depth - 1)
        if kind < 0.55:
            return f"{inner} | {self._filters(depth - 1)}"
        if kind < 0.75:
            return f"{inner} {self._random.choice(BINARY)} {self._expression(depth - 1)}"
        if kind < 0.82:
            return f"{inner} is {self._random.choice(TESTS)}"
        if kind < 0.88:
            return f"{inner} ? {self._atom(depth - 1)} : {self._atom(depth - 1)}"
        return self._random.choice((f"({inner})", f"not {inner}", f"-{inner}", f"+({inner})"))

    def _atom(self, depth: int) -> str:
        kind = self._random.random()
        if kind < 0.3:
            return self._random.choice(NAMES)
        if kind < 0.45:
            return f"{self._random.choice(NAMES)}.{self._random.choice(MEMBERS)}"
        if kind < 0.55:
            return f"{self._random.choice(NAMES)}[{self._expression(depth - 1)}]"
        if kind < 0.7:
            return self._literal()
        if kind < 0.82:
            return self._random.choice((*NUMBERS, "true", "false", "null", "none"))
        if kind < 0.87:
            return f"[{', '.join(self._atom(0) for _ in range(self._random.randint(0, 3)))}]"
        if kind < 0.92:
            members = (
                f"{self._atom(0)}: {self._atom(0)}" for _ in range(self._random.randint(0, 3))
            )
            return f"{{{', '.join(members)}}}"
        if kind < 0.97:
            return f"{self._random.choice(FUNCTIONS)}({self._arguments()})"
        return f'"{self._random.choice(TEXTS)}#{{{self._expression(depth - 1)}}}"'

    def _literal(self) -> str:
        text = self._random.choice(TEXTS)
        quote = '"' if "'" in text else self._random.choice("\"'")
        return f"{quote}{text}{quote}"

    def _filters(self, depth: int) -> str:
        name = self._random.choice(FILTERS)
        call = f"{name}({self._arguments()})" if self._random.random() < 0.6 else name
        return f"{call} | {self._filters(depth - 1)}" if depth > 0 and len(call) < 20 else call

    def _arguments(self) -> str:
        given = [self._atom(0) for _ in range(self._random.choice((0, 1, 1, 1, 2)))]
        if self._random.random() < 0.2:
            given.append(f"{self._random.choice(ARGUMENT_NAMES)}={self._atom(0)}")
        return ", ".join(given)

    def _mutated(self, source: str) -> str:
        for _ in range(self._random.choice((1, 1, 2, 4))):
            at = self._random.randint(0, len(source))
            end = min(at + self._random.choice((0, 1, 1, 2, 5)), len(source))
            put = self._random.choice(("", self._random.choice(NOISE), self._atom(1)))
            if self._random.random() < 0.1:
                other = self._random.choice(self._corpus)
                put = other[self._random.randint(0, len(other)) :]
            source = source[:at] + put + source[end:]
        return source

    def _repeated(self) -> str:
        """The same thing hundreds of times: nesting, chains, long texts."""
        times = self._random.choice((50, 150, 500, 3000))
        opening, middle, closing = self._random.choice(
            (
                ("{{ " + "(" * times, "n", ")" * times + " }}"),
                ("{{ " + "[" * times, "", "]" * times + " }}"),
                ("{{ " + "not " * times, "t", " }}"),
                ("{{ " + "-" * times, "n", " }}"),
                ("{{ n", " + 1" * times, " }}"),
                ("{{ n", " | abs" * times, " }}"),
                ("{{ m", ".k" * times, " }}"),
                ("{{ l", "[0]" * times, " }}"),
                ("{% if t %}" * times, "x", "{% endif %}" * times),
                ("{% for x in l %}" * min(times, 150), "x", "{% endfor %}" * min(times, 150)),
                ("{{ t", " ? t : f" * times, " }}"),
                ('{{ "' + '#{"' * times, "n", '"}' * times + '" }}'),
                ("{{ 9", " * 9" * times, " }}"),
                ("{% set x = 'aaaaaaaa' %}" + "{% set x = x ~ x %}" * times, "", "{{ x }}"),
                ("{% set x = [1] %}" + "{% set x = [x, x] %}" * times, "", "{{ x }}"),
                ("{% macro a(x) %}{{ a(x) }}", "{{ a(x) }}", "{% endmacro %}{{ a(1) }}"),
                ("{{ '", "a" * times * 10, "' | upper | sha256 }}"),
            )
        )
        return opening + middle + closing

    def context(self) -> dict[str, Any]:
        names = [name for name in NAMES if name.isidentifier()]
        given = {name: self.value(3) for name in names if self._random.random() < 0.8}
        if self._random.random() < 0.2:
            given["deep"] = self._deep()
        return given

    def value(self, depth: int) -> Any:
        kind = self._random.randint(0, 10 if depth else 7)
        if kind >= 8:
            size = self._random.choice((0, 1, 2, 3, 30))
            if kind == 8:
                return [self.value(depth - 1) for _ in range(size)]
            return {self._key(): self.value(depth - 1) for _ in range(size)}
        if kind >= 6:
            return self._random.choice((True, False, None))
        if kind >= 4:
            return self._random.choice(
                (0, 1, -7, 42, 2**31, 2**63 - 1, -(2**63), 10**30, 0.5, -0.0, 1e300, 5e-324, 1e18,
                 1700000000000, self._random.uniform(-1e6, 1e6), self._random.randint(-99, 99))
            )  # fmt: skip
        return self._random.choice(
            (*TEXTS, "Alice \"Al\" O'Neil", "+14085551234", "\x00\x1b", "\ud800", "a" * 5000, "\u202e",
             "{{ n }}{% if t %}", "</script>", '","admin":true,"x":"', "2025-02-03T10:00:00+0000")
        )  # fmt: skip

    def _key(self) -> str:
        return self._random.choice(
            ("k", "key", "", "a b", "class", "__class__", "size", "0", '"', "\n", "😀", "\ud800",
             "loop", "n", "x" * 300, *ARGUMENT_NAMES)
        )  # fmt: skip

    def _deep(self) -> Any:
        value: Any = "bottom"
        for _ in range(self._random.choice((20, 99, 101, 400))):
            value = [value] if self._random.random() < 0.5 else {"k": value}
        return value


def corpus() -> tuple[str, ...]:
    """The templates that mutation starts from: the vectors, where there are any, and a few more."""
    if not VECTORS.exists():
        return SEEDS
    rows = (json.loads(line) for line in VECTORS.read_text(encoding="utf-8").splitlines())
    return (*SEEDS, *(row["template"] for row in rows if "template" in row))
