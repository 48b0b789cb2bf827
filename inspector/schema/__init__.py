"""Services and message types, JSON to protobuf and back, and decoding without a schema."""
