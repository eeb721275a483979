"""Benchmarks that anybody can repeat."""
