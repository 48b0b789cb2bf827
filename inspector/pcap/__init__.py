"""Capture records: pcap and pcapng, read, cut, commented and exported."""
