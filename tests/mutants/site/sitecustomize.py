"""Measures every Python process that a measured test starts. A server serves many tests of a file and can name none."""

import importlib
import os
import sys

if "MUTANTS_RC" in os.environ:
    serves = "tests.prepared" in sys.orig_argv or "serve" in sys.orig_argv
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    os.environ["MUTANTS_CONTEXT"] = test.partition("::")[0] if serves else test
    os.environ["COVERAGE_PROCESS_START"] = os.environ["MUTANTS_RC"]
    importlib.import_module("coverage").process_startup()
