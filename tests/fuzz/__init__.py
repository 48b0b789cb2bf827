"""A long campaign of damaged and hostile captures against the real command line; `make fuzz`."""
