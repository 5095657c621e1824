"""The topology on a broker: declared, or only looked for, and what is wrong with it in one line.

May live here: declaring, checking, reading RabbitMQ's refusals. The names and arguments themselves
are contracts.topology's; when to declare is the bus's.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

from aiormq.channel import Channel
from aiormq.connection import Connection
from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
)

from onhook.bus.port import AccessRefused, TopologyMismatch
from onhook.bus.rabbitmq.faults import describe
from onhook.bus.rabbitmq.link import RPC_TIMEOUT_S, close_channel, open_channel
from onhook.contracts.topology import TOPOLOGY, Binding, Queue

WAY_OUT = "move its messages elsewhere, delete it (the queue or exchange), and start again"

Step = Callable[[Channel], Awaitable[object]]

_INEQUIVALENT = re.compile(
    r"inequivalent arg '(?P<argument>[^']+)' for (?P<kind>queue|exchange) '(?P<name>[^']+)'"
    r".*?: received (?P<wanted>.+?) but current is (?P<found>.+)$"
)
_QUOTED = re.compile(r"'(?P<value>.*?)'")


class _Session:
    """A channel for a row of steps, opened anew after each step that the broker refused."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._channel: Channel | None = None

    async def do(self, step: Step) -> None:
        if self._channel is None or self._channel.is_closed:
            self._channel = await open_channel(self._connection)
        try:
            async with asyncio.timeout(RPC_TIMEOUT_S):
                await step(self._channel)
        except (ChannelAccessRefused, ChannelNotFoundEntity, ChannelPreconditionFailed):
            self._channel = None  # the broker has closed it
            raise

    async def close(self) -> None:
        if self._channel is not None:
            await close_channel(self._channel)


async def declare(connection: Connection) -> None:
    """Make what is missing. Raises TopologyMismatch, naming all that differs, or AccessRefused."""
    session = _Session(connection)
    differing: list[str] = []
    for step in _declaring_steps():
        try:
            await session.do(step)
        except ChannelPreconditionFailed as error:
            differing.append(_difference(describe(error)))
        except ChannelAccessRefused as error:
            raise AccessRefused(
                f"the broker's user may not declare the topology ({describe(error)}); grant it "
                "configure, write and read, or declare it yourself and set ONHOOK_DECLARE=false"
            ) from error
    await session.close()
    if differing:
        raise TopologyMismatch(f"{'; '.join(differing)}; {WAY_OUT}")


async def declare_own(connection: Connection, queue: Queue, binding: Binding) -> None:
    """Declare and bind one queue that is not of the topology.

    Raises TopologyMismatch where it differs or its exchange is missing, or AccessRefused.
    """
    session = _Session(connection)
    try:
        for step in (_declare_queue(queue), _bind(binding)):
            await session.do(step)
    except ChannelPreconditionFailed as error:
        raise TopologyMismatch(f"{_difference(describe(error))}; {WAY_OUT}") from error
    except ChannelNotFoundEntity as error:
        raise TopologyMismatch(
            f'exchange "{binding.exchange}" is not there yet ({describe(error)}); start a service '
            "that declares it, or import what `onhook topology` prints"
        ) from error
    except ChannelAccessRefused as error:
        raise AccessRefused(
            f"the broker's user may not declare and bind {queue.name} ({describe(error)}); "
            "`onhook topology` prints the permissions that are needed"
        ) from error
    finally:
        await session.close()


async def check(connection: Connection) -> None:
    """Look whether every exchange and queue is there.

    AMQP can ask for existence only: arguments and bindings are taken on trust. Raises
    TopologyMismatch naming all that is missing, or AccessRefused.
    """
    session = _Session(connection)
    missing: list[str] = []
    for name, step in _checking_steps():
        try:
            await session.do(step)
        except ChannelNotFoundEntity:
            missing.append(name)
        except ChannelAccessRefused as error:
            raise AccessRefused(
                f"the broker's user may not look at {name} ({describe(error)}); grant it read"
            ) from error
    await session.close()
    if missing:
        raise TopologyMismatch(
            f"missing on the broker: {', '.join(missing)}; import what `onhook topology` prints, or "
            "run once without ONHOOK_DECLARE=false"
        )


def _declaring_steps() -> list[Step]:
    return [
        *(_declare_exchange(name) for name in TOPOLOGY.exchanges),
        *(_declare_queue(queue) for queue in TOPOLOGY.queues),
        *(_bind(binding) for binding in TOPOLOGY.bindings),
    ]


def _declare_exchange(name: str) -> Step:
    return lambda channel: channel.exchange_declare(name, exchange_type="topic", durable=True)


def _declare_queue(queue: Queue) -> Step:
    return lambda channel: channel.queue_declare(
        queue.name, durable=True, arguments=dict(queue.arguments)
    )


def _bind(binding: Binding) -> Step:
    return lambda channel: channel.queue_bind(binding.queue, binding.exchange, binding.routing_key)


def _checking_steps() -> list[tuple[str, Step]]:
    return [
        *((f'exchange "{name}"', _find_exchange(name)) for name in TOPOLOGY.exchanges),
        *((f'queue "{queue.name}"', _find_queue(queue.name)) for queue in TOPOLOGY.queues),
    ]


def _find_exchange(name: str) -> Step:
    return lambda channel: channel.exchange_declare(name, passive=True)


def _find_queue(name: str) -> Step:
    return lambda channel: channel.queue_declare(name, passive=True)


def _difference(said: str) -> str:
    """RabbitMQ's `inequivalent arg ...` in our words; its own where it says something else."""
    match = _INEQUIVALENT.search(said)
    if match is None:
        return f"the broker refuses the topology: {said}"
    return (
        f'{match["kind"]} "{match["name"]}": {match["argument"]} is {_value(match["found"])} '
        f"on the broker, {_value(match['wanted'])} wanted"
    )


def _value(text: str) -> str:
    """`the value '20' of type 'long'`, `'20'` or `none`, as `20` or `unset`."""
    match = _QUOTED.search(text)
    if match is not None:
        return match["value"] or '""'
    return "unset" if text.strip() == "none" else text.strip()
