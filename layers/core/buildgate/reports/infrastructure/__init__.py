"""Readers of plans and their cost."""
