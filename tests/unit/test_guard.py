"""The guard before every API: which names and which pages get through."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from pytest_aiohttp.plugin import AiohttpClient

from onhook.web.app import Api, build_app
from onhook.web.guard import host_name, own_hosts
from onhook.web.operation import Call, Operation


async def answer(_call: Call) -> dict[str, bool]:
    return {"open": True}


async def capture(_request: web.Request) -> web.Response:
    return web.Response(text="captured")


DOORS = [
    Operation(method="GET", path="/doors", name="list", summary="Doors", handler=answer),
    Operation(
        method="POST", path="/doors", name="open", summary="Open one", handler=answer, status=201
    ),
]


@pytest.fixture
async def client(aiohttp_client: AiohttpClient) -> Any:
    app = build_app(
        Api(title="Doors", summary="Opens doors", operations=DOORS),
        hosts=own_hosts("127.0.0.1", ["https://doors.example.com"]),
        checks={},
        is_open=lambda request: request.path == "/capture",
    )
    app.router.add_route("*", "/capture", capture)
    return await aiohttp_client(app)


async def problem(response: Any) -> str:
    answer = await response.json()
    assert answer["success"] is False
    return answer["error"]["message"]


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:7001",
        "127.0.0.1:1",
        "[::1]:7001",
        "doors.example.com",
        "localhost.",
    ],
)
async def test_the_service_answers_to_its_own_names(client: Any, host: str) -> None:
    assert (await client.get("/doors", headers={"Host": host})).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "evil.example:7001", "[::2]", "", "127.0.0.1@evil"],
)
async def test_another_host_is_421_and_told_the_names(client: Any, host: str) -> None:
    response = await client.get("/doors", headers={"Host": host})
    assert response.status == 421
    assert "doors.example.com" in await problem(response)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
    ids=str,
)
async def test_a_page_elsewhere_cannot_change_anything(
    client: Any, headers: dict[str, str]
) -> None:
    response = await client.post("/doors", headers={"Host": "localhost:7001", **headers})
    assert response.status == 403
    assert "pages of" in await problem(response)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost:7001"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
    ids=str,
)
async def test_the_service_s_own_page_can(client: Any, headers: dict[str, str]) -> None:
    response = await client.post("/doors", headers={"Host": "localhost:7001", **headers})
    assert response.status == 201


async def test_a_link_from_elsewhere_may_be_followed(client: Any) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert (await client.get("/doors", headers=headers)).status == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/capture"])
async def test_health_and_open_paths_answer_to_any_name_and_page(client: Any, path: str) -> None:
    headers = {"Host": "10.1.2.3", "Origin": "https://evil.example"}
    assert (await client.get(path, headers=headers)).status == 200


def test_a_host_header_is_read_without_its_port() -> None:
    assert host_name("[FD00::1]:80") == "fd00::1"
    assert host_name("Example.COM.:80") == "example.com"
    assert host_name("") == ""


def test_own_names_are_loopback_the_bound_address_and_the_public_ones() -> None:
    hosts = own_hosts("0.0.0.0", ["http://Sink:7003", "", "https://[fd00::1]/x"])
    assert hosts == {"localhost", "127.0.0.1", "::1", "0.0.0.0", "sink", "fd00::1"}
