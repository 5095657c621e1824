"""A run's message and row, sealed for bus and journal, and opened again. Pure but for the keys."""

from __future__ import annotations

import msgspec

from onhook.contracts.run import MalformedRun, RunMessage, opened_run, sealed_run
from onhook.event_flow.dead_letter import Unprocessable
from onhook.event_flow.sealing import Altered, Keys, MissingKey
from onhook.journal.port import Result, Run

_results = msgspec.json.Decoder(dict[str, Result])


def seal_message(message: RunMessage, keys: Keys, held: tuple[str, ...] | None = ()) -> RunMessage:
    """`held`: see Hidden. Raises Unprocessable where there is no key: the run cannot leave this process."""
    try:
        return sealed_run(message, lambda plain: keys.seal(plain, message.run_id), held)
    except MissingKey as missing:
        raise Unprocessable(
            "no run key",
            f'flow "{message.flow_name}" holds secure variables: {missing}; set it, then replay '
            "this message",
        ) from None


def open_message(message: RunMessage, keys: Keys) -> tuple[RunMessage, tuple[str, ...] | None]:
    """And what its secure variables held before. Raises MissingKey, Unprocessable."""
    try:
        return opened_run(message, lambda sealed: keys.unseal(sealed, message.run_id))
    except (Altered, MalformedRun) as error:
        raise Unprocessable("altered", f"the run cannot be opened: {error}") from None


def seal_row(row: Run, keys: Keys) -> Run:
    """Without a key the results stay out: after a crash their requests are sent again."""
    if not row.results:
        return msgspec.structs.replace(row, sealed=None)
    sealed = keys.seal(msgspec.json.encode(row.results), row.run_id) if keys.can_seal else None
    return msgspec.structs.replace(row, results={}, sealed=sealed)


def open_row(row: Run, keys: Keys) -> Run:
    """Raises MissingKey, Unprocessable."""
    if row.sealed is None:
        return row
    try:
        results = _results.decode(keys.unseal(row.sealed, row.run_id))
    except (Altered, msgspec.DecodeError) as error:
        raise Unprocessable("altered", f"the run's results cannot be opened: {error}") from None
    return msgspec.structs.replace(row, results=results, sealed=None)
