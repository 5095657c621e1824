"""The template language of flows: Pebble, as its Java engine has it. No I/O.

`compile(source)` gives a Template, to be rendered over plain data. Work and sizes are bounded, and
no attribute of a Python object is ever reachable.
"""

from onhook.pebble.analysis import Reference
from onhook.pebble.errors import PebbleError, position
from onhook.pebble.limits import Limits
from onhook.pebble.nodes import Node, Print, Text
from onhook.pebble.printing import as_text
from onhook.pebble.state import Output
from onhook.pebble.template import Template
from onhook.pebble.template import compile_source as compile  # noqa: A004 - as re.compile

__all__ = [
    "Limits",
    "Node",
    "Output",
    "PebbleError",
    "Print",
    "Reference",
    "Template",
    "Text",
    "as_text",
    "compile",
    "position",
]
