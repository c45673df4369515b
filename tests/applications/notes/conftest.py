"""Keeps the tests of this repository out of the application: its files belong to its own build."""

collect_ignore_glob = ["*"]
