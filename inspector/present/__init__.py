"""Turns the store into rows, lines and exports, as plain values that both front ends draw."""
