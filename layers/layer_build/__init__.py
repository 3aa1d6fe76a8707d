"""Builds the two Lambda layers on any machine with Python 3.11 and uv, whatever its processor and Python.

`python -m layer_build deps|core FOLDER` is what `sam build` runs through the layers' makefiles. Standard library only: it
must run before anything is installed.
"""
