# ruff: noqa
# fmt: off
# mypy: ignore-errors
"""Old code that nobody dares to touch: it compiles, and flake8 has findings in it."""
import os, json
import sys

def monthly( costs ):
  total=0
  for cost in costs :
      total+=cost
  unused = json.dumps(costs)
  return total
