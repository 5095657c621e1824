"""What went wrong on the way, in sentences that a person can act on; every adapter uses them.

Words live here and nothing is sent. No sentence holds a class name of Python's, a number of the
operating system's, or more of the URL than host and port.
"""

from __future__ import annotations

import os
import ssl

from onhook.egress.port import Fault, SendError


def no_connection(where: str, error: OSError) -> SendError:
    """TCP or TLS did not come about."""
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = error.verify_message.rstrip(".")
        return _fault(Fault.TLS, f"the TLS certificate of {where} is not trusted: {reason}")
    if isinstance(error, ssl.SSLError):
        return no_handshake(where, error)
    return _fault(Fault.CONNECT, f"no connection to {where}: {_os_reason(error)}")


def no_handshake(where: str, error: OSError) -> SendError:
    """The peer answered, but not in TLS."""
    reason = "the peer does not speak TLS"
    if isinstance(error, ssl.SSLError) and error.reason:
        reason = error.reason.replace("_", " ").lower()
    elif isinstance(error, ConnectionError):
        reason = "the peer closed the connection"
    return _fault(Fault.TLS, f"the TLS handshake with {where} failed: {reason}")


def no_connection_in_time(where: str, timeout_s: float) -> SendError:
    return _fault(Fault.TIMEOUT, f"no connection to {where} within {timeout_s:g} s")


def no_response_in_time(where: str, timeout_s: float) -> SendError:
    return _fault(Fault.TIMEOUT, f"no response from {where} within {timeout_s:g} s")


def no_end_in_time(where: str, timeout_s: float) -> SendError:
    return _fault(
        Fault.TIMEOUT,
        f"the body of the response from {where} did not end within {timeout_s:g} s",
    )


def no_more_in_time(where: str, read_timeout_s: float) -> SendError:
    return _fault(
        Fault.TIMEOUT,
        f"{where} fell silent for {read_timeout_s:g} s in the middle of its response",
    )


def closed_silently(where: str) -> SendError:
    return _fault(Fault.RESET, f"{where} closed the connection without a response")


def reset_silently(where: str) -> SendError:
    return _fault(Fault.RESET, f"{where} reset the connection before a response came")


def broke_off(where: str) -> SendError:
    return _fault(Fault.RESET, f"{where} closed the connection in the middle of its response")


def connection_lost(where: str) -> SendError:
    return _fault(Fault.RESET, f"the connection to {where} was lost")


def no_http(where: str) -> SendError:
    return _fault(Fault.PROTOCOL, f"what {where} sent is no HTTP response")


def badly_framed(where: str) -> SendError:
    return _fault(
        Fault.PROTOCOL, f"the body of the response from {where} is not framed as HTTP asks"
    )


def proxy_refused(proxy: str, where: str, status: int) -> SendError:
    way_out = "; check the user and password in its URL" if status == 407 else ""
    return _fault(
        Fault.CONNECT,
        f"the proxy {proxy} refused a connection to {where}: status {status}{way_out}",
    )


def proxy_no_http(proxy: str) -> SendError:
    return _fault(Fault.CONNECT, f"what the proxy {proxy} sent is no HTTP response")


def no_certificate(file: str, error: OSError) -> SendError:
    """A file of our own side's that TLS needs."""
    if not isinstance(error, ssl.SSLError):
        reason = _os_reason(error)
    elif error.reason == "KEY_VALUES_MISMATCH":
        reason = "the key is another certificate's"
    else:
        reason = "it holds no PEM that can be read without a password"
    return _fault(Fault.TLS, f"the certificate file {file} cannot be used: {reason}")


def _fault(fault: Fault, message: str) -> SendError:
    return SendError(fault, message, 0.0)


def _os_reason(error: OSError) -> str:
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return "none of its addresses answers"
