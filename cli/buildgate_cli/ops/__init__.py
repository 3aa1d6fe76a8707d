"""Operating an installation: what is wrong with it, and trying again what was given up."""
