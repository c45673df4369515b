"""Texts from outside as Markdown: in a code span that they cannot end, or with nothing in them that is markup."""

import re

from generator.cfn.visible import visible

SPECIAL = re.compile(r"([\\`*_\[\]<>|~&$])")
# What a host makes a picture or a link of after it has read the Markdown: `:name:`, `#1`.
NAMED = re.compile(r":(?=[a-z0-9_\\+-]+:)|#(?=\d)")


def escaped(text: str) -> str:
    """Text in which nothing is markup: no emphasis, link, image, mention or HTML."""
    plain = SPECIAL.sub(r"\\\1", visible(text))
    plain = NAMED.sub("\\g<0>\u200b", plain)
    return plain.replace("@", "@\u200b").replace("://", ":&#47;/").replace("www.", "www&#46;")


def code(text: str) -> str:
    """A value as it stands, in a code span that it cannot end."""
    body = visible(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", body)), default=0))
    pad = " " if body[:1] == "`" or body[-1:] == "`" or not body.strip() else ""
    return f"{fence}{pad}{body}{pad}{fence}"
