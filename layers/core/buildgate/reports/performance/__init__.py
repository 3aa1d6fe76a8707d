"""Readers of load tests."""
