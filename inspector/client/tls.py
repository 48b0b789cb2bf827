"""Finds out whether a port speaks TLS, by saying hello to it."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from typing import Final

_PATIENCE: Final = 1.0
"""Seconds that the port has to answer."""


async def speaks_tls(host: str, port: int) -> bool:
    """True when the port answers a TLS hello, with whatever certificate or refusal. Sends nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        async with asyncio.timeout(_PATIENCE):
            _reader, writer = await asyncio.open_connection(host, port, ssl=context)
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")
    except (OSError, TimeoutError):
        return False
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            await writer.wait_closed()
    return True
