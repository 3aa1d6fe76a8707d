"""What the layers are built for: the same runtime and processor as `Globals.Function` in template.yaml."""

PYTHON = "3.13"
CACHE_TAG = "cpython-313"
PLATFORM = "aarch64-manylinux2014"
MACHINE = "aarch64"
MOUNTED_AT = "/opt/python"
"""Where Lambda puts a layer's `python` folder: tracebacks name files there."""
