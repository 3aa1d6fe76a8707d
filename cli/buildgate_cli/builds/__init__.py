"""Builds from the command line: start them, watch many at once, read their logs, compare them."""
