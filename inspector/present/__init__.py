"""What a row or a follow step says, as plain values that both front ends draw."""
