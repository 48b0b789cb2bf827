"""TLS of the client: the credentials of a channel, and handshakes that find out what a port speaks.

A handshake sends nothing after the ClientHello and its answer.
"""

from __future__ import annotations

import asyncio
import ssl
from asyncio import StreamWriter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from inspector.client.options import Address, ConnectionOptions, Security
from inspector.errors import RequestError
from inspector.model.call import Status

if TYPE_CHECKING:
    import grpc

_HANDSHAKE_SECONDS: Final = 1.0


async def credentials(
    address: Address, security: Security
) -> tuple[grpc.ChannelCredentials, tuple[tuple[str, str], ...]]:
    """Return the credentials of a channel, and the channel arguments that belong to them.

    grpcio always verifies. For `is_insecure`, the certificate that the service presents is fetched first,
    and then trusted as the only root, under a name that it is valid for.

    Raises:
        RequestError: a file cannot be used.
    """
    import grpc  # noqa: PLC0415 - not loaded before the first call

    check_files(security)
    roots, name = _read(security.roots), security.server_name
    if security.is_insecure:
        presented = await _presented_certificate(address, security)
        if presented is not None:
            roots, name = presented.pem, presented.name or name
    channel_credentials = grpc.ssl_channel_credentials(roots, _read(security.key), _read(security.certificate))
    return channel_credentials, (("grpc.ssl_target_name_override", name),) if name else ()


def check_files(security: Security) -> None:
    """Raise RequestError if a file is missing, is not PEM, or the key does not belong to the certificate."""
    if (security.certificate is None) != (security.key is None):
        raise RequestError("A client certificate and its key go together.", "Give both --cert and --key.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if security.roots is not None:
        _read(security.roots)
        try:
            context.load_verify_locations(security.roots)
        except ssl.SSLError as error:
            raise RequestError(f"{security.roots} contains no certificates.", "--cacert takes a PEM file.") from error
    if security.certificate is not None and security.key is not None:
        for path in (security.certificate, security.key):
            _read(path)
        try:
            context.load_cert_chain(security.certificate, security.key, password=lambda: b"")
        except ssl.SSLError as error:
            pair = f"{security.certificate} and {security.key}"
            hint = "--cert and --key take PEM files: a certificate, and its key without a password."
            raise RequestError(f"{pair} are not a certificate and its key.", hint) from error


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror}.", "TLS files are in PEM.") from error


async def explained(status: Status, address: Address, options: ConnectionOptions) -> Status:
    """Return a status that says so if a call in plaintext failed because the port speaks TLS.

    gRPC itself reports only that the socket was closed.
    """
    could_not_connect = status.message.startswith("failed to connect") and "refused" not in status.message
    if could_not_connect and options.security is None and await speaks_tls(address):
        return status._replace(message="failed to connect: TLS")
    return status


async def speaks_tls(address: Address) -> bool:
    """Return True if the service answers a ClientHello, be it with a TLS alert."""
    try:
        writer = await _handshake(address, _unverified_context(), None)
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")
    except (OSError, TimeoutError):
        return False
    await _close(writer)
    return True


class _Certificate(NamedTuple):
    pem: bytes
    name: str | None
    """A name that it is valid for."""


async def _presented_certificate(address: Address, security: Security) -> _Certificate | None:
    """Return the certificate that a service presents, unverified; None if it presents none."""
    context = _unverified_context()
    if security.certificate is not None:
        context.load_cert_chain(security.certificate, security.key)
    first = await _peer_certificate(address, context, security.server_name)
    if first is None:
        return None
    pem = ssl.DER_cert_to_PEM_cert(first[0])
    # Python parses the fields of verified certificates only, so a second handshake trusts this one.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=pem)
    second = await _peer_certificate(address, context, security.server_name)
    return _Certificate(pem.encode(), None if second is None else _name(second[1]))


async def _peer_certificate(
    address: Address, context: ssl.SSLContext, name: str | None
) -> tuple[bytes, Mapping[str, Any]] | None:
    """Return the certificate in DER, and its fields if the context verifies it."""
    try:
        writer = await _handshake(address, context, name)
    except (OSError, TimeoutError):  # an SSLError is an OSError
        return None
    connection: ssl.SSLObject = writer.get_extra_info("ssl_object")
    der, fields = connection.getpeercert(binary_form=True), connection.getpeercert() or {}
    await _close(writer)
    return None if der is None else (der, fields)


def _name(fields: Mapping[str, Any]) -> str | None:
    """Return a name that a certificate is valid for; a wildcard is replaced by an arbitrary label."""
    common: Iterable[tuple[str, str]] = (pair for part in fields.get("subject", ()) for pair in part)
    names = [value for kind, value in fields.get("subjectAltName", ()) if kind in ("DNS", "IP Address")]
    names += [value for kind, value in common if kind == "commonName"]
    return names[0].replace("*", "any") if names else None


def _unverified_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


async def _handshake(address: Address, context: ssl.SSLContext, name: str | None) -> StreamWriter:
    arguments: dict[str, Any] = {"ssl": context, "server_hostname": name or address.host}
    async with asyncio.timeout(_HANDSHAKE_SECONDS):
        if address.service is None:
            _, writer = await asyncio.open_unix_connection(address.path, **arguments)
        else:
            _, writer = await asyncio.open_connection(*address.service, **arguments)
    return writer


async def _close(writer: StreamWriter) -> None:
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_HANDSHAKE_SECONDS):
            await writer.wait_closed()
