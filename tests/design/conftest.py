"""The templates that the proofs look at."""

import pytest

from generator.cfn.templates import TemplateSet, load
from tests.support.design import ROOT


@pytest.fixture(scope="session")
def templates() -> TemplateSet:
    """The rendered templates, loaded once; a proof never changes them."""
    return load(ROOT / "templates")
