"""YAML that people have, and YAML that is to do harm: read, or refused in no time with the line."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pse_preflight.landscape import tree
from pse_preflight.landscape.tree import Tree, TreeUnreadable, read_tree

TEXT = "systems:\n  PRD:\n    url: größe.example.com\n    tags: [a, b]\n"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.replace("\n", "\r\n").encode("utf-16"),
        TEXT.replace("\n", "\r\n").encode(),
    ],
)
def test_every_encoding_of_windows_is_read(content: bytes) -> None:
    found = read_tree(content)
    assert found.data == {"systems": {"PRD": {"url": "größe.example.com", "tags": ["a", "b"]}}}
    assert found.line(("systems", "PRD", "tags", 1)) == 4


def test_what_is_merged_in_is_found_where_it_counts() -> None:
    found = read_tree(b"a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\nc: {<<: [*a], z: 4}\n")
    assert found.data["b"] == {"x": 1, "y": 3}
    assert (found.line(("b", "y")), found.line(("b", "x"))) == (4, 1)
    assert found.data["c"] == {"x": 1, "y": 2, "z": 4}


def test_what_is_merged_again_is_no_repetition() -> None:
    text = b"a: &a {x: 1}\nb: &b\n  <<: *a\n  x: 2\nc:\n  <<: *b\n  x: 3\n"
    assert read_tree(text).data["c"] == {"x": 3}


def _bomb(levels: int, width: int = 9) -> bytes:
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines).encode()


def _merging_bomb(levels: int) -> bytes:
    lines = ["a0: &a0 {x: 1, y: 2}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, levels)]
    return "\n".join(lines).encode()


def _chain(length: int) -> bytes:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, length))]
    return "\n".join(lines).encode()


HARMFUL = {
    "bomb of aliases": (_bomb(9), 6, "written out"),
    "large bomb": (_bomb(2000, 20), 5, "written out"),
    "bomb of merged keys": (_merging_bomb(12), 6, "written out"),
    "long chain": (_chain(3000), 40, "nested more than 40 deep"),
    "holds itself": (b"x:\n  y: &a [*a]\n", 2, "holds itself"),
    "holds itself as a key": (b"x: &a\n  y: {z: *a}\n", 2, "holds itself"),
    "a list as a key": (b"x: 1\n? [a, b]\n: 2\n", 2, "a key is a list"),
    "a mapping as a key": (b"{{a: b}: c}", 1, "a key is a list or has keys"),
    "an alias of a list as a key": (b"x: &a [1]\n*a : 2\n", 1, "a key is a list"),
    "a number as a key": (b"x:\n  7: y\n", 2, "the key '7' is read as no text; put it in quotes"),
    "a truth value as a key": (b"x:\n  no: y\n", 2, "the key 'no' is read as no text"),
    "nothing as a key": (b"x: 1\n~: y\n", 2, "read as no text"),
    "a key twice": (b"x: 1\ny: 2\nx: 3\n", 3, "'x' stands twice"),
    "NUL": (b"x: 1\ny: a\0b\n", 2, "holds a control character, which no YAML may"),
    "ESC": (b"x: 1\n\x1b[31my: 2\n", 2, "holds a control character"),
    "ESC written as an escape": (b'x: 1\n"\\e[31my": 2\n', 2, r"the key '\x1b[31my' holds a control"),
    "a huge number": (b"x: 1\ny: " + b"9" * 5000, 2, "a number of more than 40 digits"),
    "a huge number of base 60": (b"x: 1\ny: 1" + b":59" * 90_000, 2, "a word of more than 20000 characters"),
    "a huge hexadecimal number": (b"x: 0x" + b"f" * 19_000, 1, "a number of more than 40 digits"),
    "a huge word": (b"x: 1\ny: " + b"f" * (1 << 20), 2, "a word of more than 20000 characters"),
    "half a hexadecimal number": (b"x: 0x_", 1, "is no number"),
    "a number that is none": (b"x: !!int abc", 1, "'abc' is no number"),
    "nothing as a number": (b"x: !!float ''", 1, "is no number"),
    "a truth value that is none": (b"x: !!bool maybe", 1, "is neither true nor false"),
    "a day that is none": (b"x: 1\ny: 2027-02-30", 2, "'2027-02-30' is a day that the calendar does not have"),
    "words as a day": (b"x: !!timestamp soon", 1, "is a day that"),
    "an object": (b"x: !!python/object/apply:os.system [id]", 1, "is no YAML"),
    "two documents": (b"x: 1\n---\ny: 2\n", 2, "is no YAML"),
    "deep brackets": (b"x: y\n" + b"[" * 20_000, 2, "is nested more than 40 deep"),
    "deep braces in lines": (b"{a:\n" * 20_000, 1, "is nested more than 40 deep"),
    "deep dashes": (b"- " * 20_000, 1, "is nested more than 40 deep"),
    "nothing": (b"", 1, "is empty"),
    "a comment": (b"# x", 1, "is empty"),
    "half of a letter": (TEXT.encode("utf-16")[:-1], 4, "nor whole UTF-16"),
    "Latin-1": (TEXT.encode("latin-1"), 3, "is not UTF-8 text"),
    "an open quote": (b"x: 1\ny: 'abc\n", 3, "is no YAML"),
    "a tab": (b"x:\n\ty: 1\n", 2, "is no YAML"),
}


@pytest.mark.parametrize(("content", "line", "says"), HARMFUL.values(), ids=HARMFUL)
def test_what_cannot_be_used_is_told_with_its_line_in_no_time(content: bytes, line: int, says: str) -> None:
    begin = time.process_time()
    with pytest.raises(TreeUnreadable) as caught:
        read_tree(content)
    assert time.process_time() - begin < 20  # what grows without end takes for ever; coverage takes a second
    assert says in str(caught.value)
    assert caught.value.line == line
    assert len(str(caught.value)) < 300


def test_the_number_of_values_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MOST_VALUES", 20)
    assert isinstance(read_tree(b"[a, b, c]"), Tree)
    with pytest.raises(TreeUnreadable, match="more than 20 keys and values"):
        read_tree(b"\n".join(b"k%d: v" % number for number in range(11)))


HARMLESS = (TEXT, _bomb(3).decode(), "a: &a {x: 1}\nb: {<<: *a}\n")


@given(st.text(max_size=60), st.sampled_from(HARMLESS), st.integers(0, 90))
def test_no_text_does_anything_else_than_be_read_or_refused(junk: str, text: str, place: int) -> None:
    mixed = text[:place] + junk + text[place:]
    assert 1 <= _line_of(mixed.encode("utf-8", "surrogatepass")) <= len(mixed) + 1


def _line_of(content: bytes) -> int:
    """Return where a text begins, or is wrong."""
    try:
        return read_tree(content).line(())
    except TreeUnreadable as error:
        return error.line
