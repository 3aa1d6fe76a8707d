"""Buildgate: what every function shares.

In Lambda the layer of packages carries the regular expressions of a start already compiled; taking them comes before
anything asks for one. Elsewhere there is no such module, and `re` compiles them as ever.
"""

import contextlib

with contextlib.suppress(ImportError):
    import compiled_patterns  # type: ignore[import-not-found] # noqa: F401 - written when the layer is built
