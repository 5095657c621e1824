"""A connection against any bytes, in any pieces: the same end for all of them, and no surprise."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from onhook.egress.connection import Connection
from onhook.egress.end import End, Ended

TOKENS = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 204 X\r\n",
        b"HTTP/1.1 100 X\r\n\r\n",
        b"HTTP/1.1 101 X\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.0 500\r\n",
        b"HTTP/1.1 ",
        b"Content-Length: 3\r\n",
        b"Content-Length: 0\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Connection: close\r\n",
        b"X-Folded: a\r\n b\r\n",
        b"X: \xff\x00\r\n",
        b"\r\n",
        b"\n",
        b"3\r\nabc\r\n",
        b"0\r\n\r\n",
        b"0\r\nTrailer: x\r\n\r\n",
        b"ffffffffffffffffff\r\n",
        b"abc",
        b"x" * 70_000,
        b"\x00",
        b"\x16\x03\x01",
    ]
)


class Wire(asyncio.Transport):
    """The far side's bytes come by hand; what is written goes nowhere."""

    def __init__(self, connection):
        super().__init__()
        self._connection = connection
        self._is_closing = False

    def write(self, data):
        pass

    def get_write_buffer_size(self):
        return 0

    def get_extra_info(self, name, default=None):
        return ("192.0.2.1", 80) if name == "peername" else default

    def abort(self):
        if not self._is_closing:
            self._is_closing = True
            self._connection.connection_lost(None)

    close = abort


async def heard(data: bytes, cuts: list[int], method: str):
    """What an exchange makes of these bytes, cut at these places, and an end of the connection."""
    connection = Connection(100_000, 1.0, lambda gone: None)
    connection.connection_made(Wire(connection))
    exchange = asyncio.ensure_future(
        connection.exchange(
            b"request", is_head=method == "HEAD", deadline=asyncio.get_running_loop().time() + 60
        )
    )
    await asyncio.sleep(0)
    places = sorted({cut % (len(data) + 1) for cut in cuts})
    for start, end in zip([0, *places], [*places, len(data)], strict=True):
        if start < end and not exchange.done() and connection.is_usable:
            connection.data_received(data[start:end])
            await asyncio.sleep(0)
    if connection.is_usable:
        connection._transport.abort()
    try:
        answer = await exchange
    except Ended as ended:
        assert isinstance(ended.end, End)
        return ended.end
    assert 100 < answer.status < 1000
    assert len(answer.body) <= 100_000
    assert len(answer.headers) <= 128
    return answer.status, answer.headers, answer.body, answer.is_cut


@settings(max_examples=300, deadline=None)
@given(
    tokens=st.lists(TOKENS | st.binary(max_size=20), max_size=12),
    starts_well=st.booleans(),
    cuts=st.lists(st.integers(0, 100_000), max_size=8),
    method=st.sampled_from(["POST", "HEAD"]),
)
def test_any_bytes_in_any_pieces_end_the_same_way(tokens, starts_well, cuts, method):
    data = b"HTTP/1.1 200 OK\r\n" * starts_well + b"".join(tokens)
    whole = asyncio.run(heard(data, [], method))
    pieces = asyncio.run(heard(data, cuts, method))
    if (
        isinstance(whole, tuple)
        or isinstance(pieces, tuple)
        or not {whole, pieces} <= {End.NO_HTTP, End.BADLY_FRAMED, End.BROKE_OFF}
    ):
        assert whole == pieces
