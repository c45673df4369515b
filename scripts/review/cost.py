"""What an environment of a revision costs in a month."""

from functools import lru_cache

from generator.cfn import environments
from generator.cfn.environments import Environment
from scripts.cost import stacks
from scripts.costs.estimate import PriceMissingError, estimate
from scripts.review.revision import Revision

REGION = "us-east-1"


@lru_cache(32)
def cost(name: str, revision: Revision) -> tuple[tuple[float, float] | None, str]:
    """US dollars a month at low and high usage, or None and why they are not known."""
    roots = {
        root: Environment(name, template, revision.files[name])
        for root, template in environments.roots_of(name, revision.templates).items()
    }
    try:
        total = estimate(name, list(stacks(roots, REGION))).total()
    except PriceMissingError as error:
        return None, str(error)
    return (round(total.low, 2), round(total.high, 2)), ""
