"""Readers of policy and compliance checks."""
