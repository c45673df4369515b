"""The resource types that the local AWS knows, one row each, by service family."""

from scripts.local_aws.handlers import basics, delivery, network, runtime, storage
from scripts.local_aws.handlers.row import Row

FAMILIES = (basics, storage, network, runtime, delivery)
ROWS: dict[str, Row] = {row.kind: row for family in FAMILIES for row in family.ROWS}
