"""checkov, inside its own environment. Its library for paths makes the tables of one and the same parser anew for each
of hundreds of expressions, which is most of its time: here they are made once."""

import sys
from typing import Any

import ply.yacc

build, created = ply.yacc.yacc, dict[Any, Any]()


def once(*, module: Any, start: str, **more: Any) -> Any:
    key = (type(module), start)
    if key not in created:
        created[key] = build(module=module, start=start, **more)
    return created[key]


ply.yacc.yacc = once

from checkov.main import Checkov  # noqa: E402

sys.exit(Checkov().run())
