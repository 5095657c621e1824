"""Standard Webhooks: keys read, deliveries signed, and verdicts with their reasons."""

from __future__ import annotations

import base64
import json
import os
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from onhook.signature import (
    PrivateKey,
    PublicKey,
    Reason,
    SecretError,
    Signer,
    SigningKey,
    SymmetricKey,
    parse_secret,
    parse_secrets,
    parse_verifying_key,
    sign,
    verify,
)
from onhook.signature.key import written_private, written_symmetric

ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = 1_614_265_330
NOW = datetime.fromtimestamp(AT, UTC)
BODY = b'{"test": 2432232314}'
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PAIR = (
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
)
V1 = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
V1A = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
CANONICAL = b"""{
"DNIS": "+18005550100",
"ANI": "+14085551234",
"Language": "en-US",
"WhoCalls": "J\\u00fcrgen / ACME",
"Amounts": [1.50, 1e3, -0, {}, []]
}"""

secrets = st.binary(min_size=24, max_size=64).map(written_symmetric)
seeds = st.binary(min_size=32, max_size=32)


def a_secret() -> str:
    return written_symmetric(os.urandom(32))


def headers(
    keys: list[SigningKey], body: bytes, at: int = AT, webhook_id: str = ID
) -> dict[str, str]:
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(at),
        "webhook-signature": sign(keys, webhook_id, at, body),
    }


def test_the_published_vectors_come_out() -> None:
    assert sign([parse_secret(SECRET)], ID, AT, BODY) == V1
    assert sign([parse_secret(PAIR)], ID, AT, BODY) == V1A
    assert sign(parse_secrets(f"{SECRET} {PAIR}"), ID, AT, BODY) == f"{V1} {V1A}"


def test_the_published_vectors_are_taken() -> None:
    given = {"Webhook-Id": ID, "WEBHOOK-TIMESTAMP": str(AT), "webhook-signature": f"{V1A} {V1}"}
    public = parse_secret(PAIR).public.text
    for text in (SECRET, PAIR, public):
        assert verify([parse_verifying_key(text)], given, BODY, NOW).is_valid


def test_a_key_pair_is_read_from_its_seed_or_from_both_halves() -> None:
    both = base64.b64decode(PAIR.removeprefix("whsk_"))
    seed = "whsk_" + base64.b64encode(both[:32]).decode()
    assert written_private(both[:32]) == PAIR
    assert sign([parse_secret(seed)], ID, AT, BODY) == V1A


@given(secret=secrets, body=st.text(), webhook_id=st.uuids().map(lambda each: f"msg_{each}"))
def test_another_implementation_verifies_ours(secret: str, body: str, webhook_id: str) -> None:
    signer = Signer([parse_secret(secret)])
    now = datetime.now(UTC)
    content = body.encode("utf-8", "replace")
    sent = {"webhook-id": webhook_id, **dict(signer.headers(webhook_id, now, content))}
    Webhook(secret).verify(content, sent, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(content + b" ", sent, json_parse=False)


@given(secret=secrets, body=st.text())
def test_we_verify_another_implementation(secret: str, body: str) -> None:
    content = body.encode("utf-8", "replace").decode()
    signature = Webhook(secret).sign(ID, NOW, content)
    sent = {"webhook-id": ID, "webhook-timestamp": str(AT), "webhook-signature": signature}
    assert verify([parse_secret(secret)], sent, content.encode(), NOW).is_valid


def test_during_a_rotation_the_old_and_the_new_secret_both_verify() -> None:
    old, new = a_secret(), a_secret()
    now = datetime.now(UTC)
    sent = dict(Signer(parse_secrets(f"{new} {old} {PAIR}")).headers(ID, now, BODY))
    assert [part.partition(",")[0] for part in sent["webhook-signature"].split(" ")] == [
        "v1", "v1", "v1a",
    ]  # fmt: skip
    for text in (old, new):
        Webhook(text).verify(BODY, {"webhook-id": ID, **sent})
    for text in (old, new, PAIR):
        assert verify([parse_secret(text)], {"webhook-id": ID, **sent}, BODY, now).is_valid


@given(st.data())
def test_any_change_of_body_id_or_time_is_found(data: st.DataObject) -> None:
    key = data.draw(
        st.one_of(
            secrets.map(parse_secret), seeds.map(written_private).map(parse_secret)
        )
    )  # fmt: skip
    body = data.draw(st.binary(max_size=200))
    sent = headers([key], body)
    assert verify([key], sent, body, NOW).is_valid
    changed = data.draw(st.binary(max_size=200).filter(lambda other: other != body))
    assert not verify([key], sent, changed, NOW).is_valid
    assert not verify([key], sent | {"webhook-timestamp": str(AT + 1)}, body, NOW).is_valid
    assert not verify([key], sent | {"webhook-id": ID + "x"}, body, NOW).is_valid


@pytest.mark.parametrize("webhook_id", ["", "msg_1.2"])
def test_an_id_that_makes_two_readings_possible_is_not_signed(webhook_id: str) -> None:
    with pytest.raises(ValueError, match="no full stop"):
        sign([parse_secret(SECRET)], webhook_id, AT, BODY)


@pytest.mark.parametrize(
    ("late_s", "reason"),
    [
        (0, None),
        (300, None),
        (301, Reason.STALE),
        (86_400, Reason.STALE),
        (-300, None),
        (-301, Reason.TOO_NEW),
    ],
)
def test_a_request_is_good_for_five_minutes(late_s: int, reason: Reason | None) -> None:
    key = parse_secret(SECRET)
    sent = headers([key], BODY, AT - late_s)
    assert verify([key], sent, BODY, NOW).reason is reason
    assert verify([key], sent, BODY, NOW, tolerance_s=86_400).is_valid


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        ({"webhook-signature": None}, Reason.NO_HEADER, "no webhook-signature"),
        ({"webhook-id": "", "webhook-timestamp": None}, Reason.NO_HEADER, "no webhook-id and no"),
        ({"webhook-timestamp": "soon"}, Reason.MALFORMED, "no whole number"),
        ({"webhook-timestamp": "1614265330.0"}, Reason.MALFORMED, "no whole number"),
        ({"webhook-timestamp": "-5"}, Reason.MALFORMED, "no whole number"),
        ({"webhook-timestamp": "9" * 400}, Reason.MALFORMED, "no whole number"),
        ({"webhook-timestamp": "١٦١٤"}, Reason.MALFORMED, "no whole number"),
        ({"webhook-id": "msg_1.5"}, Reason.MALFORMED, "full stop"),
        ({"Webhook-Id": "msg_2"}, Reason.MALFORMED, "more than once"),
        ({"webhook-signature": "v1"}, Reason.MALFORMED, "is it cut"),
        ({"webhook-signature": "v2,AAAA"}, Reason.MALFORMED, "no v1,..."),
        ({"webhook-signature": "v1,é"}, Reason.MALFORMED, "no base64"),
        ({"webhook-signature": "v1,AAAA " * 40}, Reason.MALFORMED, "more than 32"),
        ({"webhook-signature": "v1,AAAA"}, Reason.WRONG_SECRET, "another secret"),
        ({"webhook-signature": V1A}, Reason.WRONG_SECRET, "no key here is of that kind"),
    ],
)
def test_a_verdict_says_what_is_wrong_with_the_headers(
    change: dict[str, str | None], reason: Reason, words: str
) -> None:
    key = parse_secret(SECRET)
    changed = headers([key], BODY) | change
    sent = {name: value for name, value in changed.items() if value is not None}
    verdict = verify([key], sent, BODY, NOW)
    assert verdict.reason is reason
    assert words in verdict.message


def test_signatures_of_schemes_to_come_do_not_disturb() -> None:
    key = parse_secret(SECRET)
    sent = headers([key], BODY)
    sent["webhook-signature"] = f"v3,??? {sent['webhook-signature']} v1b,x"
    assert verify([key], list(sent.items()), BODY, NOW).is_valid


def test_the_key_that_fits_is_told() -> None:
    keys = [parse_secret(a_secret()), parse_secret(PAIR), parse_secret(SECRET)]
    assert verify(keys, headers([keys[2]], BODY), BODY, NOW).key == 2


def test_an_old_key_is_told_from_a_wrong_one() -> None:
    old, new = parse_secret(a_secret()), parse_secret(a_secret())
    sent = headers([old], BODY)
    assert verify([new], sent, BODY, NOW, retired=[old]).reason is Reason.OLD_KEY
    assert verify([new], sent, BODY, NOW).reason is Reason.WRONG_SECRET


def test_without_keys_nothing_is_good() -> None:
    verdict = verify([], headers([parse_secret(SECRET)], BODY), BODY, NOW)
    assert verdict.reason is Reason.WRONG_SECRET
    assert "give a whsec_ secret" in verdict.message


def _php(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()


PARSED = json.loads(CANONICAL)
LAID_OUT = {
    "by Python": json.dumps(PARSED).encode(),
    "by JavaScript": json.dumps(PARSED, separators=(",", ":"), ensure_ascii=False).encode(),
    "by PHP": _php(PARSED),
    "by JavaScript, indented": json.dumps(PARSED, indent=2, ensure_ascii=False).encode(),
    "indented by four": json.dumps(PARSED, indent=4).encode(),
    "indented by tabs, with a line end": json.dumps(PARSED, indent="\t").encode() + b"\n",
    "in order": json.dumps(PARSED, sort_keys=True).encode(),
}


def _reread(body: bytes) -> bytes:
    return json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize("sent_body", LAID_OUT.values(), ids=LAID_OUT)
def test_a_body_that_was_read_and_written_again_is_told(sent_body: bytes) -> None:
    """In place of the bytes that came: what the receiver's framework made of them."""
    for key in (parse_secret(SECRET), parse_secret(PAIR)):
        sent = headers([key], sent_body)
        in_order = json.dumps(json.loads(sent_body), indent=3).encode()
        for remade in {_reread(sent_body), in_order} - {sent_body}:
            verdict = verify([key], sent, remade, NOW)
            assert verdict.reason is Reason.RESERIALISED
            assert "before parsing" in verdict.message


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body + b"\n",
        lambda body: body.replace(b"\n", b"\r\n"),
        lambda body: b"\xef\xbb\xbf" + body,
        lambda body: body.decode("utf-8").encode("utf-8") + b"\r\n",
    ],
)
def test_line_ends_that_were_changed_on_the_way_are_told(change) -> None:
    key = parse_secret(SECRET)
    for body in (CANONICAL, b"caller=1\nagent=2"):
        verdict = verify([key], headers([key], body), change(body), NOW)
        assert verdict.reason is Reason.RESERIALISED


@pytest.mark.parametrize(
    "text", [b'{"test": 2432232315}', b'{"test": "2432232314"}', b"[1, 2", b"\xff"]
)
def test_another_content_is_no_other_layout(text: bytes) -> None:
    key = parse_secret(SECRET)
    assert verify([key], headers([key], BODY), text, NOW).reason is Reason.WRONG_SECRET


@pytest.mark.parametrize(
    "body",
    [b"[" * 60_000, b"[" * 400 + b"]" * 400, b"[" * 30 + b"1," * 16_000 + b"1" + b"]" * 30,
     b'{"a": ' + b'"x' * 30_000, b"9" * 60_000],
)  # fmt: skip
def test_a_hostile_body_is_judged_in_bounded_time(body: bytes) -> None:
    key = parse_secret(SECRET)
    began = time.process_time()
    assert verify([key], headers([key], BODY), body, NOW).reason is Reason.WRONG_SECRET
    assert time.process_time() - began < 15


@given(st.text(), st.binary(max_size=300))
def test_no_header_and_no_body_raises(text: str, body: bytes) -> None:
    keys = [parse_secret(SECRET), parse_secret(PAIR)]
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        verify(keys, headers(keys[:1], BODY) | {name: text}, body, NOW)
    verify(
        keys, headers(keys[:1], BODY) | {"webhook-signature": f"v1,{text} v1a,{text}"}, body, NOW
    )


SHORT = base64.b64encode(b"x" * 23).decode()
OTHER_HALF = base64.b64decode(PAIR.removeprefix("whsk_"))[:32] + bytes(32)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "does not begin with whsec_ or whsk_"),
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "does not begin with whsec_ or whsk_"),
        ("WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "does not begin with whsec_ or whsk_"),
        (f"whsec_{SHORT}", "holds 23 bytes behind whsec_ instead of 24 to 64"),
        ("whsec_" + base64.b64encode(b"x" * 65).decode(), "holds 65 bytes behind whsec_"),
        ("whsec_", "holds 0 bytes"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS-", "holds what is no base64 behind whsec_"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "holds 23 bytes behind whsec_"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwé", "holds what is no base64 behind whsec_"),
        ("whsk_AAAA", "holds 3 bytes behind whsk_ instead of 32 or 64"),
        ("whsk_" + base64.b64encode(OTHER_HALF).decode(), "are no pair"),
        ("whpk_AAAA", "is a public key, which signs nothing"),
    ],
)  # fmt: skip
def test_a_secret_that_cannot_be_used_is_refused_and_not_shown(text: str, words: str) -> None:
    with pytest.raises(SecretError) as refusal:
        parse_secret(text)
    assert words in str(refusal.value)
    assert len(text) < 10 or text[6:] not in str(refusal.value)


def test_a_secret_among_several_is_named_by_its_number() -> None:
    assert parse_secrets("  ") == ()
    assert len(parse_secrets(f" {SECRET}\n{PAIR} ")) == 2
    with pytest.raises(SecretError, match=r"^number 2 holds 23 bytes"):
        parse_secrets(f"{SECRET} whsec_{SHORT}")


@pytest.mark.parametrize(("text", "words"), [("whpk_AAAA", "holds 3 bytes"), ("key", "whpk_")])
def test_a_key_that_cannot_verify_is_refused(text: str, words: str) -> None:
    with pytest.raises(SecretError, match=words):
        parse_verifying_key(text)


def test_a_public_key_is_read_as_it_is_written() -> None:
    private = parse_secret(PAIR)
    assert isinstance(private, PrivateKey)
    public = parse_verifying_key(private.public.text)
    assert isinstance(public, PublicKey)
    assert public.text == private.public.text


def test_keys_and_signers_do_not_show_their_secrets() -> None:
    keys = parse_secrets(f"{SECRET} {PAIR}")
    assert isinstance(keys[0], SymmetricKey)
    for shown in (repr(keys), str(Signer(keys))):
        assert SECRET[6:] not in shown
        assert PAIR[5:40] not in shown


def test_a_signer_of_no_keys_is_false() -> None:
    assert not Signer([])
    assert Signer(parse_secrets(SECRET))
