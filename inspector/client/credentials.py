"""What a TLS channel trusts and shows: PEM files, read and checked before gRPC sees them.

gRPC takes a broken certificate or key without a word and fails at the connection; so OpenSSL looks at them first.
"""

from __future__ import annotations

import ssl
from pathlib import Path

import grpc

from inspector.client.address import Address
from inspector.client.options import Security
from inspector.client.tls import shown_certificate
from inspector.errors import RequestError


async def credentials(
    address: Address, security: Security
) -> tuple[grpc.ChannelCredentials, tuple[tuple[str, str], ...]]:
    """The channel's credentials, and the channel arguments that go with them.

    grpcio verifies always. Where a person asks it not to, the certificate that the service shows is fetched first and
    just that one is trusted, under a name that it bears. Raises RequestError for a file that cannot be used.
    """
    check_files(security)
    roots, name = _read(security.roots), security.server_name
    if not security.is_verified:
        shown = await shown_certificate(address, security)
        if shown is not None:
            roots, name = shown.pem, shown.name or name
    trusted = grpc.ssl_channel_credentials(roots, _read(security.key), _read(security.certificate))
    return trusted, (("grpc.ssl_target_name_override", name),) if name else ()


def check_files(security: Security) -> None:
    """Raises RequestError when a file is missing, is no PEM, or the key is not that of the certificate."""
    if (security.certificate is None) != (security.key is None):
        raise RequestError("A client's certificate and its key go together.", "Give both --cert and --key.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if security.roots is not None:
        _read(security.roots)
        try:
            context.load_verify_locations(security.roots)
        except ssl.SSLError as error:
            raise RequestError(f"{security.roots} holds no certificates.", "--cacert takes a PEM file.") from error
    if security.certificate is not None and security.key is not None:
        for path in (security.certificate, security.key):
            _read(path)
        try:
            context.load_cert_chain(security.certificate, security.key, password=lambda: b"")
        except ssl.SSLError as error:
            pair = f"{security.certificate} and {security.key}"
            hint = "--cert and --key take PEM files; the key is the one of that certificate, without a password."
            raise RequestError(f"{pair} are no certificate and its key.", hint) from error


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror}.", "TLS files are in PEM.") from error
