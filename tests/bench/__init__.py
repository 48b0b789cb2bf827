"""Benchmarks: figures side by side with tshark's own, in one run. Started by `make bench`, never by the tests."""
