"""What aiohttp's errors mean: the fault that the port promises for each.

Translation lives here and nothing is sent: no session, no rules. The sentences are the product's.
"""

from __future__ import annotations

import aiohttp
from aiohttp.http_exceptions import ContentLengthError, TransferEncodingError

from onhook.egress import fault_text
from onhook.egress.port import SendError


class ConnectionLost(aiohttp.ClientError):
    """The connection ended before a response came.

    A class of our own, because aiohttp sends a GET, PUT or DELETE again when it sees one of its
    own here, whether the connection was fresh or not.
    """


def describe(
    error: Exception, where: str, *, is_connected: bool, timeout_s: float, connect_timeout_s: float
) -> SendError:
    """What an error of aiohttp's says about `where`."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return fault_text.no_connection(where, error.certificate_error)
        case aiohttp.ClientConnectorSSLError():
            return fault_text.no_handshake(where, error.os_error)
        case aiohttp.ConnectionTimeoutError():
            return fault_text.no_connection_in_time(where, connect_timeout_s)
        case TimeoutError() if is_connected:
            return fault_text.no_response_in_time(where, timeout_s)
        case TimeoutError():
            return fault_text.no_connection_in_time(where, timeout_s)
        case aiohttp.ClientConnectorError():
            return fault_text.no_connection(where, error.os_error)
        case ConnectionLost():
            return _how_lost(error.__cause__, where)
        case aiohttp.ClientPayloadError():
            return _payload_fault(error, where)
        case aiohttp.ClientResponseError():
            return fault_text.no_http(where)
    return fault_text.connection_lost(where)


def _payload_fault(error: aiohttp.ClientPayloadError, where: str) -> SendError:
    # aiohttp says both by one class; only a connection that ended has an error of the transport
    # or one of the two lengths that were not reached behind it.
    cause = error.__cause__
    if cause is None or isinstance(cause, OSError | ContentLengthError | TransferEncodingError):
        return fault_text.broke_off(where)
    return fault_text.badly_framed(where)


def _how_lost(cause: BaseException | None, where: str) -> SendError:
    if isinstance(cause, aiohttp.ServerDisconnectedError):
        if isinstance(cause.message, str):
            return fault_text.closed_silently(where)
        return fault_text.broke_off(where)
    return fault_text.reset_silently(where)
