"""From the wire to packets: capture engines, the spool, and tshark."""
