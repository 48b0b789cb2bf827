"""Frozen values shared by all layers, named as in RFC 9113 and gRPC."""
