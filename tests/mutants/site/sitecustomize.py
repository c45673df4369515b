"""Measures every Python process that a measured test starts. A server serves many tests of a file and can name none."""

import importlib
import os
import sys

if "COV_MUTANTS" in os.environ:
    serves = "tests.prepared" in sys.orig_argv or "serve" in sys.orig_argv
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    os.environ["COV_MUTANTS_CONTEXT"] = os.environ["COV_MUTANTS_FILE"] if serves else test
    os.environ["COVERAGE_PROCESS_START"] = os.environ["COV_MUTANTS"]
    importlib.import_module("coverage").process_startup()
