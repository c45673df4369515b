"""Texts from outside in which every character can be seen. Standard library only."""

import re

# What a screen obeys, hides or turns round: controls (Unicode categories Cc, Zl, Zp), what sets the direction of text
# (Unicode Standard Annex 9), what a reader is not shown (Default_Ignorable_Code_Point in Unicode 16,
# DerivedCoreProperties.txt: soft hyphen, fillers, variation selectors, tags), and what frames other text (interlinear
# annotations, controls of hieroglyphs).
UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)


def visible(text: str) -> str:
    """A text in which every character can be seen: what a terminal would obey is spelled out, as `\\x1b` or `\\n`.
    What is no Unicode at all (a file name in another encoding) becomes a replacement character."""
    spelled = UNSEEN.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
    return spelled.encode("utf-8", "replace").decode()
