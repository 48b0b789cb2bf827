"""What to say of TLS that cannot be read, and how its keys can be had."""

from __future__ import annotations

from typing import Final

HOW_TO_GET_KEYS: Final = (
    "It speaks TLS: its calls cannot be seen without the keys of this connection.",
    "Have one of its two ends write them to a file, and name that with --tls-keylog FILE:",
    "  grpc-go   tls.Config{KeyLogWriter: file}, in credentials.NewTLS",
    "  grpc-js   node --tls-keylog=FILE",
    "  curl      SSLKEYLOGFILE=FILE in its environment",
    "  Java      java -javaagent:AGENT.jar=FILE, as jSSLKeyLog and extract-tls-secrets are",
    "  C++       TlsCredentialsOptions: set_tls_session_key_log_file_path",
    "  Python    grpcio writes none: have the other end do it",
    "A pcapng file may hold the keys itself: editcap --inject-secrets tls,FILE",
)
"""A line each."""
