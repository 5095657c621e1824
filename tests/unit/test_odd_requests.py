"""Requests with heads and bodies that are not what they say: refused in words, never a fault."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from onhook.web.app import Api, build_app
from onhook.web.guard import own_hosts
from onhook.web.health import health_operations
from onhook.web.openapi import describe
from onhook.web.operation import Call, Empty, Operation


async def answer(_call: Call) -> dict[str, bool]:
    return {"open": True}


DOORS = [
    Operation(method="GET", path="/doors", name="list", summary="Doors", handler=answer),
    Operation(
        method="POST", path="/doors", name="open", summary="Open", handler=answer, body=Empty
    ),
]


@pytest.fixture
async def client(aiohttp_client: AiohttpClient) -> Any:
    api = Api(title="Doors", summary="Opens doors", operations=DOORS)
    app = build_app(api, hosts=own_hosts("127.0.0.1", ()), checks={"hinges": lambda: "rusty"})
    return await aiohttp_client(app)


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "//", "http://]", "[", "\\"])
async def test_an_origin_that_is_no_address_is_refused(client: Any, origin: str) -> None:
    response = await client.get("/doors", headers={"Host": "localhost", "Origin": origin})
    assert response.status == 403
    message = (await response.json())["error"]["message"]
    assert message == f"Requests from pages of {origin} are refused"


@pytest.mark.parametrize(
    "host",
    [
        "localhost:evil.example",
        "localhost:1:2",
        "localhost:123456",
        "[::1",
        "[::1]evil.example",
        "[::1].evil.example",
        "[[::1]]",
        "localhost@evil.example",
        "evil.example@localhost",
        "localhost evil.example",
    ],
)
async def test_a_host_that_only_begins_like_ours_is_not_ours(client: Any, host: str) -> None:
    response = await client.get("/doors", headers={"Host": host})
    assert response.status == 421
    assert f'"{host}" is not a name' in (await response.json())["error"]["message"]


async def test_a_body_that_is_not_encoded_as_it_says_is_a_bad_request(
    client: Any,
) -> None:
    headers = {"Host": "localhost", "Content-Encoding": "gzip"}
    response = await client.post("/doors", data=b"{}", headers=headers)
    assert response.status == 400
    message = (await response.json())["error"]["message"]
    assert message.startswith("Body: it broke off or is not encoded as it says")


async def test_what_is_not_ready_answers_as_it_is_described(client: Any) -> None:
    response = await client.get("/readyz")
    assert response.status == 503
    assert await response.json() == {"ready": False, "troubles": {"hinges": "rusty"}}
    document = describe("Doors", "Opens doors", health_operations({}))
    responses = document["paths"]["/readyz"]["get"]["responses"]
    assert responses["503"]["content"] == responses["200"]["content"]
    assert responses["503"]["description"] == "Service Unavailable"
    schema = responses["503"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Readiness"}
