"""The one table: every access is one Query or GetItem, every write is conditional on what the writer believed."""
