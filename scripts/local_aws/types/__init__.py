"""The resource types that the local AWS knows, one row each, by service family."""

from scripts.local_aws.types import basics, beanstalk, delivery, network, runtime, storage
from scripts.local_aws.types.row import Row

FAMILIES = (basics, storage, network, runtime, beanstalk, delivery)
ROWS: dict[str, Row] = {row.kind: row for family in FAMILIES for row in family.ROWS}
