"""What surely fails wherever it is evaluated, though the language would find out only then.

Names of filters, tests and functions, and their arguments. It must not know values.
"""

from __future__ import annotations

from collections.abc import Collection

from onhook.pebble import slips
from onhook.pebble.analysis import Facts, Use
from onhook.pebble.arguments import misfit
from onhook.pebble.filters import FILTERS
from onhook.pebble.functions import FUNCTIONS
from onhook.pebble.predicates import TESTS

_SPECIAL = ("block", "parent")
_FORMS = {"replace": '; it takes one map, such as {"old": "new"}'}
"""How a filter is used that is often used otherwise."""


def problem_of(use: Use, facts: Facts) -> str | None:
    """What is wrong with a name that is used; None when nothing is."""
    known: dict[str, Collection[str]] = {
        "filter": FILTERS,
        "test": TESTS,
        "function": (*FUNCTIONS, *_SPECIAL, *facts.macros),
    }
    if use.name not in known[use.kind]:
        what = f'there is no {use.kind} "{use.name}"'
        return what + slips.of_name(use.kind, use.name, known)
    if use.kind == "filter":
        wrong = misfit(use.called, FILTERS[use.name].parameters)
        return wrong and wrong + _FORMS.get(use.name, "")
    if use.kind == "function" and use.name not in _SPECIAL:
        return misfit(use.called, _parameters_of(use.name, facts))
    return None


def _parameters_of(function: str, facts: Facts) -> tuple[str, ...] | None:
    definition = FUNCTIONS.get(function)
    if definition is not None:
        return definition.parameters
    return tuple(parameter.name for parameter in facts.macros[function][0].parameters)
