"""The template language of flows. No I/O; no attribute of a Python object is ever reachable.

This version evaluates dotted references such as `{{NewPhoneContact.ANI}}`; everything else of
the language is refused when the template is compiled.
"""

from onhook.pebble.template import PebbleError, Reference, Template, Text, compile_template

__all__ = ["PebbleError", "Reference", "Template", "Text", "compile_template"]
