"""Texts from outside as Markdown: in a code span that they cannot end, or with nothing in them that is markup."""

import re

from generator.cfn.visible import visible

SPECIAL = re.compile(r"([\\`*_\[\]<>|~&$])")
# The first parts of an ARN, which a reader copies: nothing is put into them.
FIELD = r"(?:[a-z0-9-]|\\\$\{AWS::[A-Za-z]+\}|\\\*)*"
ARN = rf"arn:(?:aws[a-z-]*|\\\$\{{AWS::Partition\}}):{FIELD}:{FIELD}:{FIELD}:"
# What a host makes a picture or a link of after it has read the Markdown: `:name:`, `#1`. Of numbers there are pictures
# of these two; others are lines of files.
NAMED = re.compile(rf"({ARN})|:(?=(?:100|1234|[a-z0-9_\\+-]*[a-z_+-][a-z0-9_\\+-]*):)|#(?=\d)")


def escaped(text: str) -> str:
    """Text in which nothing is markup: no emphasis, link, image, mention or HTML."""
    plain = SPECIAL.sub(r"\\\1", visible(text))
    plain = NAMED.sub(lambda match: match[1] or f"{match[0]}\u200b", plain)
    return plain.replace("@", "@\u200b").replace("://", ":&#47;/").replace("www.", "www&#46;")


def code(text: str) -> str:
    """A value as it stands, in a code span that it cannot end."""
    body = visible(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", body)), default=0))
    pad = " " if body[:1] == "`" or body[-1:] == "`" or not body.strip() else ""
    return f"{fence}{pad}{body}{pad}{fence}"
