"""Connectors: the file read and refused, and where credentials go."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from onhook.egress.connectors import Connectors, ConnectorsError, NotItsOrigin, load_connectors

PASSWORD = "correct-horse-battery"


def loaded(tmp_path: Path, text: str, **environment: str) -> Connectors:
    path = tmp_path / "connectors.yaml"
    path.write_text(text)
    return load_connectors(path, environment)


def headers_of(connectors: Connectors, name: str = "crm", path: str = "/v1") -> dict[str, str]:
    return dict(connectors.with_credentials(name, f"https://crm.example{path}", ()))


def test_without_a_file_there_are_none() -> None:
    assert load_connectors(None, {}).urls == {}


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "{}"])
def test_an_empty_file_has_none(tmp_path: Path, text: str) -> None:
    assert loaded(tmp_path, text).urls == {}


def test_basic_bearer_and_headers_become_headers(tmp_path: Path) -> None:
    connectors = loaded(
        tmp_path,
        f"""
        basic: {{url: https://crm.example/, basic: {{user: ada, password: "{PASSWORD}"}}}}
        bearer: {{url: https://crm.example/api, bearer: token-1}}
        headers: {{url: https://crm.example, headers: {{X-Api-Key: key-1, X-Org: "7"}}}}
        open: {{url: https://crm.example}}
        """,
    )
    both = base64.b64encode(f"ada:{PASSWORD}".encode()).decode()
    assert headers_of(connectors, "basic") == {"Authorization": f"Basic {both}"}
    assert headers_of(connectors, "bearer") == {"Authorization": "Bearer token-1"}
    assert headers_of(connectors, "headers") == {"X-Api-Key": "key-1", "X-Org": "7"}
    assert headers_of(connectors, "open") == {}
    assert connectors.urls == {
        "basic": "https://crm.example",
        "bearer": "https://crm.example/api",
        "headers": "https://crm.example",
        "open": "https://crm.example",
    }
    assert connectors.secrets == {PASSWORD, both, "token-1", "key-1", "7"}


def test_a_user_may_be_of_any_letters(tmp_path: Path) -> None:
    connectors = loaded(tmp_path, "crm: {url: https://crm.example, basic: {user: é, password: ü}}")
    value = headers_of(connectors)["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(value).decode() == "é:ü"


def test_a_secret_comes_out_of_the_environment_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    (tmp_path / "key").write_text("from a file")
    connectors = loaded(
        tmp_path,
        """
        crm: {url: "https://${HOST}", basic: {user: ada, password_file: password}}
        token: {url: https://crm.example, bearer: "${TOKEN}"}
        key: {url: https://crm.example, headers: {X-Key_file: key, X-Two: "a-${TOKEN}-b"}}
        """,
        HOST="crm.example",
        TOKEN="t1",
    )
    assert PASSWORD in connectors.secrets
    assert headers_of(connectors, "token") == {"Authorization": "Bearer t1"}
    assert headers_of(connectors, "key") == {"X-Key": "from a file", "X-Two": "a-t1-b"}


def test_credentials_replace_a_header_of_the_flow_s_own(tmp_path: Path) -> None:
    connectors = loaded(tmp_path, "crm: {url: https://crm.example, bearer: token-1}")
    given = (("authorization", "Bearer mine"), ("Accept", "*/*"))
    assert connectors.with_credentials("crm", "https://crm.example/x", given) == (
        ("Accept", "*/*"),
        ("Authorization", "Bearer token-1"),
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1",
        "http://crm.example/v1",
        "https://crm.example:8443/v1",
        "https://crm.example.evil.example/",
        "https://crm.example@evil.example/",
        "no address",
    ],
)
def test_credentials_go_to_the_connector_s_own_origin_alone(tmp_path: Path, url: str) -> None:
    connectors = loaded(tmp_path, "crm: {url: https://crm.example/v1, bearer: token-1}")
    with pytest.raises(NotItsOrigin) as refusal:
        connectors.with_credentials("crm", url, ())
    assert "token-1" not in str(refusal.value)


@pytest.mark.parametrize("url", ["https://CRM.example/other", "https://crm.example:443/?x=1"])
def test_an_origin_may_be_written_in_several_ways(tmp_path: Path, url: str) -> None:
    connectors = loaded(tmp_path, "crm: {url: https://crm.example/v1, bearer: token-1}")
    assert connectors.with_credentials("crm", url, ()) == (("Authorization", "Bearer token-1"),)


def test_a_connector_that_is_gone_is_named(tmp_path: Path) -> None:
    connectors = loaded(tmp_path, "crm: {url: https://crm.example}")
    with pytest.raises(NotItsOrigin, match='no connector "crn" in ONHOOK_CONNECTORS; there: crm'):
        connectors.with_credentials("crn", "https://crm.example", ())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "must map names to connectors"),
        ("crm: {bearer: s3cret, [", "no YAML that can be read at line "),
        ("crm: https://crm.example", "must have a url"),
        ("crm: {bearer: s3cret}", "needs a url"),
        ("crm: {url: ftp://crm.example}", "url: "),
        ("crm: {url: https://u:s3cret@crm.example}", "url: "),
        ("crm: {url: https://crm.example/?a=1}", "holds a query"),
        ("crm: {url: https://crm.example, ntlm: {}}", '"ntlm" is not possible in this version'),
        ("crm: {url: https://crm.example, mTLS: {}}", "use client_cert and client_key"),
        ("crm: {url: https://crm.example, baerer: s3cret}", "did you mean bearer?"),
        ("crm: {url: https://crm.example, bearer: s3cret, basic: {}}", "keep one of them"),
        ("crm: {url: https://crm.example, bearer: 5}", "bearer: must be a text"),
        ("crm: {url: https://crm.example, bearer: ''}", "bearer: is empty"),
        ('crm: {url: https://crm.example, bearer: "s3cret\\n"}', "no HTTP header can carry"),
        ("crm: {url: https://crm.example, bearer: '${GONE}'}", "the environment has no GONE"),
        ("crm: {url: https://crm.example, bearer_file: gone}", "No such file"),
        ("crm: {url: https://crm.example, bearer: s3cret, bearer_file: f}", "and in a file"),
        ("crm: {url: https://crm.example, basic: {}}", "needs user and password"),
        ("crm: {url: https://crm.example, basic: {user: a}}", "basic.password: must be a text"),
        ("crm: {url: https://crm.example, basic: {user: 'a:b', password: s3cret}}", "a colon"),
        (
            "crm: {url: https://crm.example, basic: {usr: a, password: s3cret}}",
            "did you mean user?",
        ),
        ("crm: {url: https://crm.example, headers: {}}", "at least one name and value"),
        ("crm: {url: https://crm.example, headers: {'a b': s3cret}}", "no header name"),
        ("crm: {url: https://crm.example, headers: {Host: s3cret}}", "set by the worker itself"),
        ("crm: {url: https://crm.example, headers: {webhook-id: x}}", "set by the worker itself"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_no_secret_shown(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(ConnectorsError) as refusal:
        loaded(tmp_path, text)
    assert str(refusal.value).startswith(f"ONHOOK_CONNECTORS: {tmp_path / 'connectors.yaml'}: ")
    assert words in str(refusal.value)
    assert "s3cret" not in str(refusal.value)


def test_a_connector_does_not_show_its_secrets(tmp_path: Path) -> None:
    connectors = loaded(tmp_path, "crm: {url: https://crm.example, bearer: s3cret}")
    assert "s3cret" not in repr(vars(connectors))


def test_headers_may_stand_beside_another_way(tmp_path: Path) -> None:
    connectors = loaded(
        tmp_path, "crm: {url: https://crm.example, bearer: token-1, headers: {X-Key: key-1}}"
    )
    assert headers_of(connectors) == {"Authorization": "Bearer token-1", "X-Key": "key-1"}


OAUTH = "token_url: https://a.example/token, client_id: me, client_secret: s3cret"


@pytest.mark.parametrize(
    ("oauth", "words"),
    [
        ("{}", "needs token_url, client_id and client_secret"),
        ("{client_id: me, client_secret: s3cret}", "oauth2.token_url: "),
        ("{token_url: 'ftp://a', client_id: me, client_secret: s3cret}", "must begin with http"),
        ("{token_url: 'https://a.example', client_secret: s3cret}", "oauth2.client_id: must be"),
        ("{token_url: 'https://a.example', client_id: me}", "oauth2.client_secret: must be"),
        (f"{{{OAUTH}, auth: body}}", "oauth2.auth: must be basic or post"),
        (f"{{{OAUTH}, scope: 5}}", "oauth2.scope: must be a text"),
        (f"{{{OAUTH}, grant_type: password}}", 'oauth2: no key "grant_type" here'),
        (f"{{{OAUTH}, client_secret_file: f}}", "and in a file"),
        (f"{{{OAUTH}}}, headers: {{authorization: s3cret}}", "oauth2 and headers.Authorization"),
        (f"{{{OAUTH}}}, basic: {{user: a, password: s3cret}}", "basic and oauth2; keep one"),
    ],
)
def test_a_way_to_get_tokens_that_cannot_be_used_is_named(
    tmp_path: Path, oauth: str, words: str
) -> None:
    with pytest.raises(ConnectorsError) as refusal:
        loaded(tmp_path, f"crm: {{url: https://crm.example, oauth2: {oauth}}}")
    assert words in str(refusal.value)
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("key", "instead"),
    [
        ("oauth", "oauth2"),
        ("api-key", "headers"),
        ("certificate", "client_cert and client_key"),
        ("verify", "ca_file"),
        ("timeout", "httpResponseTimeout"),
    ],
)
def test_a_name_from_elsewhere_is_told_by_ours(tmp_path: Path, key: str, instead: str) -> None:
    with pytest.raises(ConnectorsError, match=f'no key "{key}" here; use {instead}'):
        loaded(tmp_path, f"crm: {{url: https://crm.example, {key}: s3cret}}")


def test_what_a_flow_must_not_read_back_is_every_secret_but_plain_header_values(
    tmp_path: Path,
) -> None:
    connectors = loaded(
        tmp_path,
        """
        a: {url: https://a.example, headers: {X-Org: acme, X-Key: "${KEY}", X-Long: 0123456789abcdef}}
        b: {url: https://b.example, bearer: token-1}
        """,
        KEY="k3y-k3y",
    )
    shown = "acme k3y-k3y 0123456789abcdef token-1"
    assert connectors.mask.text(shown) == "*** *** *** ***"
    assert connectors.outputs_mask.text(shown) == "acme *** *** ***"


def test_secrets_of_before_stay_masked_when_their_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("token-one")
    connectors = loaded(tmp_path, "crm: {url: https://crm.example, bearer_file: token}")
    file.write_text("token-two-")
    assert headers_of(connectors) == {"Authorization": "Bearer token-two-"}
    assert connectors.mask.text("token-one token-two-") == "*** ***"


def test_a_file_that_comes_to_hold_what_no_header_can_carry_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("token-one")
    connectors = loaded(tmp_path, "crm: {url: https://crm.example, bearer_file: token}")
    for content in (b"token\r\ntwo", b"", b"\xff"):
        file.write_bytes(content)
        assert headers_of(connectors) == {"Authorization": "Bearer token-one"}
    file.write_text("token-two")
    assert headers_of(connectors) == {"Authorization": "Bearer token-two"}


def test_no_connector_can_be_called_endpoints(tmp_path: Path) -> None:
    with pytest.raises(ConnectorsError, match="a connector needs another name"):
        loaded(tmp_path, "endpoints: {url: https://crm.example}")


def test_what_is_said_of_endpoints_is_handed_on_as_it_stands(tmp_path: Path) -> None:
    connectors = loaded(
        tmp_path,
        """
        endpoints:
          - {flow: F, in_flight: 1, schedule: [5s, 1m]}
          - {url: "https://CRM.example/x", signing: off}
        """,
    )
    first, second = connectors.rules
    assert (first.flow, first.delivery) == ("F", {"in_flight": 1, "schedule": ["5s", "1m"]})
    assert (first.signing, second.signing) == (None, ())
    assert (second.origin, second.delivery) == ("https://crm.example:443", {})
