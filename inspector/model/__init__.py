"""Frozen values: what a packet, a frame, a message and a connection are, in the words of RFC 9113 and gRPC."""
