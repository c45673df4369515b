"""What our code reads and writes as text has its encoding named, also while the tests of this folder run."""

from __future__ import annotations

from tests.support.encodings import forbid_unnamed

forbid_unnamed()
