"""What aiohttp's errors mean: a fault and a sentence that a person can act on.

Translation lives here and nothing is sent: no session, no rules. No sentence holds a class name
of Python's, nor more of the URL than host and port.
"""

from __future__ import annotations

import os
import ssl

import aiohttp
from aiohttp.http_exceptions import ContentLengthError, TransferEncodingError

from onhook.egress.port import Fault


class ConnectionLost(aiohttp.ClientError):
    """The connection ended before a response came.

    A class of our own, because aiohttp sends a GET, PUT or DELETE again when it sees one of its
    own here, whether the connection was fresh or not.
    """


def describe(
    error: Exception, where: str, *, is_connected: bool, timeout_s: float, connect_timeout_s: float
) -> tuple[Fault, str]:
    """The fault that an error of aiohttp's stands for, and what happened at `where`."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            reason = _certificate_reason(error.certificate_error)
            said = Fault.TLS, f"the TLS certificate of {where} is not trusted: {reason}"
        case aiohttp.ClientConnectorSSLError():
            reason = _tls_reason(error.os_error)
            said = Fault.TLS, f"the TLS handshake with {where} failed: {reason}"
        case aiohttp.ConnectionTimeoutError():
            said = Fault.TIMEOUT, f"no connection to {where} within {connect_timeout_s:g} s"
        case TimeoutError():
            what = f"response from {where}" if is_connected else f"connection to {where}"
            said = Fault.TIMEOUT, f"no {what} within {timeout_s:g} s"
        case aiohttp.ClientConnectorError():
            said = Fault.CONNECT, f"no connection to {where}: {_os_reason(error.os_error)}"
        case ConnectionLost():
            said = Fault.RESET, _how_lost(error.__cause__, where)
        case aiohttp.ClientPayloadError():
            said = _payload_fault(error, where)
        case aiohttp.ClientResponseError():
            said = Fault.PROTOCOL, f"what {where} sent is no HTTP response"
        case _:
            said = Fault.RESET, f"the connection to {where} was lost"
    return said


def body_timeout(where: str, timeout_s: float) -> str:
    return f"the body of the response from {where} did not end within {timeout_s:g} s"


def _payload_fault(error: aiohttp.ClientPayloadError, where: str) -> tuple[Fault, str]:
    # aiohttp says both by one class; only a connection that ended has an error of the transport
    # or one of the two lengths that were not reached behind it.
    cause = error.__cause__
    if cause is None or isinstance(cause, OSError | ContentLengthError | TransferEncodingError):
        return Fault.RESET, f"{where} closed the connection in the middle of its response"
    return Fault.PROTOCOL, f"the body of the response from {where} is not framed as HTTP asks"


def _how_lost(cause: BaseException | None, where: str) -> str:
    if isinstance(cause, aiohttp.ServerDisconnectedError):
        if isinstance(cause.message, str):
            return f"{where} closed the connection without a response"
        return f"{where} closed the connection in the middle of its response"
    return f"{where} reset the connection before a response came"


def _certificate_reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message.rstrip(".")
    return "it does not match the host"


def _tls_reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return "the peer does not speak TLS"


def _os_reason(error: OSError) -> str:
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return "none of its addresses answers"
