"""A real RabbitMQ for the tests, got in the first of four ways that works on this machine.

1. ONHOOK_TEST_AMQP_URL: a broker that is already running (with its management plugin, at
   ONHOOK_TEST_MANAGEMENT_URL, or port 15672 of the same host). Tests use virtual hosts of their
   own there; if its user may not make any, Onhook's queues in the named one are deleted.
2. A Docker engine: rabbitmq:4-management, published on 127.0.0.1 only.
3. `rabbitmq-server` on the PATH: a private node in a temporary folder, on ports of its own.
4. On Debian and Ubuntu, as root: that package is installed first, without starting a service.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

IMAGE = "rabbitmq:4-management"
START_TIMEOUT_S = 90.0
PACKAGED_NODE = Path("/usr/lib/rabbitmq/bin")
"""Debian's wrappers on the PATH insist on the user rabbitmq; these are what they wrap."""
POLICY = Path("/usr/sbin/policy-rc.d")


class NoBroker(Exception):
    """None of the ways to get a RabbitMQ works here."""


class WayClosed(Exception):
    """This way does not work here; the text says why, and the next is tried."""


@dataclass
class Broker:
    """A running RabbitMQ, and its management API."""

    amqp_url: str
    management_url: str
    description: str

    def api(self, method: str, path: str, body: object = None) -> object:
        """Call the management API; `path` starts behind /api/."""
        user, password = self.credentials()
        request = urllib.request.Request(
            f"{self.management_url}/api/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "content-type": "application/json",
                "authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def wait_until_it_answers(self, timeout_s: float = START_TIMEOUT_S) -> None:
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                self.api("GET", "overview")
                with socket.create_connection(_host_and_port(self.amqp_url), timeout=5) as link:
                    link.sendall(b"AMQP\x00\x00\x09\x01")
                    if link.recv(1):
                        return
                problem = "the AMQP port does not speak"
            except (OSError, ValueError) as error:
                problem = str(error)
            if time.monotonic() > deadline:
                raise WayClosed(f"{self.description} did not answer: {problem}")
            time.sleep(0.2)

    def credentials(self) -> tuple[str, str]:
        parts = urlsplit(self.amqp_url)
        return unquote(parts.username or "guest"), unquote(parts.password or "guest")

    def url_of(self, vhost: str, user: str | None = None, password: str | None = None) -> str:
        """The address of a virtual host, for the broker's user or for another one."""
        parts = urlsplit(self.amqp_url)
        known_user, known_password = self.credentials()
        credentials = ":".join(
            quote(text, safe="") for text in (user or known_user, password or known_password)
        )
        where = parts.netloc.rpartition("@")[2]
        path = f"/{quote(vhost, safe='')}"
        return urlunsplit((parts.scheme, f"{credentials}@{where}", path, parts.query, ""))

    def new_vhost(self) -> str:
        """A virtual host that nothing has been declared in; PermissionError if we may not."""
        vhost = f"onhook-{uuid.uuid4().hex[:12]}"
        try:
            self.make_vhost(vhost)
        except urllib.error.HTTPError as error:
            if error.code not in (401, 403):
                raise
            raise PermissionError("this user may not make virtual hosts") from error
        return vhost

    def make_vhost(self, vhost: str) -> None:
        self.api("PUT", f"vhosts/{quote(vhost, safe='')}", {})
        self.grant(vhost, self.credentials()[0])

    def grant(self, vhost: str, user: str, *, configure: str = ".*", write: str = ".*") -> None:
        permissions = {"configure": configure, "write": write, "read": ".*"}
        path = f"permissions/{quote(vhost, safe='')}/{quote(user, safe='')}"
        self.api("PUT", path, permissions)

    def delete_vhost(self, vhost: str) -> None:
        self.api("DELETE", f"vhosts/{quote(vhost, safe='')}")

    def vhost_of(self, url: str) -> str:
        return unquote(urlsplit(url).path[1:]) or "/"

    def delete_queues(self, vhost: str) -> None:
        """Delete what is Onhook's in a virtual host that is not ours to delete."""
        for kind in ("queues", "exchanges"):
            found = self.api("GET", f"{kind}/{quote(vhost, safe='')}")
            assert isinstance(found, list)
            for item in found:
                if item["name"].startswith("onhook."):
                    self.delete(kind, vhost, item["name"])

    def delete(self, kind: str, vhost: str, name: str) -> None:
        self.api("DELETE", f"{kind}/{quote(vhost, safe='')}/{quote(name, safe='')}")

    def close_connections(self, vhost: str, at_least: int = 1) -> int:
        """Have the broker close every connection to a virtual host; waits to see `at_least`."""
        deadline = time.monotonic() + 30
        while True:
            found = self.api("GET", f"vhosts/{quote(vhost, safe='')}/connections")
            assert isinstance(found, list)
            if len(found) >= at_least:
                break
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(found)} connections to {vhost}, not {at_least}")
            time.sleep(0.1)
        for connection in found:
            try:
                self.api("DELETE", f"connections/{quote(connection['name'], safe='')}")
            except urllib.error.HTTPError as error:
                if error.code != 404:  # closed meanwhile
                    raise
        return len(found)


@contextmanager
def running_broker() -> Iterator[Broker]:
    """A broker, by the first way that works; stopped at the end if it was started here."""
    tried: list[str] = []
    for way in (_named_by_environment, _in_docker, _private_node, _installed_node):
        try:
            running = way()
            broker = running.__enter__()
        except WayClosed as reason:
            tried.append(str(reason))
            continue
        if tried:
            print(f"RabbitMQ for the tests: {'; '.join(tried)}; using {broker.description}")
        try:
            yield broker
        finally:
            running.__exit__(None, None, None)
        return
    raise NoBroker(
        "These tests need a RabbitMQ. Any of four ways will do: set ONHOOK_TEST_AMQP_URL to a "
        "running one; start a Docker engine; put rabbitmq-server on the PATH; or run as root on "
        f"Debian or Ubuntu, where its package is installed. Tried: {'; '.join(tried)}"
    )


@contextmanager
def _named_by_environment() -> Iterator[Broker]:
    url = os.environ.get("ONHOOK_TEST_AMQP_URL")
    if not url:
        raise WayClosed("ONHOOK_TEST_AMQP_URL is not set")
    management = os.environ.get(
        "ONHOOK_TEST_MANAGEMENT_URL", f"http://{urlsplit(url).hostname}:15672"
    )
    broker = Broker(url, management.rstrip("/"), "ONHOOK_TEST_AMQP_URL")
    try:
        broker.wait_until_it_answers(timeout_s=10)
    except WayClosed as reason:
        raise NoBroker(
            f"{reason}; the tests need the broker of ONHOOK_TEST_AMQP_URL, and its management "
            f"API at {management} (set ONHOOK_TEST_MANAGEMENT_URL if it is elsewhere)"
        ) from None
    yield broker


@contextmanager
def _in_docker() -> Iterator[Broker]:
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
    container = DockerContainer(IMAGE)
    for port in (5672, 15672):
        container.ports[f"{port}/tcp"] = ("127.0.0.1",)  # type: ignore[assignment]
    try:
        container.start()
    except DockerException as error:
        raise WayClosed(f"the Docker engine cannot run {IMAGE}: {error}") from error
    try:
        broker = Broker(
            f"amqp://guest:guest@127.0.0.1:{container.get_exposed_port(5672)}/",
            f"http://127.0.0.1:{container.get_exposed_port(15672)}",
            f"{IMAGE} in Docker",
        )
        broker.wait_until_it_answers()
        yield broker
    finally:
        container.stop()


@contextmanager
def _private_node() -> Iterator[Broker]:
    server = _program("rabbitmq-server")
    if server is None:
        raise WayClosed("there is no rabbitmq-server on the PATH")
    folder = Path(tempfile.mkdtemp(prefix="onhook-rabbitmq-"))
    amqp, management, distribution, mapper = _free_ports(4)
    environment = _node_environment(folder, amqp, management, distribution, mapper)
    with _process([_required("epmd"), "-port", str(mapper), "-address", "127.0.0.1"], environment):
        log = folder / "console.log"
        try:
            with _process([str(server)], environment, log):
                broker = Broker(
                    f"amqp://guest:guest@127.0.0.1:{amqp}/",
                    f"http://127.0.0.1:{management}",
                    f"a private node of {server}",
                )
                try:
                    broker.wait_until_it_answers()
                except WayClosed as reason:
                    raise WayClosed(f"{reason}: {_last_lines(log)}") from None
                yield broker
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _installed_node() -> Iterator[Broker]:
    if shutil.which("apt-get") is None:
        raise WayClosed("this is no Debian or Ubuntu")
    if os.geteuid() != 0:
        raise WayClosed("only root could install rabbitmq-server")
    _install()
    with _private_node() as broker:
        yield broker


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
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "rabbitmq-server"],
        ):
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                raise WayClosed(f"{' '.join(command)} failed: {done.stderr.strip()[-300:]}")
    finally:
        if is_our_policy:
            POLICY.unlink()


def _node_environment(
    folder: Path, amqp: int, management: int, distribution: int, mapper: int
) -> dict[str, str]:
    """Everything that a node would otherwise share with another one on this machine."""
    (folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.local = 127.0.0.1:{amqp}\n"
        "management.tcp.ip = 127.0.0.1\n"
        f"management.tcp.port = {management}\n"
        "disk_free_limit.absolute = 50MB\n"
    )
    (folder / "environment.conf").write_text("")
    cookie = folder / ".erlang.cookie"
    cookie.write_text(uuid.uuid4().hex.upper())
    cookie.chmod(0o400)
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return kept | {
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"onhook-test-{os.getpid()}@localhost",
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_BASE": str(folder),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "config"),
        "RABBITMQ_SCHEMA_DIR": str(folder / "schema"),
        "RABBITMQ_PLUGINS_EXPAND_DIR": str(folder / "plugins"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "environment.conf"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}",
    }


@contextmanager
def _process(
    command: list[str], environment: dict[str, str], log: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a process group of its own, and end exactly that group afterwards."""
    output = log.open("wb") if log is not None else subprocess.DEVNULL
    process = subprocess.Popen(
        command,
        env=environment,
        cwd=environment["HOME"],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        for sign, patience_s in ((signal.SIGTERM, 30), (signal.SIGKILL, 10)):
            try:
                os.killpg(process.pid, sign)
                process.wait(patience_s)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        if log is not None:
            output.close()  # type: ignore[union-attr]


def _program(name: str) -> Path | None:
    on_path = shutil.which(name)
    if on_path is None:
        return None
    packaged = PACKAGED_NODE / name
    return (
        packaged
        if on_path.startswith(("/usr/sbin/", "/usr/bin/")) and packaged.exists()
        else Path(on_path)
    )


def _required(name: str) -> str:
    found = shutil.which(name) or next(
        (str(path) for path in Path("/usr/lib/erlang").glob(f"**/bin/{name}")), None
    )
    if found is None:
        raise WayClosed(f"rabbitmq-server is there, but Erlang's {name} is not")
    return found


def _free_ports(count: int) -> list[int]:
    """Ports that are free now; held open together so that they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [held.getsockname()[1] for held in sockets]
    for held in sockets:
        held.close()
    return ports


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or 5672


def _last_lines(log: Path) -> str:
    return " / ".join(log.read_text(errors="replace").strip().splitlines()[-5:])


if __name__ == "__main__":
    with running_broker() as started:
        print(started.amqp_url, started.management_url, started.description, flush=True)
        sys.stdin.read()
