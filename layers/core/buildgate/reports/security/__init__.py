"""Readers of what security scanners find."""
