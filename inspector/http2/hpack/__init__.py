"""HPACK (RFC 7541) for captures with holes: tables, recovery and inference."""
