"""Every character of a text from outside can be seen, and no other text is changed."""

from __future__ import annotations

import unicodedata

import pytest

from generator.cfn.visible import visible

# The first and the last of each range that a screen obeys, hides or turns round.
HIDDEN = (
    "\x00\x07\x1b\x1f\x7f\x80\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b\u180f\u200b\u200f\u2028\u2029\u202a"
    "\u202e\u2060\u2066\u206f\u3164\ufe00\ufe0f\ufeff\uffa0\ufff0\ufffb\U00013430\U0001345f\U0001bca0\U0001bca3"
    "\U0001d173\U0001d17a\U000e0000\U000e0041\U000e0fff"
)


@pytest.mark.parametrize("character", HIDDEN, ids=lambda each: f"U+{ord(each):04X}")
def test_what_cannot_be_seen_is_spelled_out(character: str) -> None:
    spelled = visible(f"a{character}b")
    assert spelled == f"a{character.encode('unicode_escape').decode()}b" and spelled.isascii()


def test_lines_and_tabs_are_spelled_as_they_are_typed() -> None:
    assert visible("a\nb\tc\rd\x1b[2J") == r"a\nb\tc\rd\x1b[2J"


def test_whatever_is_a_control_or_a_format_character_is_one_of_them() -> None:
    """Unicode's categories, but for marks of numbers and signs that show as something."""
    unseen = [
        chr(number)
        for number in range(0x3000)  # there are none behind
        if unicodedata.category(chr(number)) in ("Cc", "Zl", "Zp") and visible(chr(number)) == chr(number)
    ]
    assert unseen == []


@pytest.mark.parametrize("text", ["plain", "größer", "日本語", "e\u0301", "a b", "👍", "\u0600", "\\x1b"])
def test_what_can_be_seen_stays(text: str) -> None:
    assert visible(text) == text


def test_what_is_no_unicode_becomes_a_mark() -> None:
    assert visible("a\udcffb") == "a?b"
