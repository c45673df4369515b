"""Where the application's configuration lives, and what the application calls it.

`configuration` makes these values and `backend` hands them to the tasks; the names stand here, once. SSM values
cannot be empty, so a key whose value may be absent stands behind a condition, in both.
"""

from __future__ import annotations

from typing import NamedTuple

from generator.core import ports
from generator.core.ports import Port
from generator.project import Project

JWT_SECRET_KEY, ENCRYPTION_KEY = "JWT_SECRET_KEY", "ENCRYPTION_KEY"


class Key(NamedTuple):
    """One plain value of the application: its environment variable, and the value as a `Fn::Sub` pattern over the
    ports named. `optional` keys are left out while their one port is empty; `logical` names the resource."""

    variable: str
    logical: str
    pattern: str
    takes: tuple[Port, ...] = ()
    optional: bool = False

    @property
    def condition(self) -> str:
        return f"Has{self.logical}"


def keys(project: Project) -> list[Key]:
    """The keys in Parameter Store: those of the design's table, the optional ones, and a name for each table."""

    def of(variable: str, logical: str, port: Port, optional: bool = False) -> Key:
        return Key(variable, logical, f"${{{port.name}}}", (port,), optional)

    return [
        # Anything but production selects development settings in the application, in every deployed environment.
        Key("ENVIRONMENT", "ApplicationMode", "production"),
        of("DEBUG", "DebugSwitch", ports.DEBUG),
        of("LOG_LEVEL", "LogLevelName", ports.LOG_LEVEL),
        Key("YOUR_AWS_REGION", "RegionName", "${AWS::Region}"),
        of("FRONTEND_URL", "FrontendAddress", ports.PUBLIC_URL),
        # The application parses a JSON array; a plain address makes the process exit at start.
        Key("CORS_ORIGINS", "AllowedOrigins", f'["${{{ports.PUBLIC_URL.name}}}"]', (ports.PUBLIC_URL,)),
        of("DYNAMODB_TABLE_PREFIX", "TablePrefixName", ports.TABLE_PREFIX),
        of("METRICS_COLLECTION_INTERVAL", "MetricsInterval", ports.METRICS_INTERVAL),
        of("SES_SENDER_EMAIL", "Sender", ports.SENDER_EMAIL, optional=True),
        of("REDIS_URL", "Redis", ports.REDIS_URL, optional=True),
        *(of(table.variable, f"{table.logical}Name", ports.table_name(table.logical)) for table in project.tables),
    ]
