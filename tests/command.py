"""The `onhook` command as a real process: started, read line by line, signalled, waited for."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from workplace import until

PATIENCE_S = 30.0
ONHOOK = Path(sys.executable).parent / "onhook"


def environment(**variables: str) -> dict[str, str]:
    """This process's environment, with these ONHOOK_ variables and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ONHOOK_")}
    return kept | {f"ONHOOK_{name.upper()}": value for name, value in variables.items()}


@dataclass(frozen=True)
class Finished:
    """A command that has come to its end."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.out)


async def onhook(
    *words: str, cwd: Path, stdin: bytes = b"", timeout_s: float = PATIENCE_S, **variables: str
) -> Finished:
    """Run a command to its end."""
    process = await asyncio.create_subprocess_exec(
        ONHOOK,
        *words,
        cwd=cwd,
        env=environment(**variables),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(timeout_s):
            out, err = await process.communicate(stdin)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Finished(process.returncode, out.decode(), err.decode())


class Command:
    """A command that serves. `lines` are those of its stdout so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self._changed = asyncio.Event()
        self._ended = False
        self._reading = [asyncio.create_task(self._read_out()), asyncio.create_task(self._err())]
        self.err = ""

    async def _read_out(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode().rstrip("\n"))
            self._announce()
        self._ended = True
        self._announce()

    async def _err(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.err += line.decode()

    def _announce(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def line(self, beginning: str, number: int = 1) -> str:
        """The n-th line that begins like this, once it is there."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while len(found := [x for x in self.lines if x.startswith(beginning)]) < number:
                    assert not self._ended, f"ended before: {self.lines} {self.err}"
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f'no "{beginning}" in {self.lines} {self.err}') from None
        return found[number - 1]

    async def type(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())
        await self.process.stdin.drain()

    def close_stdin(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    async def end(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal; the exit status, once everything that it said has been read."""
        if self.process.returncode is None:
            self.process.send_signal(sign)
        async with asyncio.timeout(PATIENCE_S):
            status = await self.process.wait()
            await asyncio.gather(*self._reading)
        return status


@asynccontextmanager
async def serving(
    *words: str, cwd: Path, stdin: int = asyncio.subprocess.PIPE, **variables: str
) -> AsyncIterator[Command]:
    """A command that serves until the context ends (killed then, if it still runs)."""
    process = await asyncio.create_subprocess_exec(
        ONHOOK,
        *words,
        cwd=cwd,
        env=environment(**variables),
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    command = Command(process)
    try:
        yield command
    finally:
        if process.returncode is None:
            process.kill()
        await command.end()


class Up:
    """A running `onhook up --json`: its addresses."""

    def __init__(self, command: Command, ready: dict[str, Any]) -> None:
        self.command = command
        self.ready = ready
        self.emulator: str = ready["emulator"]
        self.worker: str = ready["worker"]
        self.sink: str = ready["sink"]
        self.captures = f"{self.sink}/token/{ready['token']}/requests"


@asynccontextmanager
async def up(*words: str, cwd: Path, **variables: str) -> AsyncIterator[Up]:
    """`onhook up --port 0 --json`, ready."""
    async with serving("up", "--port", "0", "--json", *words, cwd=cwd, **variables) as command:
        yield Up(command, msgspec.json.decode(await command.line("{")))


async def ask(method: str, url: str, body: Any = None) -> Any:
    async with aiohttp.ClientSession() as session, session.request(method, url, json=body) as got:
        answer = await got.json()
        assert got.status < 300, answer
        return answer


async def played(running: Up, who: str = "Ada") -> str:
    """A whole call; its interaction id."""
    answer = await ask(
        "POST", f"{running.emulator}/calls/play", {"variables": {"WhoIsCalling": who}}
    )
    return str(answer["interaction_id"])


async def captures(running: Up, count: int) -> list[dict[str, Any]]:
    """What the sink holds, once it is that many."""
    listed = await until(
        lambda: ask("GET", running.captures), lambda found: len(found["data"]) >= count
    )
    return [msgspec.json.decode(each["content"]) for each in listed["data"]]
