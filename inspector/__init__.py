"""grpc-inspector: sends gRPC calls and shows the HTTP/2 frames that carried them."""

__version__ = "0.1.0"
