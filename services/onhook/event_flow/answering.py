"""The rooms' own exceptions as the HTTP API's answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from onhook.bus.port import BusError
from onhook.event_flow.catalogue import NoSuchFlow
from onhook.event_flow.label import UnusableLabel
from onhook.event_flow.publishing import NotAllowed
from onhook.event_flow.replay import NotPossible, NotThere
from onhook.event_flow.sealing import MissingKey
from onhook.flow.errors import VariableError
from onhook.journal.port import JournalError
from onhook.web.problem import Problem

T = TypeVar("T")

NOT_FOUND = {404: "There is no such thing"}
STATE = {409: "Not possible in this state; the message says why"}
NOT_MEANT = {422: "What is asked cannot be meant; the message says why"}
STORE_ERRORS = {503: "The bus or the journal does not answer now"}


async def stored(action: Callable[[], Awaitable[T]]) -> T:
    """What `action` gives. Raises Problem for what it raises, FlowError excepted."""
    try:
        return await action()
    except (NotThere, NoSuchFlow) as error:
        raise Problem(404, str(error)) from None
    except (NotPossible, NotAllowed, MissingKey) as error:
        raise Problem(409, str(error)) from None
    except (UnusableLabel, VariableError) as error:
        raise Problem(422, str(error)) from None
    except (BusError, JournalError) as error:
        raise Problem(503, str(error), headers={"Retry-After": "1"}) from None
