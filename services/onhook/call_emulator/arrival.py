"""An arriving call: who calls, which number, where it comes in. Pure; defaults from the centre."""

from __future__ import annotations

from msgspec import Struct

from onhook.call_emulator.errors import Refused
from onhook.settings.contact_centre import ContactCentre, EntryPoint

DEFAULT_ANI = "+14085551234"
ANONYMOUS = "anonymous"
"""What templates read as the caller's number when it is withheld; never an empty text."""


class Arrival(Struct, frozen=True, kw_only=True):
    ani: str
    dnis: str
    entry_point: EntryPoint
    language: str | None = None


def resolve(
    centre: ContactCentre,
    *,
    ani: str | None = DEFAULT_ANI,
    dnis: str | None = None,
    entry_point: str | None = None,
    language: str | None = None,
) -> Arrival:
    """Fill in what was not said. `ani` None or blank is withheld.

    A dialled number alone must be one of an entry point's; with an entry point named, any number
    will do. Raises Refused naming what there is.
    """
    if entry_point is not None:
        point = _named(centre, entry_point)
    elif dnis is not None:
        point = _dialled(centre, dnis)
    else:
        point = centre.entry_points[0]
    number = dnis or next(iter(point.dial_numbers), "")
    if not number:
        raise Refused(f'dnis: entry point "{point.name}" has no dial number; give one')
    caller = ani if ani is not None and ani.strip() else ANONYMOUS
    return Arrival(ani=caller, dnis=number, entry_point=point, language=language)


def _named(centre: ContactCentre, name: str) -> EntryPoint:
    for point in centre.entry_points:
        if name in (point.name, point.id):
            return point
    known = ", ".join(f'"{point.name}"' for point in centre.entry_points)
    raise Refused(f'entry_point: there is no "{name[:200]}"; there is {known}')


def _dialled(centre: ContactCentre, number: str) -> EntryPoint:
    for point in centre.entry_points:
        if number in point.dial_numbers:
            return point
    known = ", ".join(dial for point in centre.entry_points for dial in point.dial_numbers)
    raise Refused(
        f'dnis: no entry point has the dial number "{number[:200]}"; dial {known}, '
        f"or name an entry_point too and any number will do"
    )
