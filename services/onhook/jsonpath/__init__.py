"""JSONPath in Jayway's dialect, over plain data.

`compile(path).read(document)` gives what the path finds: one value when the path is definite, a
list otherwise. The dialect is that of json-path/JsonPath 2.9 in its default configuration,
accidents included. No I/O, and bounded in time and memory (`limits`).
"""

from onhook.jsonpath.errors import JsonPathError, PathError, PathMissing
from onhook.jsonpath.path import Path, compile  # noqa: A004  # as in `re.compile`

__all__ = ["JsonPathError", "Path", "PathError", "PathMissing", "compile"]
