"""A small web shop's prices: the sample application that Buildgate builds, judges and releases."""
