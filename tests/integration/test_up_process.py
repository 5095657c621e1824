"""`onhook up` as a process among others: pipes, terminals, closed streams, signals, locked files."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import signal
import sqlite3
import subprocess
import termios
import threading
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic
from uuid import uuid4

import aiohttp
import pytest

from command import ONHOOK, Command, environment, serving, up
from endpoint import HELD, PATIENCE_S, Endpoint
from flows import an_event
from onhook.bus import rabbitmq
from onhook.bus.port import Message
from onhook.contracts.topology import EVENT_FLOW, UNPROCESSABLE
from workplace import publish, until

READY = "Ctrl-C stops."
FULL = ">/dev/full" if Path("/dev/full").exists() else ">&-"  # only Linux has it


async def play(url: str) -> None:
    async with aiohttp.ClientSession() as session, session.post(url, json={}) as answer:
        assert answer.status < 300, await answer.text()


def play_address(text: str) -> str:
    (url,) = re.findall(r"\S+/calls/play", text)
    return url


async def ending(command: Command) -> tuple[int, float]:
    """Exit status on SIGTERM, and how long it took."""
    asked = monotonic()
    return await command.end(signal.SIGTERM), monotonic() - asked


# Streams


async def test_up_goes_on_when_nobody_reads_its_output_any_more(tmp_path: Path, endpoint: Endpoint):
    """As in `onhook up | head`."""
    reading, writing = os.pipe()
    process = await asyncio.create_subprocess_exec(
        ONHOOK, "up", "--port", "0", "--to", endpoint.url(),
        cwd=tmp_path, env=environment(), stdin=subprocess.DEVNULL, stdout=writing,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(writing)
    try:
        with os.fdopen(reading) as output:
            start = await asyncio.to_thread(_until_ready, output)
        for _ in range(3):
            await play(play_address(start))
        await endpoint.arrived(3)
        process.terminate()
        async with asyncio.timeout(PATIENCE_S):
            _, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert (process.returncode, err) == (0, b"")
    assert len(endpoint.requests) == 3


def _until_ready(output) -> str:
    said = ""
    while READY not in said:
        line = output.readline()
        assert line, said
        said += line
    return said


@pytest.mark.parametrize("closed", ["<&-", "<&- >&- 2>&-", FULL])
async def test_up_serves_with_its_streams_closed_or_full(
    tmp_path: Path, endpoint: Endpoint, closed: str
):
    words = [str(ONHOOK), "up", "--demo", "--port", "0", "--to", endpoint.url()]
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", f'exec "$@" {closed}', "sh", *words,
        cwd=tmp_path, env=environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        await endpoint.arrived(1)
        process.terminate()
        async with asyncio.timeout(PATIENCE_S):
            _, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert (process.returncode, err) == (0, b"")


class Terminal:
    """An interactive shell on a terminal of its own."""

    def __init__(self, cwd: Path) -> None:
        try:
            self._ours, theirs = pty.openpty()
        except OSError as error:
            # A bare chroot or container may mount none; without a terminal there is no job control
            # to test, and nothing of ours is missing.
            pytest.skip(f"no pseudo-terminal on this machine: {error}")
        self.shell = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-i"],
            cwd=cwd, env=environment() | {"PS1": "$ "}, stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - one call
        )  # fmt: skip
        os.close(theirs)
        self.shown = ""
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        try:
            while data := os.read(self._ours, 4096):
                self.shown += data.decode(errors="replace")
        except OSError:
            return  # the shell is gone

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    async def shows(self, pattern: str) -> str:
        async def probe() -> str:
            return self.shown

        return await until(probe, lambda shown: re.search(pattern, shown) is not None)

    def close(self) -> None:
        self.shell.kill()
        self.shell.wait()
        os.close(self._ours)


async def test_a_job_in_the_background_of_a_terminal_serves_on_and_idles_while_lines_come(
    tmp_path: Path, endpoint: Endpoint
):
    """They are the shell's; brought to the front, Enter is for us."""
    output = tmp_path / "output"
    terminal = Terminal(tmp_path)
    pid = 0
    try:
        words = f"{ONHOOK} up --port 0 --to {endpoint.url()}"
        terminal.type(f"{words} > {output} 2>&1 & echo pid=$!.\n")
        pid = int(re.findall(r"pid=(\d+)\.", await terminal.shows(r"pid=\d+\."))[0])
        start = await until(lambda: asyncio.to_thread(_text, output), lambda text: READY in text)
        used_s = _processor_s(pid)
        terminal.type("sleep 1.5; echo woke=$((1 + 1))\n:\n")  # the second line waits all the while
        await terminal.shows("woke=2")
        assert _processor_s(pid) - used_s < 0.75
        terminal.type("jobs\n")
        await terminal.shows(r"\[1\]\S* +Running")
        await play(play_address(start))
        await endpoint.arrived(1)
        terminal.type("fg\n\n")
        await until(lambda: asyncio.to_thread(_text, output), lambda text: "nothing waits" in text)
        terminal.type("\x03")
        await terminal.shows(r"\^C[^$]*\$ $")  # what is typed before the prompt may be lost
        terminal.type("echo status=$?.\n")
        await terminal.shows(r"status=0\.")
    finally:
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        terminal.close()
    assert "Stopping" in _text(output)


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def _processor_s(pid: int) -> float:
    """Processor time of a process: from /proc, or as `ps` of other systems says it."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.exists():
        fields = stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    told = subprocess.run(
        ["ps", "-o", "time=", "-p", str(pid)], capture_output=True, text=True, check=True
    )
    minutes, seconds = told.stdout.strip().split(":")[-2:]
    return int(minutes) * 60 + float(seconds)


# Signals


async def test_a_stop_with_a_request_under_way_ends_within_the_grace(
    tmp_path: Path, endpoint: Endpoint
):
    endpoint.plan(HELD)
    async with up("--to", endpoint.url(), "--grace", "6", cwd=tmp_path) as running:
        await play(f"{running.emulator}/calls/play")
        await endpoint.arrived(1)
        status, took_s = await ending(running.command)
    assert status == 0
    assert 4 < took_s < 6


async def test_enter_does_not_hold_up_a_stop(tmp_path: Path, endpoint: Endpoint):
    """The run that Enter tries is under way and gets no answer."""
    endpoint.plan(500, HELD)
    flags = ("--to", endpoint.url(), "--grace", "1", "--retry-scale", "0.01")
    async with serving("up", "--port", "0", *flags, cwd=tmp_path) as command:
        await command.line(READY)
        await play(play_address("\n".join(command.lines)))
        await endpoint.arrived(2)
        await command.type("\n")
        status, took_s = await ending(command)
    assert status == 0
    assert took_s < 5


async def test_a_stop_does_not_wait_for_a_process_that_holds_the_journal(
    tmp_path: Path, endpoint: Endpoint
):
    async with up("--to", endpoint.url(), "--grace", "1", cwd=tmp_path) as running:
        journal = tmp_path / "onhook-data" / "event-flow" / "journal.sqlite"
        with closing(sqlite3.connect(journal, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            for _ in range(5):
                await play(f"{running.emulator}/calls/play")
            status, took_s = await ending(running.command)
    assert status == 0
    assert took_s < 6
    async with up("--to", endpoint.url(), cwd=tmp_path):
        await endpoint.arrived(5)


# What was there


async def test_up_says_what_lies_in_the_queues_of_a_broker(
    tmp_path: Path, endpoint: Endpoint, amqp_vhost_url: str
):
    async with rabbitmq.connect(amqp_vhost_url, name="test") as bus:
        for _ in range(3):
            await publish(bus, an_event())
        await bus.publish("", UNPROCESSABLE, Message(body=b"x", message_id=str(uuid4())))
        await until(bus.depths, lambda depths: depths[EVENT_FLOW] == 3)
    async with serving(
        "up", "--port", "0", "--to", endpoint.url(), cwd=tmp_path, amqp_url=amqp_vhost_url
    ) as command:
        await command.line(READY)
        found = command.lines[command.lines.index("Found:") :]
        assert f"  3 messages in {EVENT_FLOW}" in found
        (dead,) = [line for line in found if UNPROCESSABLE in line]
        assert re.fullmatch(rf"  1 message in {UNPROCESSABLE}, see http://\S+/dead-letters", dead)
        await endpoint.arrived(3)
        assert await command.end() == 0
