"""Readers of linters and analysers."""
