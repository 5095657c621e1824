"""Any JSON value, for property tests: what an event can carry after it was read."""

from __future__ import annotations

from hypothesis import strategies as st

NASTY = (
    '","x":"',
    '"}],"x":{"',
    "\\",
    "\\u0022",
    "\n\r\t\x00\x1b\x7f\x85\u2028\u2029\ufeff\ufffe",
    "😀",
    "</script>",
    "{{Global_Language}}",
    "{% if true %}",
    "${jndi:ldap://x}",
    "a\u0000b",
    "true",
    "null",
    "1e400",
    " ",
)
"""Texts that break what was put together without care."""

texts = st.text() | st.sampled_from(NASTY) | st.lists(st.sampled_from(NASTY)).map("".join)
numbers = st.integers(-(10**300), 10**300) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
