"""The resource types that the embedded AWS knows, one row each, by service family."""

from scripts.embedded.types import basics, delivery, network, storage
from scripts.embedded.types.row import Row

ROWS: dict[str, Row] = {row.kind: row for row in (*basics.ROWS, *storage.ROWS, *network.ROWS, *delivery.ROWS)}
