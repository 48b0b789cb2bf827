"""Sans-IO: frames in, events out. No sockets, clock, logging, threads or tshark here."""
