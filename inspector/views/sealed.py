"""What to say of TLS that cannot be read, and how its keys can be had."""

from __future__ import annotations

from typing import Final

HOW_TO_GET_KEYS: Final = (
    "It speaks TLS: its calls cannot be seen without the keys of this connection.",
    "One of its two ends has to write them, and --tls-keylog FILE reads them, also while they are written:",
    "  grpc-go      tls.Config{KeyLogWriter: file} in credentials.NewTLS",
    "  grpc-js      node --tls-keylog=FILE",
    "  curl         SSLKEYLOGFILE=FILE",
    "  Java         an agent such as jSSLKeyLog or extract-tls-secrets: -javaagent:AGENT.jar=FILE",
    "  C++          TlsChannelCredentialsOptions::set_tls_session_key_log_file_path",
    "  Python       grpcio has no way; put the tap, or a service without TLS, in its place",
)
"""A line each."""
