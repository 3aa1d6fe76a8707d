"""Readers of bills of materials."""
