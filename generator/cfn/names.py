"""Names that the generator and the scripts must agree on, written once. Imports nothing: rendering imports it."""

# The roots, by the names of their templates.
SHARED, ACCESS, EDGE, ENVIRONMENT = "shared", "access", "edge", "environment"

# The environment that gets the design's names, and that is deployed by its deploy role alone.
PRODUCTION = "production"
