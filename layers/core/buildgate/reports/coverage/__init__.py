"""Readers of code coverage."""
