"""Says hello in TLS to an address: whether it speaks that, and which certificate it shows. Sends nothing else."""

from __future__ import annotations

import asyncio
import ssl
from asyncio import StreamWriter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from inspector.client.options import Address, ConnectionOptions, Security
from inspector.model.call import Status

_PATIENCE: Final = 1.0
"""Seconds that the port has to answer."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a service shows of itself."""

    pem: bytes
    name: str | None
    """A name that it is valid for."""


async def speaks_tls(address: Address) -> bool:
    """True when the service answers a TLS hello, with whatever certificate or refusal."""
    try:
        writer = await _hello(address, _trusting_all(), None)
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")
    except (OSError, TimeoutError):
        return False
    await _close(writer)
    return True


async def examined(status: Status, address: Address, options: ConnectionOptions) -> Status:
    """A plaintext caller whom a TLS port turns away learns only that the socket closed: ask the port."""
    turned_away = status.message.startswith("failed to connect") and "refused" not in status.message
    if turned_away and options.security is None and await speaks_tls(address):
        return status._replace(message="failed to connect: TLS")
    return status


async def shown_certificate(address: Address, security: Security) -> Certificate | None:
    """The certificate that a service shows, unverified, and a name that it bears; None where it shows none."""
    context = _trusting_all()
    if security.certificate is not None:
        context.load_cert_chain(security.certificate, security.key)
    shown = await _shown(address, context, security.server_name)
    if shown is None:
        return None
    pem = ssl.DER_cert_to_PEM_cert(shown[0])
    # Python reads the fields of no certificate that it has not verified: trust it, and ask again.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=pem)
    again = await _shown(address, context, security.server_name)
    return Certificate(pem.encode(), None if again is None else _name(again[1]))


async def _shown(address: Address, context: ssl.SSLContext, name: str | None) -> tuple[bytes, Mapping[str, Any]] | None:
    try:
        writer = await _hello(address, context, name)
    except (OSError, TimeoutError):  # an SSLError is an OSError
        return None
    connection: ssl.SSLObject = writer.get_extra_info("ssl_object")
    der, fields = connection.getpeercert(binary_form=True), connection.getpeercert() or {}
    await _close(writer)
    return None if der is None else (der, fields)


def _name(fields: Mapping[str, Any]) -> str | None:
    """The first of the names that a certificate is for; what a wildcard stands for does not matter."""
    common: Iterable[tuple[str, str]] = (pair for part in fields.get("subject", ()) for pair in part)
    names = [value for kind, value in fields.get("subjectAltName", ()) if kind in ("DNS", "IP Address")]
    names += [value for kind, value in common if kind == "commonName"]
    return names[0].replace("*", "any") if names else None


def _trusting_all() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


async def _hello(address: Address, context: ssl.SSLContext, name: str | None) -> StreamWriter:
    how: dict[str, Any] = {"ssl": context, "server_hostname": name or address.host}
    async with asyncio.timeout(_PATIENCE):
        if address.service is None:
            _, writer = await asyncio.open_unix_connection(address.path, **how)
        else:
            _, writer = await asyncio.open_connection(*address.service, **how)
    return writer


async def _close(writer: StreamWriter) -> None:
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            await writer.wait_closed()
