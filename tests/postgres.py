"""A real PostgreSQL for the tests, got in the first of four ways that works on this machine.

1. ONHOOK_TEST_POSTGRES_URL: a server that is already running; its user may make databases.
2. A Docker engine: postgres:17, published on 127.0.0.1 only.
3. `postgres` and `initdb` on the PATH or in /usr/lib/postgresql: a private node in a temporary
   folder, run as nobody when we are root, whom PostgreSQL refuses.
4. On Debian and Ubuntu, as root: that package is installed first, without starting a service.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg

IMAGE = "postgres:17"
START_TIMEOUT_S = 60.0
PACKAGED = Path("/usr/lib/postgresql")
POLICY = Path("/usr/sbin/policy-rc.d")
PASSWORD = "of-the-tests"


class NoPostgres(Exception):
    """None of the ways to get a PostgreSQL works here."""


class WayClosed(Exception):
    """This way does not work here; the text says why, and the next is tried."""


@dataclass
class Postgres:
    """A running server. `url` names a database that is there; tests make their own."""

    url: str
    description: str

    def new_database(self, encoding: str = "UTF8") -> str:
        """The address of a database that nothing is in."""
        name = f"onhook_{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()

    def drop_database(self, url: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {urlsplit(url).path[1:]} WITH (FORCE)")

    def execute(self, sql: str, url: str | None = None) -> None:
        async def work(connection: Any) -> None:
            await connection.execute(sql)

        _apart(url or self.url, work)

    def close_connections(self, url: str) -> int:
        """Have the server end every connection to a database; how many there were."""

        async def work(connection: Any) -> int:
            return await connection.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1",
                urlsplit(url).path[1:],
            )

        return _apart(self.url, work)

    def wait_until_it_answers(self, timeout_s: float = START_TIMEOUT_S) -> None:
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                self.execute("SELECT 1")
                return
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                if time.monotonic() > deadline:
                    raise WayClosed(f"{self.description} did not answer: {error}") from error
            time.sleep(0.2)


def _apart(url: str, work: Callable[[Any], Awaitable[Any]]) -> Any:
    """Await it in a thread of its own: the caller's may have a loop that runs."""
    outcome: list[Any] = []

    async def connected() -> Any:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            return await work(connection)
        finally:
            await connection.close()

    def run() -> None:
        try:
            outcome.append((asyncio.run(connected()), None))
        except Exception as error:  # noqa: BLE001 - raised again below
            outcome.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server, by the first way that works; stopped at the end if it was started here."""
    tried: list[str] = []
    for way in (_named_by_environment, _in_docker, _private_node, _installed_node):
        try:
            running = way()
            postgres = running.__enter__()
        except WayClosed as reason:
            tried.append(str(reason))
            continue
        if tried:
            print(f"PostgreSQL for the tests: {'; '.join(tried)}; using {postgres.description}")
        try:
            yield postgres
        finally:
            running.__exit__(None, None, None)
        return
    raise NoPostgres(
        "These tests need a PostgreSQL. Any of four ways will do: set ONHOOK_TEST_POSTGRES_URL to "
        "a running one; start a Docker engine; put postgres and initdb on the PATH; or run as root "
        f"on Debian or Ubuntu, where its package is installed. Tried: {'; '.join(tried)}"
    )


@contextmanager
def _named_by_environment() -> Iterator[Postgres]:
    url = os.environ.get("ONHOOK_TEST_POSTGRES_URL")
    if not url:
        raise WayClosed("ONHOOK_TEST_POSTGRES_URL is not set")
    postgres = Postgres(url, "ONHOOK_TEST_POSTGRES_URL")
    try:
        postgres.wait_until_it_answers(timeout_s=10)
    except WayClosed as reason:
        raise NoPostgres(str(reason)) from None
    yield postgres


@contextmanager
def _in_docker() -> Iterator[Postgres]:
    try:
        import docker  # noqa: PLC0415 - only where this way is tried
        from docker.errors import DockerException, ImageNotFound  # noqa: PLC0415
    except ImportError:
        raise WayClosed("Python's docker package is not installed") from None
    try:
        client = docker.from_env(timeout=60)
        client.ping()
    except DockerException as error:
        raise WayClosed("no Docker engine answers") from error
    try:
        client.images.get(IMAGE)
    except ImageNotFound:
        try:
            client.images.pull(IMAGE)
        except (DockerException, OSError) as error:
            raise WayClosed(f"the Docker engine cannot get {IMAGE}") from error

    from testcontainers.core.config import testcontainers_config  # noqa: PLC0415
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415

    testcontainers_config.ryuk_disabled = True  # stopped below; one image less to need
    container = DockerContainer(IMAGE).with_env("POSTGRES_PASSWORD", PASSWORD)
    container.ports["5432/tcp"] = ("127.0.0.1",)  # type: ignore[assignment]
    try:
        container.start()
    except DockerException as error:
        raise WayClosed(f"the Docker engine cannot run {IMAGE}: {error}") from error
    try:
        port = container.get_exposed_port(5432)
        postgres = Postgres(
            f"postgresql://postgres:{PASSWORD}@127.0.0.1:{port}/postgres", f"{IMAGE} in Docker"
        )
        postgres.wait_until_it_answers()
        yield postgres
    finally:
        container.stop()


@contextmanager
def _private_node() -> Iterator[Postgres]:
    server, initdb = _program("postgres"), _program("initdb")
    if server is None or initdb is None:
        raise WayClosed(f"postgres and initdb are neither on the PATH nor in {PACKAGED}")
    folder = Path(tempfile.mkdtemp(prefix="onhook-postgres-"))
    who = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    if who is not None:
        os.chown(folder, who.pw_uid, who.pw_gid)
    identity = {} if who is None else {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
    data, log = folder / "data", folder / "server.log"
    made = subprocess.run(
        [initdb, "-D", data, "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C"],
        cwd=folder, capture_output=True, text=True, check=False, **identity,
    )  # fmt: skip
    if made.returncode != 0:
        raise WayClosed(f"{initdb} failed: {made.stderr.strip()[-300:]}")
    port = _free_port()
    command = [server, "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True, **identity,
        )  # fmt: skip
    try:
        postgres = Postgres(
            f"postgresql://postgres@127.0.0.1:{port}/postgres", f"a private node of {server}"
        )
        try:
            postgres.wait_until_it_answers()
        except WayClosed as reason:
            raise WayClosed(f"{reason}: {log.read_text(errors='replace')[-300:]}") from None
        yield postgres
    finally:
        process.send_signal(signal.SIGINT)  # its fast way to stop
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _installed_node() -> Iterator[Postgres]:
    if shutil.which("apt-get") is None:
        raise WayClosed("this is no Debian or Ubuntu")
    if os.geteuid() != 0:
        raise WayClosed("only root could install postgresql")
    _install()
    with _private_node() as postgres:
        yield postgres


def _install() -> None:
    """Install the package; a policy keeps it from starting a service meanwhile."""
    is_our_policy = not POLICY.exists()
    if is_our_policy:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        for command in (
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "postgresql"],
        ):
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                raise WayClosed(f"{' '.join(command)} failed: {done.stderr.strip()[-300:]}")
    finally:
        if is_our_policy:
            POLICY.unlink()


def _program(name: str) -> Path | None:
    """The packaged one of the newest version, or what is on the PATH."""
    found = sorted(PACKAGED.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1]
    on_path = shutil.which(name)
    return None if on_path is None else Path(on_path)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


if __name__ == "__main__":
    with running_postgres() as started:
        print(started.url, started.description, flush=True)
        sys.stdin.read()
