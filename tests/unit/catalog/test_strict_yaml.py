from __future__ import annotations

import contextlib
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.catalog.strict_yaml import Document, FaultsError, parse, parse_all, validate
from agent.catalog.validation import Written
from agent.model.fault import Fault


def faults_of(text: str | bytes) -> tuple[Fault, ...]:
    with pytest.raises(FaultsError) as caught:
        parse(text, file="f.yaml")
    return caught.value.faults


def lines_of(text: str | bytes) -> list[str]:
    return [str(fault) for fault in faults_of(text)]


def test_reads_the_core_scalars_and_nothing_cleverer() -> None:
    text = """
yes: no
on: off
true: TRUE
int: -12
octal: 0o17
hex: 0x1F
float: 1.5e3
zero: 0
null_one: ~
nothing:
quoted: "22:00"
single: '010'
date: 2026-11-21
time: 2026-11-21T22:00:00Z
version: 1.2.3
underscore: 1_000
expression: =entity.name
equals: =
200: ok
"""
    assert parse(text, file="f.yaml").data == {
        "yes": "no",
        "on": "off",
        "true": True,
        "int": -12,
        "octal": 15,
        "hex": 31,
        "float": 1500.0,
        "zero": 0,
        "null_one": None,
        "nothing": None,
        "quoted": "22:00",
        "single": "010",
        "date": "2026-11-21",
        "time": "2026-11-21T22:00:00Z",
        "version": "1.2.3",
        "underscore": "1_000",
        "expression": "=entity.name",
        "equals": "=",
        "200": "ok",
    }


def test_marks_values_and_keys_and_falls_back_to_the_nearest_parent() -> None:
    document = parse("# top\nsteps:\n  - use: a\n  - {use: b,\n     with: {x: 1}}\n", file="f.yaml")
    assert document.mark(()) == (2, 1)
    assert document.mark(("steps",)) == (3, 3)
    assert document.mark(("steps",), key=True) == (2, 1)
    assert document.mark(("steps", 1, "with", "x")) == (5, 16)
    assert document.mark(("steps", 1, "with", "x"), key=True) == (5, 13)
    assert document.mark(("steps", 0, "without"), key=True) == (3, 5)
    assert document.mark(("nothing", "here")) == (2, 1)


def test_columns_count_characters_not_bytes() -> None:
    assert faults_of("ключ: {a: 1, a: 2}\n")[0].column == 14


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x 1", '1:4: HS108 anchor "&x" is not allowed (remove it)'),
        ("a: *x", '1:4: HS108 alias "*x" is not allowed (write it out)'),
        ("b: 1\n<<: {a: 1}", '2:1: HS109 merge key "<<" is not allowed (write the keys out)'),
        (
            "a: 1\nb: 2\na: 3",
            '3:1: HS110 duplicate key "a" (the first is at 1:1; keep one of them)',
        ),
        (
            "a: !!str 5",
            '1:4: HS111 tag "tag:yaml.org,2002:str" is not allowed'
            " (remove it; quote the value if it has to be text)",
        ),
        (
            "a: !!python/object/apply:os.system [ls]",
            '1:4: HS111 tag "tag:yaml.org,2002:python/object/apply:os.system" is not allowed'
            " (remove it; quote the value if it has to be text)",
        ),
        ("%TAG ! x:\n--- a", "1:1: HS111 tag directives are not allowed (remove the %TAG line)"),
        (
            "from: 22:00",
            '1:7: HS112 "22:00" is a number to base 60 for some readers (quote it: "22:00")',
        ),
        (
            "- 1:30:00",
            '1:3: HS112 "1:30:00" is a number to base 60 for some readers (quote it: "1:30:00")',
        ),
        ("mode: 010", '1:7: HS112 "010" is octal for some readers (quote it: "010")'),
        ("a: .inf", "1:4: HS113 .inf is not a number to work with (write a number)"),
        ("a: 1e999", '1:4: HS113 number "1e999" is too large (quote it)'),
        ("? [a]\n: b", "1:3: HS114 a key has to be text (use a plain word as key)"),
        ("~: b", "1:1: HS114 a key is missing or null (write a key before the colon)"),
        ("", "1:1: HS115 the file is empty (write a document)"),
        (
            "a: 1\n---\nb: 1",
            "3:1: HS115 only one document is allowed here"
            ' (take the "---" away, or move the rest into a file of its own)',
        ),
        ("a:\n\tb: 1", "2:1: HS105 a tab is not allowed here (use spaces, no tabs)"),
        ("a: 1\n\tb", "2:1: HS105 a tab is not allowed here (use spaces, no tabs)"),
        (
            "a: `x`",
            "1:4: HS104 found character that cannot start any token"
            ' (while scanning for the next token) (quote the value that begins with "`")',
        ),
        (
            "a: b: c",
            "1:5: HS104 mapping values are not allowed in this context"
            ' (quote a value that contains ": ", or check the indentation)',
        ),
        (
            "a: [1, 2\nb: 3",
            "2:2: HS104 did not find expected ',' or ']' (while parsing a flow sequence)"
            " (close the bracket, or put a comma between the items)",
        ),
        (
            "a: 'x",
            "1:6: HS104 found unexpected end of stream (while scanning a quoted scalar)"
            " (close the quote)",
        ),
        ("a: b\x00", "1:5: HS103 NUL is not allowed (remove it)"),
        ("a: 1\r\nb: \x1b[31m", "2:4: HS103 character U+001B is not allowed (remove it)"),
        ("a: x\u202ey", "1:5: HS103 character U+202E is not allowed (remove it)"),
        ('a: "\\e[31m"', "1:4: HS103 the value contains character U+001B (remove the escape)"),
        ("a: \ud800", "1:4: HS103 character U+D800 is not allowed (remove it)"),
        (b"a: 1\nb: \xff", "2:4: HS102 byte 0xFF is not UTF-8 (save it as UTF-8)"),
        (
            b"\xef\xbb\xbfa: 1",
            "1:1: HS102 the file begins with a byte order mark (UTF-8)"
            " (save it as UTF-8 without byte order mark)",
        ),
        (
            "a: 1".encode("utf-16"),
            "1:1: HS102 the file begins with a byte order mark (UTF-16)"
            " (save it as UTF-8 without byte order mark)",
        ),
        ("a: 1".encode("utf-16-le"), "1:2: HS103 NUL is not allowed (remove it)"),
    ],
)
def test_each_fault_says_where_and_the_way_out(text: str | bytes, said: str) -> None:
    assert lines_of(text)[0] == f"f.yaml:{said}"


def test_a_tab_inside_text_is_text() -> None:
    assert parse("a: |\n  all:\n  \tmake\n", file="f").data == {"a": "all:\n\tmake\n"}


def test_tells_all_faults_at_once_in_order() -> None:
    found = faults_of("a: &x 1\nb: *x\na: 2\nc: 22:00\nd: !!int 5\ne: [1\n")
    assert [(f.line, f.column, f.code) for f in found] == [
        (1, 4, "HS108"),
        (2, 4, "HS108"),
        (3, 1, "HS110"),
        (4, 4, "HS112"),
        (5, 4, "HS111"),
        (7, 1, "HS104"),
    ]


def test_several_documents_without_the_empty_ones() -> None:
    documents = parse_all("---\na: 1\n---\n# nothing\n---\nb: 2\n---\n", file="f")
    assert [document.data for document in documents] == [{"a": 1}, {"b": 2}]
    assert documents[1].mark(("b",)) == (6, 4)


@pytest.mark.parametrize("count", [100_000, 1_000_000])
@pytest.mark.parametrize("opener", ["[", "{", "- ", "? ", "[[{"])
def test_survives_bottomless_nesting(opener: str, count: int) -> None:
    found = faults_of((opener * count)[: 1024 * 1024])
    assert found[-1].code == "HS106"
    assert "64 levels" in found[-1].message


def test_sixty_four_levels_are_fine() -> None:
    assert parse("[" * 64 + "]" * 64, file="f").data
    assert faults_of("[" * 65 + "]" * 65)[0].code == "HS106"


def test_an_alias_bomb_is_refused_before_it_unfolds() -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    found = faults_of("\n".join(lines))
    assert {fault.code for fault in found} == {"HS108"}
    assert len(found) == 10 + 9 * 9


def test_a_merge_bomb_is_refused() -> None:
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{n}: &a{n}\n  <<: [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert {fault.code for fault in faults_of("\n".join(lines))} == {"HS108", "HS109"}


@pytest.mark.parametrize("number", ["9" * 5000, "-" + "9" * 5000, "0x" + "f" * 5000])
def test_an_endless_integer_is_a_fault_not_a_crash(number: str) -> None:
    (fault,) = faults_of(f"a: {number}")
    assert (fault.line, fault.column, fault.code) == (1, 4, "HS113")
    assert len(fault.message) < 100


@pytest.mark.parametrize("text", ["x" * 10_000_000, b"[" * 10_000_000, "é" * 600_000])
def test_too_large_is_refused_before_it_is_read(text: str | bytes) -> None:
    (fault,) = faults_of(text)
    assert (fault.code, fault.remedy) == ("HS101", "split it")


def test_too_many_values() -> None:
    assert faults_of("[" + "1," * 120_000 + "]")[-1].code == "HS107"


def test_faults_are_bounded_too() -> None:
    assert len(faults_of("\n".join(f"k{n}: &a 1" for n in range(5000)))) == 100


class Step(Written):
    use: str
    kind: Literal["read", "write"] = "read"
    tries: int = 1


class Book(Written):
    name: str
    steps: tuple[Step, ...] = ()
    by_team: dict[str, Step | None] = {}
    strict: bool = False


def said_by(text: str) -> list[str]:
    with pytest.raises(FaultsError) as caught:
        validate(parse(text, file="b.yaml"), Book, code="HS400")
    return [str(fault) for fault in caught.value.faults]


def test_validates_into_the_model() -> None:
    book = validate(parse("name: x\nsteps: [{use: a, tries: 2}]\n", file="f"), Book, code="HS400")
    assert book == Book(name="x", steps=(Step(use="a", tries=2),))


def test_every_wrong_key_and_value_at_once_with_place_and_remedy() -> None:
    text = """\
name: 5
steps:
  - usee: a
    kind: wirte
  - {use: b, tries: "2"}
by_team:
  pay: {use: c, trise: 1}
strict: yes
stepz: []
"""
    assert said_by(text) == [
        'b.yaml:1:7: HS400 name: text is expected here, not the number 5 (quote it: "5")',
        'b.yaml:3:5: HS400 steps[0].use: key "use" is missing (add it)',
        'b.yaml:3:5: HS400 steps[0].usee: unknown key "usee" (did you mean "use"?)',
        'b.yaml:4:11: HS400 steps[0].kind: the text "wirte" is not one of the possible values'
        ' (did you mean "write"?)',
        'b.yaml:5:21: HS400 steps[1].tries: a whole number is expected here, not the text "2"'
        " (write a number, unquoted)",
        'b.yaml:7:17: HS400 by_team.pay.trise: unknown key "trise" (did you mean "tries"?)',
        'b.yaml:8:9: HS400 strict: true or false is expected here, not the text "yes"'
        " (write true or false, unquoted)",
        'b.yaml:9:1: HS400 stepz: unknown key "stepz" (did you mean "steps"?)',
    ]


def test_an_unknown_key_without_a_neighbour_lists_what_there_is() -> None:
    assert said_by("name: x\nqqq: 1\n") == [
        'b.yaml:2:1: HS400 qqq: unknown key "qqq" (known keys: by_team, name, steps, strict)'
    ]


def test_a_list_where_a_mapping_belongs() -> None:
    assert said_by("- 1") == [
        "b.yaml:1:1: HS400 a mapping is expected here, not a list (write it as key: value)"
    ]


YAMLISH = st.text(
    alphabet=st.sampled_from(list("ab:-?[]{},&*!|>'\"%@`# \n\t~<=0123.e+x\\\r\0é\u2028\ufeff")),
    max_size=80,
)


def read(text: str | bytes) -> tuple[list[Document], tuple[Fault, ...]]:
    try:
        return parse_all(text, file="fuzz.yaml"), ()
    except FaultsError as error:
        return [], error.faults or pytest.fail("an error without a fault")


@settings(max_examples=400, deadline=None)
@given(st.one_of(YAMLISH, st.text(max_size=60), st.binary(max_size=60)))
def test_any_input_is_documents_or_faults(text: str | bytes) -> None:
    documents, faults = read(text)
    for fault in faults:
        assert fault.line >= 1
        assert fault.column >= 1
        assert str(fault).startswith("fuzz.yaml:")
        assert "\x1b" not in str(fault)
    for document in documents:
        with contextlib.suppress(FaultsError):
            validate(document, Book, code="HS400")
