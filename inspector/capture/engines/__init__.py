"""Capture engines: tcpdump, dumpcap, and the tap."""
