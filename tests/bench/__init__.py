"""Benchmarks: reported side by side with peers, never gating."""
