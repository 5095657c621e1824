"""Overrides that operators set while the worker runs: checked, stored, and in force at once.

Stored in the journal's database, those of secure variables encrypted. It must not know HTTP.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from onhook.event_flow.catalogue import Catalogue, MissingVersion, NoSuchFlow
from onhook.event_flow.dead_letter import cut
from onhook.event_flow.override_notes import notes_on
from onhook.event_flow.overrides import Layer, Overrides
from onhook.event_flow.sealing import Altered, Keys, MissingKey
from onhook.flow.compiled import Flow
from onhook.flow.errors import VariableError
from onhook.flow.model import FlowFile, Variable
from onhook.flow.variables import Origin, converted
from onhook.journal.port import Journal, StoredOverride

log = structlog.get_logger()

MASKED = "***"


class Holding(Struct, frozen=True, kw_only=True):
    """What a variable holds by configuration. A secure value is masked."""

    variable: str
    type: str
    value: Any
    origin: str
    """`stored`, `file`, `environment`, `command line` or `default`."""
    is_secure: bool
    is_externalized: bool
    notes: tuple[str, ...] = ()
    """Of a value that was just set: what it will not do."""


class OverrideDesk:
    """Use `await OverrideDesk.opened(...)`."""

    def __init__(
        self,
        journal: Journal,
        catalogue: Catalogue,
        overrides: Overrides,
        keys: Keys,
        clock: Callable[[], datetime],
    ) -> None:
        self._journal = journal
        self._catalogue = catalogue
        self._overrides = overrides
        self._keys = keys
        self._clock = clock
        self._changing = asyncio.Lock()

    @classmethod
    async def opened(
        cls,
        journal: Journal,
        catalogue: Catalogue,
        overrides: Overrides,
        keys: Keys,
        clock: Callable[[], datetime],
    ) -> OverrideDesk:
        desk = cls(journal, catalogue, overrides, keys, clock)
        await desk.refresh()
        return desk

    async def refresh(self) -> None:
        """Read what is stored, and seal what a newer version of its flow says is secure.

        Flows with a value that cannot be opened are locked: their runs wait.
        """
        async with self._changing:
            await self._read()

    async def _read(self) -> None:
        stored: dict[str, dict[str, Any]] = {}
        locked: dict[str, str] = {}
        for row in await self._journal.overrides():
            try:
                value = self._opened(row)
            except (MissingKey, Altered) as error:
                name = self._catalogue.name_of(row.flow_id)
                locked[row.flow_id] = f'flow "{name}": override of {row.variable}: {error}'
                log.error("override cannot be read", flow=name, variable=row.variable)
            else:
                stored.setdefault(row.flow_id, {})[row.variable] = value
                if not row.is_sealed and self._keys.can_seal and self._is_secure(row):
                    await self._journal.set_override(self._sealed(row))
        self._overrides.store(stored, locked)

    def _is_secure(self, row: StoredOverride) -> bool:
        """Whether its variable became secure after the value was set."""
        if row.flow_id not in self._catalogue.flow_ids:
            return False
        declared = self._variables(row.flow_id)
        return any(each.is_secure for each in declared if each.name == row.variable)

    def _sealed(self, row: StoredOverride) -> StoredOverride:
        value = self._keys.seal(row.value, _owner(row.flow_id, row.variable))
        return msgspec.structs.replace(row, value=value, is_sealed=True)

    def _opened(self, row: StoredOverride) -> Any:
        owner = _owner(row.flow_id, row.variable)
        plain = self._keys.unseal(row.value, owner) if row.is_sealed else row.value
        return msgspec.json.decode(plain)

    def listed(self, flow: str) -> list[Holding]:
        """Every variable of the flow's newest version. Raises NoSuchFlow."""
        flow_id = self._catalogue.known_id(flow)
        return [self._holding(flow_id, each) for each in self._variables(flow_id)]

    async def set(self, flow: str, variable: str, value: Any) -> Holding:
        """Raises NoSuchFlow, VariableError, MissingKey."""
        flow_id = self._catalogue.known_id(flow)
        declared = self._variable(flow_id, variable)
        if value is None:
            raise VariableError(
                f'variable "{variable}": null is no value; to take its override away: onhook '
                f"override unset {self._catalogue.name_of(flow_id)} {variable}"
            )
        given = converted(declared, value, Origin.OVERRIDE)
        content = msgspec.json.encode(value)
        if declared.is_secure:
            content = self._keys.seal(content, _owner(flow_id, variable))
        row = StoredOverride(
            flow_id=flow_id,
            variable=variable,
            value=content,
            is_sealed=declared.is_secure,
            set_at=self._clock(),
        )
        async with self._changing:
            await self._journal.set_override(row)
            await self._read()
        holding = self._holding(flow_id, declared)
        notes = notes_on(declared, given, Layer(holding.origin), self._newest_flow(flow_id))
        return msgspec.structs.replace(holding, notes=tuple(notes))

    def _newest_flow(self, flow_id: str) -> Flow | None:
        try:
            return self._catalogue.flow(flow_id, self._catalogue.newest(flow_id).number)
        except MissingVersion:
            return None

    async def unset(self, flow: str, variable: str) -> Holding:
        """What holds instead. Raises NoSuchFlow where no override is stored."""
        flow_id = self._catalogue.known_id(flow)
        async with self._changing:
            rows = {(row.flow_id, row.variable) for row in await self._journal.overrides()}
            if (flow_id, variable) not in rows:
                holding = self._holding(flow_id, self._variable(flow_id, variable))
                raise NoSuchFlow(
                    f'variable "{variable}" has no stored override; its value comes from: '
                    f"{holding.origin}"
                )
            await self._journal.unset_override(flow_id, variable)
            await self._read()
        declared = next(
            (each for each in self._variables(flow_id) if each.name == variable),
            Variable(name=variable),
        )
        return self._holding(flow_id, declared)

    def _variables(self, flow_id: str) -> tuple[Variable, ...]:
        content = self._catalogue.newest(flow_id).content
        return msgspec.json.decode(content, type=FlowFile).variables

    def _variable(self, flow_id: str, name: str) -> Variable:
        declared = {each.name: each for each in self._variables(flow_id)}
        if name in declared:
            return declared[name]
        near = difflib.get_close_matches(name, declared, 1, 0.6)
        known = f"it has {', '.join(declared) or 'none'}"
        hint = f'did you mean "{near[0]}"?' if near else known
        flow = self._catalogue.name_of(flow_id)
        raise NoSuchFlow(f'flow "{flow}" has no variable "{cut(name, 80)}"; {hint}')

    def _holding(self, flow_id: str, variable: Variable) -> Holding:
        layer, value = self._overrides.origin(
            self._catalogue.name_of(flow_id),
            flow_id,
            variable.name,
            is_externalized=variable.is_externalized,
        )
        if layer is Layer.DEFAULT:
            value = variable.value
        shown = value
        with suppress(VariableError):  # then as it stands: its runs say what is wrong with it
            shown = converted(variable, value, Origin.OVERRIDE)
        if variable.is_secure and shown not in (None, ""):
            shown = MASKED
        return Holding(
            variable=variable.name,
            type=variable.type.value,
            value=shown,
            origin=layer.value,
            is_secure=variable.is_secure,
            is_externalized=variable.is_externalized,
        )


def _owner(flow_id: str, variable: str) -> str:
    return f"override of {variable} in {flow_id}"
