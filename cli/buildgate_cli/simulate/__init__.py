"""Tries pipelines against seeded bad days: our functions, machines and template, unchanged, on an in-memory AWS."""
