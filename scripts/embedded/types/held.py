"""What moto cannot hold, type by type, with what is kept instead. Whatever is not named here and is not read back as
it was asked for fails its resource."""

from collections.abc import Mapping

Exceptions = Mapping[str, Mapping[str, str]]

# Properties that are not sent: moto refuses them or has no place for them. The stack alone remembers them.
WITHHELD: Exceptions = {}

# Properties that are sent and accepted, and that moto does not show again or shows otherwise.
NOT_SHOWN: Exceptions = {}
