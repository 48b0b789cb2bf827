"""HPACK (RFC 7541) for captures that miss bytes: tables, recovery and inference."""
