"""YAML as plain data, from someone we do not know.

The settings' reader makes the data, and looks through the text before; here its words become those
of a response. It must not know what is in the text.
"""

from __future__ import annotations

from typing import Any

import yaml

from onhook.flow.response_error import ResponseError, place
from onhook.settings.plain_yaml import NotPlain, surveyed_yaml
from onhook.settings.yaml_survey import Refused, survey


def read_yaml_text(text: str) -> Any:
    """Raises ResponseError, with line and column where they are known."""
    try:
        content = text.encode()
        survey(content)
        return surveyed_yaml(content)
    except Refused as refused:
        raise ResponseError(f"it is not read: {refused}") from None
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        where = place(mark.line + 1, mark.column + 1) if mark else ""
        raise ResponseError(f"it is no YAML: {problem.problem or 'wrong'}{where}") from None
    except yaml.YAMLError:
        raise ResponseError("it is no YAML: a character in it is not allowed") from None
    except NotPlain:
        raise ResponseError(
            "it is no YAML we can keep: a date, number, key or tag in it cannot be written as JSON"
        ) from None
    except UnicodeEncodeError:
        raise ResponseError("it is no YAML: half a character stands in it") from None
