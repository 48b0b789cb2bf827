"""Everything that drives tshark and sharkd: processes, fields, packets, ingest."""
