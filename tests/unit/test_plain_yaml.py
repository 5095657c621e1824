"""YAML files as plain values: what makes a small file large is refused before it is read."""

from __future__ import annotations

import pytest

from onhook.settings.plain_yaml import NotPlain, read_yaml


def bomb(levels: int) -> bytes:
    lines = ["a0: &a0 [x]"]
    for level in range(1, levels):
        inner = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} [{inner}]")
    return "\n".join(lines).encode()


def test_aliases_stand_for_what_they_name():
    assert read_yaml(b"a: &a [1, 2]\nb: *a") == {"a": [1, 2], "b": [1, 2]}


def test_aliases_of_aliases_are_counted_as_what_they_stand_for():
    with pytest.raises(NotPlain, match=r"more than 1000000 values, .* at line \d+"):
        read_yaml(bomb(9))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("url: {{WebhookUrl}}", "begins with {{ must stand in quotes at line 1, column 7"),
        ("{on: 1}", "a key of a map is no text"),
        ("a: &a [*a]", "holds itself"),
        ("a: 1\n---\nb: 2", "a second document"),
        ("[" * 300, "nested more than 200 levels deep"),
        ("a: 2025-13-01", "cannot be read"),
    ],
)
def test_what_cannot_be_plain_is_said_with_the_way_out(text: str, said: str):
    with pytest.raises(NotPlain) as refused:
        read_yaml(text.encode())
    assert said in str(refused.value)


def test_a_map_within_a_map_may_stand_on_one_line():
    assert read_yaml(b"a: { b: {c: 1} }") == {"a": {"b": {"c": 1}}}
