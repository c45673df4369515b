"""What stands on this machine is reached without the proxy that is meant for the network."""

import os
import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # it takes as long to import as all of `delivery --help`
    import urllib.request

HOSTS = ("localhost", "127.0.0.1", "::1")


def urlopen(request: "str | urllib.request.Request", timeout: float) -> Any:
    """`urllib.request.urlopen` for an address on this machine: whatever `http_proxy` says, nobody stands between.
    `timeout` in seconds. Raises what urllib raises."""
    return _opener().open(request, timeout=timeout)


@cache
def _opener() -> "urllib.request.OpenerDirector":
    import urllib.request

    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def without_proxy() -> None:
    """Tells this process and the ones that it starts (builds, boto3, curl, npm) to reach this machine directly, in
    the variable that they all read. A proxy for everything else stays."""
    # Programs read one spelling or the other; what stands in either is meant. Some take spaces between the hosts.
    named = ",".join(os.environ.get(name, "") for name in ("no_proxy", "NO_PROXY"))
    hosts = list(dict.fromkeys([*re.split(r"[,\s]+", named), *HOSTS]))
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = "*" if "*" in hosts else ",".join(filter(None, hosts))
