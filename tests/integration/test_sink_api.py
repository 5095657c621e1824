"""The sink's API in webhook.site's shapes: tokens, requests, paging, deletes, who may ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from onhook.settings import SettingError, load
from onhook.sink.app import check_token, running
from onhook.sqlite.folder_lock import FolderHeld
from onhook.web.serving import bind
from served_sink import Client, new_id, served_sink, sink_settings


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[Client]:
    async with served_sink(tmp_path) as client:
        yield client


TOKEN_FIELDS = {
    "uuid",
    "redirect",
    "alias",
    "actions",
    "cors",
    "expiry",
    "timeout",
    "listen",
    "premium",
    "user_id",
    "password",
    "ip",
    "user_agent",
    "default_content",
    "default_status",
    "default_content_type",
    "request_limit",
    "description",
    "premium_expires_at",
    "expires_at",
    "created_at",
    "updated_at",
}
REQUEST_FIELDS = {
    "uuid",
    "type",
    "token_id",
    "team_id",
    "ip",
    "hostname",
    "method",
    "user_agent",
    "content",
    "query",
    "request",
    "files",
    "headers",
    "url",
    "size",
    "note",
    "time",
    "custom_action_output",
    "custom_action_errors",
    "created_at",
    "updated_at",
    "sorting",
}


async def test_a_token_is_made_with_201_and_the_hosted_products_defaults(sink: Client) -> None:
    answer = await sink.send("POST", "/token", headers={"User-Agent": "me/1"})
    assert answer.status == 201
    token = answer.json
    assert set(token) == TOKEN_FIELDS
    assert (token["default_status"], token["default_content"]) == (200, "")
    assert token["default_content_type"] == "text/html"
    assert (token["ip"], token["user_agent"]) == ("127.0.0.1", "me/1")
    assert (await sink.get(f"/token/{token['uuid']}")).json == token
    assert (await sink.get(f"//token/{token['uuid']}")).json == token


async def test_the_seeded_token_is_there_and_keeps_no_limit(sink: Client) -> None:
    token = (await sink.get(f"/token/{sink.token}")).json
    assert (token["expires_at"], token["request_limit"]) == (None, None)
    for limited in ({"expiry": 60}, {"request_limit": 5}):
        answer = await sink.send("PUT", f"/token/{sink.token}", json=limited)
        assert answer.status == 422
        assert "ONHOOK_SINK_TOKEN" in answer.json["error"]["message"]
    answer = await sink.send("PUT", f"/token/{sink.token}", json={"default_status": 204})
    assert answer.json["default_status"] == 204


async def test_put_changes_what_is_sent_and_keeps_the_rest(sink: Client) -> None:
    token = await sink.make_token(default_content="hello", timeout=3)
    changed = await sink.send("PUT", f"/token/{token}", json={"default_status": 202, "timeout": 0})
    assert changed.status == 200
    assert changed.json["default_content"] == "hello"
    assert (await sink.post(f"/{token}")).status == 202
    back = await sink.send("PUT", f"/token/{token}", json=changed.json | {"cors": True})
    assert back.json == changed.json | {"cors": True, "updated_at": back.json["updated_at"]}
    reset = await sink.send("PUT", f"/token/{token}", json={"default_content": None})
    assert reset.json["default_content"] == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("default_status", 99),
        ("default_status", 600),
        ("default_status", "200"),
        ("default_status", True),
        ("default_content", 1),
        ("default_content_type", "text/html\r\nX-Evil: 1"),
        ("default_content_type", "é"),
        ("timeout", 31),
        ("timeout", -1),
        ("timeout", 1.5),
        ("expiry", 604_801),
        ("expiry", 0),
        ("expiry", True),
        ("request_limit", -1),
        ("cors", "yes"),
        ("alias", "mine"),
        ("actions", True),
        ("redirect", True),
        ("password", "x"),
        ("listen", 5),
        ("clone_from", "x"),
        ("defualt_status", 200),
    ],
)
async def test_a_wrong_value_is_422_by_field(sink: Client, field: str, value: Any) -> None:
    for method, path in (("POST", "/token"), ("PUT", f"/token/{sink.token}")):
        answer = await sink.send(method, path, json={field: value})
        assert answer.status == 422
        assert isinstance(answer.json[field][0], str)
        assert answer.json["success"] is False
        assert field in answer.json["error"]["message"]


async def test_what_is_no_json_is_400_and_no_object_422(sink: Client) -> None:
    assert (await sink.send("POST", "/token", data=b"{")).status == 400
    assert (await sink.send("POST", "/token", json=[])).status == 422


async def test_a_deleted_token_is_gone_with_all_it_held(sink: Client) -> None:
    token = await sink.make_token()
    await sink.post(f"/{token}")
    identity = (await sink.latest(token))["uuid"]
    assert (await sink.send("DELETE", f"/token/{token}")).status == 204
    for method, path in (
        ("POST", f"/{token}"),
        ("GET", f"/token/{token}"),
        ("PUT", f"/token/{token}"),
        ("DELETE", f"/token/{token}"),
        ("GET", f"/token/{token}/requests"),
        ("GET", f"/token/{token}/request/latest"),
        ("GET", f"/token/{token}/request/{identity}"),
        ("DELETE", f"/token/{token}/requests"),
    ):
        answer = await sink.send(method, path, json={})
        assert answer.status == 410, (method, path)
        assert answer.json["error"]["message"] == "Token not found"
    again = await sink.make_token()
    assert (await sink.requests(again))["total"] == 0


async def test_tokens_are_listed_in_laravels_paginator(sink: Client) -> None:
    made = [sink.token, *[await sink.make_token() for _ in range(4)]]
    await sink.post(f"/{made[2]}")
    page = (await sink.get("/token?per_page=2&page=2")).json
    assert [token["uuid"] for token in page["data"]] == made[2:4]
    assert (page["from"], page["to"], page["total"], page["last_page"]) == (3, 4, 5, 3)
    assert page["next_page_url"] == f"{sink.address}/token?page=3"
    assert page["prev_page_url"] == f"{sink.address}/token?page=1"
    assert page["data"][0]["requests"] == 1
    assert page["data"][0]["latest_request_id"] == (await sink.latest(made[2]))["uuid"]
    newest = (await sink.get("/token?order_direction=desc&per_page=1")).json
    assert newest["data"][0]["uuid"] == made[-1]
    by_id = (await sink.get("/token?order_by=token_id")).json
    assert [token["uuid"] for token in by_id["data"]] == sorted(made)
    past = (await sink.get("/token?page=9")).json
    assert (past["data"], past["from"], past["to"]) == ([], None, None)


async def test_a_request_has_the_hosted_products_shape_and_loses_nothing(sink: Client) -> None:
    sent = await sink.send(
        "POST",
        f"/{sink.token}/a?x=1&y=2&y=3&z%5B%5D=4",
        data=b'{"id": 7}',
        headers={"User-Agent": "me/1", "Content-Type": "application/json"},
    )
    capture = (await sink.get(f"/token/{sink.token}/request/{sent.headers['X-Request-Id']}")).json
    assert set(capture) >= REQUEST_FIELDS
    assert capture["type"] == "web"
    assert capture["token_id"] == sink.token
    assert (capture["ip"], capture["hostname"]) == ("127.0.0.1", "127.0.0.1")
    assert (capture["method"], capture["user_agent"]) == ("POST", "me/1")
    assert (capture["content"], capture["size"]) == ('{"id": 7}', 9)
    assert capture["query"] == {"x": "1", "y": ["2", "3"], "z": ["4"]}
    assert (capture["request"], capture["files"]) == (None, [])
    assert capture["headers"]["content-type"] == ["application/json"]
    assert capture["url"] == f"{sink.address}/{sink.token}/a?x=1&y=2&y=3&z%5B%5D=4"
    assert capture["sequence"] == 1
    assert len(str(capture["sorting"])) == 16
    assert (await sink.requests())["data"] == [capture]
    assert await sink.latest() == capture


async def test_forms_show_their_fields_and_files(sink: Client) -> None:
    await sink.send("POST", f"/{sink.token}", data={"a": "1", "b": "é"})
    assert (await sink.latest())["request"] == {"a": "1", "b": "é"}
    body = (
        b'--b\r\nContent-Disposition: form-data; name="who"\r\n\r\nAda\r\n'
        b'--b\r\nContent-Disposition: form-data; name="doc"; filename="a.bin"\r\n'
        b"Content-Type: image/png\r\n\r\n\x00\r\n\xff--\r\n--b--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    await sink.send("POST", f"/{sink.token}", data=body, headers=headers)
    capture = await sink.latest()
    assert capture["request"] == {"who": "Ada"}
    file = capture["files"]["doc"]
    assert (file["name"], file["filename"], file["size"]) == ("doc", "a.bin", 6)
    assert file["content_type"] == "image/png"


async def test_paging_has_the_older_servers_edges(sink: Client) -> None:
    token = await sink.make_token()
    for _ in range(175):
        await sink.post(f"/{token}")
    page = await sink.requests(token, per_page=40, page=5)
    shown = {key: page[key] for key in page if key != "data"}
    assert shown == {
        "total": 175,
        "per_page": 40,
        "current_page": 5,
        "is_last_page": True,
        "from": 161,
        "to": 175,
        "evicted": 0,
        "oldest_sequence": 1,
    }
    assert [capture["sequence"] for capture in page["data"]] == list(range(161, 176))
    past = await sink.requests(token, per_page=40, page=6)
    assert (past["data"], past["from"], past["to"]) == ([], 201, 175)
    assert past["is_last_page"] is True
    first = await sink.requests(token)
    assert (first["per_page"], len(first["data"]), first["is_last_page"]) == (50, 50, False)
    newest = await sink.requests(token, sorting="newest", per_page=100, page=2)
    assert [capture["sequence"] for capture in newest["data"]] == list(range(75, 0, -1))


async def test_an_empty_token_lists_nothing_and_has_no_latest(sink: Client) -> None:
    page = await sink.requests()
    assert (page["data"], page["total"], page["is_last_page"]) == ([], 0, True)
    assert (page["from"], page["to"], page["oldest_sequence"]) == (1, 0, None)
    for path in ("request/latest", "requests/latest", "request/latest/raw", f"request/{new_id()}"):
        answer = await sink.get(f"/token/{sink.token}/{path}")
        assert answer.status == 404, path
        assert answer.json["error"]["message"] == "Request not found"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("query=method:POST", "query"),
        ("per_page=0", "per_page"),
        ("page=0", "page"),
        ("page=x", "page"),
        ("sorting=random", "sorting"),
        ("date_from=now-7d", "date_from"),
        ("date_to=9", "date_to"),
        ("method=POST", "method"),
    ],
)
async def test_a_filter_that_is_not_supported_is_refused_and_deletes_nothing(
    sink: Client, query: str, field: str
) -> None:
    await sink.post(f"/{sink.token}")
    for method in ("GET", "DELETE"):
        for word in ("requests", "request"):
            answer = await sink.send(method, f"/token/{sink.token}/{word}?{query}")
            assert answer.status == 422, (method, word)
            assert isinstance(answer.json[field][0], str)
    assert (await sink.requests())["total"] == 1


async def test_a_query_for_everything_is_everything(sink: Client) -> None:
    await sink.post(f"/{sink.token}")
    assert (await sink.requests(query="*"))["total"] == 1


async def test_dates_bound_lists_and_deletes(sink: Client) -> None:
    for _ in range(3):
        await sink.post(f"/{sink.token}")
    created = (await sink.latest())["created_at"]
    assert (await sink.requests(date_from="2000-01-01 00:00:00", date_to=created))["total"] == 3
    assert (await sink.requests(date_to="2000-01-01 00:00:00"))["total"] == 0
    assert (await sink.requests(date_from="2100-01-01T00:00:00Z"))["total"] == 0
    path = f"/token/{sink.token}/requests"
    await sink.send("DELETE", path, params={"date_to": "2000-01-01 00:00:00"})
    assert (await sink.requests())["total"] == 3
    await sink.send("DELETE", path, params={"date_from": "2000-01-01 00:00:00"})
    assert (await sink.requests())["total"] == 0


@pytest.mark.parametrize("word", ["request", "requests"])
async def test_deleting_one_and_all_leaves_the_rest_and_the_sequence(
    sink: Client, word: str
) -> None:
    other = await sink.make_token()
    await sink.post(f"/{other}")
    ids = [(await sink.post(f"/{sink.token}")).headers["X-Request-Id"] for _ in range(3)]
    base = f"/token/{sink.token}/{word}"
    deleted = await sink.send("DELETE", f"{base}/{ids[1]}")
    assert (deleted.status, deleted.json) == (200, {"status": True})
    assert (await sink.send("DELETE", f"{base}/{ids[1]}")).status == 404
    assert (await sink.get(f"{base}/{ids[1]}")).status == 404
    assert [capture["uuid"] for capture in (await sink.get(base)).json["data"]] == [ids[0], ids[2]]
    everything = await sink.send("DELETE", base)
    assert (everything.status, everything.json) == (200, {"status": True})
    assert (await sink.requests())["total"] == 0
    await sink.post(f"/{sink.token}")
    assert (await sink.latest())["sequence"] == 4
    assert (await sink.requests(other))["total"] == 1


async def test_a_request_of_another_token_is_not_found(sink: Client) -> None:
    other = await sink.make_token()
    identity = (await sink.post(f"/{other}")).headers["X-Request-Id"]
    assert (await sink.get(f"/token/{sink.token}/request/{identity}")).status == 404
    assert (await sink.send("DELETE", f"/token/{sink.token}/request/{identity}")).status == 404
    assert (await sink.requests(other))["total"] == 1


async def test_an_api_key_and_doubled_slashes_change_nothing(sink: Client) -> None:
    await sink.post(f"/{sink.token}")
    for path in ("requests", "/requests", "request//latest"):
        answer = await sink.send(
            "GET", f"//token/{sink.token}/{path}", headers={"Api-Key": new_id()}
        )
        assert answer.status == 200, path


async def test_foreign_pages_may_deliver_but_not_ask(sink: Client) -> None:
    foreign: list[dict[str, str]] = [
        {"Host": "rebound.example"},
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ]
    for headers in foreign:
        for method, path in (
            ("GET", f"/token/{sink.token}/requests"),
            ("GET", f"//token/{sink.token}/requests"),
            ("GET", "/token"),
            ("POST", "/token"),
            ("DELETE", f"/token/{sink.token}/requests"),
            ("DELETE", f"/token/{sink.token}"),
        ):
            answer = await sink.send(method, path, headers=headers)
            assert answer.status in (403, 421), (method, path, headers)
        assert (await sink.send("POST", f"/{sink.token}/x", headers=headers)).status == 200
        assert (await sink.send("GET", "/livez", headers=headers)).status == 200
    assert (await sink.requests())["total"] == 3


async def test_an_encoded_path_does_not_pass_the_guard_as_a_capture(sink: Client) -> None:
    for target in (f"/%74oken/{sink.token}", f"/{sink.token}/..%2f..%2ftoken", f"/{sink.token}%2f"):
        answer = await sink.raw(
            f"GET {target} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".encode()
        )
        assert b"default_status" not in answer


async def test_ready_says_so(sink: Client) -> None:
    ready = await sink.get("/readyz")
    assert (ready.status, ready.json) == (200, {"ready": True, "troubles": {}})


async def test_a_second_sink_on_the_folder_names_the_first(sink: Client, tmp_path: Path) -> None:
    listener = bind("127.0.0.1", 0, "ONHOOK_SINK_PORT")
    with pytest.raises(FolderHeld, match="the sink"):
        async with running(sink_settings(tmp_path), listener, public_url=""):
            pass
    listener.close()


def test_the_default_token_serves_only_on_loopback(tmp_path: Path) -> None:
    everywhere = load({}, {"host": "0.0.0.0", "data": str(tmp_path)})
    with pytest.raises(SettingError, match="ONHOOK_SINK_TOKEN"):
        check_token(everywhere, token_is_given="sink_token" in everywhere.given)
    named = load({"ONHOOK_SINK_TOKEN": new_id()}, {"host": "0.0.0.0"})
    check_token(named, token_is_given="sink_token" in named.given)
    check_token(load({}, {"host": "::1"}), token_is_given=False)
