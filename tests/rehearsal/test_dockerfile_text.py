"""A Dockerfile as text: its instructions with their lines, flags and here-documents, and their words."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from scripts.rehearsal.builds.dockerfile import DockerfileError, Instruction, exec_form, read, words


def own(
    name: str, text: str, line: int, flags: Mapping[str, str] | None = None, documents: Mapping[str, str] | None = None
) -> Instruction:
    """An instruction, most of which have neither flags nor here-documents."""
    return Instruction(name, text, line, flags or {}, documents or {})


@pytest.mark.parametrize(
    ("text", "instructions"),
    [
        ("", []),
        ("\n# words\n  # more\n", []),
        ("\\\n", []),
        ("FROM a\n\nRUN b", [own("FROM", "a", 1), own("RUN", "b", 3)]),
        ("from a\nRun\tb  c \nCMD", [own("FROM", "a", 1), own("RUN", "b  c", 2), own("CMD", "", 3)]),
        ("RUN a \\\n  b\\\n# words\n\n  c\nRUN d", [own("RUN", "a   b  c", 1), own("RUN", "d", 6)]),
        ("RUN a \\ \t\nb\n", [own("RUN", "a b", 1)]),
        ("RUN a \\", [own("RUN", "a", 1)]),
        ("# escape=`\nRUN a `\nb \\\nRUN c", [own("RUN", "a b \\", 2), own("RUN", "c", 4)]),
        ("# syntax=docker/dockerfile:1\n#  Escape = ` \nRUN a `\nb", [own("RUN", "a b", 3)]),
        # A directive comes before everything else.
        ("# words\n# escape=`\nRUN a `\nRUN b", [own("RUN", "a `", 3), own("RUN", "b", 4)]),
        ("\n# escape=`\nRUN a `\nRUN b", [own("RUN", "a `", 3), own("RUN", "b", 4)]),
        ("COPY --from=a --link  b c", [own("COPY", "b c", 1, {"from": "a", "link": ""})]),
        ("RUN --mount=a --mount=b x --not", [own("RUN", "x --not", 1, {"mount": "a b"})]),
        ("RUN --network=", [own("RUN", "", 1, {"network": ""})]),
        ("RUN <<EOF\na\n\n# b\nEOF\nCMD c",
         [own("RUN", "<<EOF", 1, {}, {"EOF": "a\n\n# b\n"}), own("CMD", "c", 6)]),
        ("COPY <<-\"A B\" x\nCMD c", [own("COPY", "<<-\"A B\" x", 1), own("CMD", "c", 2)]),
        ("COPY --chmod=755 <<-A <<'B.1' /x/\n\ta\n\tA\n\tb\nB.1",
         [own("COPY", "<<-A <<'B.1' /x/", 1, {"chmod": "755"}, {"A": "a\n", "B.1": "\tb\n"})]),
        ("RUN 3<<EOF cat; x<<EOF\na\nEOF", [own("RUN", "3<<EOF cat; x<<EOF", 1, {}, {"EOF": "a\n"})]),
        ("RUN cat <<EOF>x\na\nEOF", [own("RUN", "cat <<EOF>x", 1, {}, {"EOF": "a\n"})]),
        ("CMD <<EOF\nRUN a", [own("CMD", "<<EOF", 1), own("RUN", "a", 2)]),
    ],
)  # fmt: skip
def test_the_instructions_of_a_dockerfile(text: str, instructions: list[Instruction]) -> None:
    assert read(text) == instructions


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("FROM a\nCOPYY b", "line 2: unknown instruction: COPYY"),
        ("FROM a\n\nRUN <<EOF\na\nEOFX\n EOF", "line 3: the here-document EOF has no end"),
        ("RUN <<EOF\n\tEOF", "line 1: the here-document EOF has no end"),
    ],
)
def test_what_is_no_dockerfile_is_named_by_its_line(text: str, problem: str) -> None:
    with pytest.raises(DockerfileError) as failed:
        read(text)
    assert str(failed.value) == problem


VARIABLES = {"name": "bar", "empty": "", "words": "two words"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  a\tb\n c ", ["a", "b", "c"]),
        ("'a b' \"c d\" e'f'\"g\"", ["a b", "c d", "efg"]),
        ("'' a", ["", "a"]),
        ("'a\\b' \"a\\\"b\" a\\'b", ["a\\b", 'a"b', "a'b"]),
        ("a\\", ["a\\"]),
        ('"it\'s" \'say "x"\'', ["it's", 'say "x"']),
        ("'open it", ["open it"]),
        ("$name ${name}s $names $name.x", ["bar", "bars", "", "bar.x"]),
        ("'$name' \"$name\" \\$name", ["$name", "bar", "$name"]),
        ("$words", ["two words"]),
        ("$1 $ ${ ${1} ${name", ["$1", "$", "${", "${1}", "${name"]),
        ("${gone:-x} ${empty:-x} ${name:-x}", ["x", "x", "bar"]),
        ("${gone-x} ${empty-x} ${name-x}", ["x", "", "bar"]),
        ("a${gone:+x} a${empty:+x} a${name:+x}", ["a", "a", "ax"]),
        ("a${gone+x} a${empty+x} a${name+x}", ["a", "ax", "ax"]),
        ("${gone:?x} ${name:?x}", ["x", "bar"]),
        ("${gone:-$name} ${gone:-'$name'} ${gone:-a b}", ["bar", "$name", "a b"]),
        ("a${gone}b$gone", ["ab"]),
    ],
)
def test_words_are_those_of_the_reference(text: str, expected: list[str]) -> None:
    assert words(text, VARIABLES) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('["a", "b c"]', ["a", "b c"]),
        ("[]", []),
        ("['a']", None),
        ('["a", 1]', None),
        ('{"a": "b"}', None),
        ('"a"', None),
        ("a b", None),
    ],
)
def test_a_list_of_texts_is_no_line_of_a_shell(text: str, expected: list[str] | None) -> None:
    assert exec_form(text) == expected
