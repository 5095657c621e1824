"""`onhook signature`: secrets made, bodies signed, signatures judged, as a user meets it."""

from __future__ import annotations

from pathlib import Path

import pytest
from standardwebhooks import Webhook

from command import onhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = "2021-02-25T15:02:10Z"
BODY = b'{"test": 2432232314}'
SIGNED = f"""webhook-id: {ID}
webhook-timestamp: 1614265330
webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "body.json").write_bytes(BODY)
    (tmp_path / "head.txt").write_text(f"POST /hook HTTP/1.1\nHost: x\n{SIGNED}\nbody: here\n")
    return tmp_path


async def test_a_body_is_signed_as_a_delivery_would_be(folder: Path):
    words = ("signature", "sign", "body.json", "--id", ID, "--at", AT)
    done = await onhook(*words, cwd=folder, signing_secret=SECRET)
    assert (done.status, done.out, done.err) == (0, SIGNED, "")


@pytest.mark.parametrize("pair", [False, True])
async def test_a_secret_that_is_made_signs_and_verifies(folder: Path, pair: bool):
    made = await onhook("signature", "new", *(["--ed25519"] if pair else []), cwd=folder)
    secret, *public = made.out.split()
    signed = await onhook("signature", "sign", "-", cwd=folder, stdin=BODY, signing_secret=secret)
    (folder / "signed").write_text(signed.out)
    verify = ("signature", "verify", "body.json", "--headers", "signed")
    if pair:
        done = await onhook(*verify, "--key", public[0], cwd=folder)
    else:
        headers = dict(line.split(": ") for line in signed.out.splitlines())
        Webhook(secret).verify(BODY, headers)
        done = await onhook(*verify, cwd=folder, signing_secret=secret)
    assert (done.status, done.out) == (0, "valid: the signature is right\n")


async def test_headers_come_from_options_or_from_the_head_of_a_request(folder: Path):
    options = [word for line in SIGNED.splitlines() for word in ("-H", line)]
    for words in (options, ["--headers", "head.txt"]):
        done = await onhook(
            "signature",
            "verify",
            "body.json",
            *words,
            "--at",
            AT,
            cwd=folder,
            signing_secret=SECRET,
        )
        assert (done.status, done.err) == (0, "")


async def test_why_a_signature_is_not_right_is_said(folder: Path):
    words = ("signature", "verify", "-", "--headers", "head.txt", "--at", AT, "--json")
    done = await onhook(*words, cwd=folder, stdin=b'{"test":2432232314}', signing_secret=SECRET)
    assert done.status == 1
    assert (done.json["valid"], done.json["reason"]) == (False, "body re-serialised")
    words = ("signature", "verify", "body.json", "--headers", "head.txt")
    done = await onhook(*words, cwd=folder, signing_secret=SECRET)
    assert done.status == 1
    assert done.out.startswith("stale: the signature is right, but ")


@pytest.mark.parametrize(
    ("words", "secret", "line"),
    [
        (("sign", "body.json"), "", "no secret; set ONHOOK_SIGNING_SECRET"),
        (("sign", "body.json", "--id", "a.b"), SECRET, "--id: a webhook-id must have"),
        (("sign", "gone.json"), SECRET, "gone.json: No such file"),
        (("sign", "body.json"), "whsec_AAAA", "ONHOOK_SIGNING_SECRET holds 3 bytes"),
        (("verify", "body.json"), "", "no key; set ONHOOK_SIGNING_SECRET, or give --key whpk_"),
        (("verify", "body.json", "--key", "whpk_AAAA"), "", "--key holds 3 bytes"),
        (("verify", "body.json", "-H", "webhook-id"), SECRET, "-H: is no header"),
        (("verify", "-", "--headers", "-"), SECRET, "cannot both come from stdin"),
        (("verify", "body.json", "--at", "soon"), SECRET, '--at "soon" is no time'),
    ],
)
async def test_what_cannot_be_done_is_said_in_one_line(
    folder: Path, words: tuple[str, ...], secret: str, line: str
):
    given = {"signing_secret": secret} if secret else {}
    done = await onhook("signature", *words, cwd=folder, **given)
    assert done.status == 2
    assert line in done.err
    assert len(done.err.splitlines()) == 1
    assert SECRET not in done.err
