"""The filters of the language: one function each, in a table by name.

A filter takes the value, its arguments by name, and the state of the rendering. It must not know
where in a template it stands.
"""

from __future__ import annotations

from onhook.pebble.filters.collection import COLLECTION_FILTERS
from onhook.pebble.filters.definition import FilterDefinition
from onhook.pebble.filters.escaping import ESCAPING_FILTERS
from onhook.pebble.filters.number import NUMBER_FILTERS
from onhook.pebble.filters.text import TEXT_FILTERS
from onhook.pebble.filters.time import TIME_FILTERS

__all__ = ["FILTERS", "FilterDefinition"]

FILTERS: dict[str, FilterDefinition] = {
    **TEXT_FILTERS,
    **COLLECTION_FILTERS,
    **NUMBER_FILTERS,
    **ESCAPING_FILTERS,
    **TIME_FILTERS,
}
