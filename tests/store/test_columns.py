"""Sealed rows: what goes in comes out, and bytes made to harm are one clean error."""

from __future__ import annotations

import json
import random
import struct

import pytest

from jairika_nb.errors import Damaged
from jairika_nb.store.canonical import digest
from jairika_nb.store.columns import COLUMNS, HEAD, Columns, packed
from jairika_nb.store.rows import Row
from jairika_nb.store.table import Branch, Table


def row(chosen: random.Random, number: int) -> Row:
    """A row that may have anything a row can have."""
    kinds = ["manifest", "locations", "meta", "architecture"][: chosen.choice((3, 4))]
    values = {"loss": chosen.random(), "step": number, "drift": "nan", "on": True, "none": None}
    metrics = {name: values[name] for name in chosen.sample(sorted(values), chosen.randrange(6))}
    parents = tuple(digest(b"%d" % chosen.randrange(99)) for _ in range(chosen.randrange(3)))
    return Row(
        id=digest(b"row %d" % number),
        variant=chosen.choice(("main", "Δ", "x y")),
        name=f"step-{number} ü",
        time=chosen.randrange(2**33),
        parents=parents,
        message=chosen.choice(("", 'two\nlines "quoted" \\u0041', "ﷺ")),
        metrics=metrics,
        layers=chosen.randrange(2**20),
        bytes=chosen.randrange(2**62),
        architecture=chosen.choice((None, digest(b"one"), digest(b"two"))),
        at={kind: (chosen.randrange(2**50), chosen.randrange(2**40)) for kind in kinds},
        origin=chosen.choice((None, None, ("far", "away"))),
        signatures=tuple((digest(b"key"), digest(b"s") * 2) for _ in range(chosen.randrange(3))),
    )


ROWS = [row(random.Random("rows"), number) for number in range(50)]


@pytest.mark.parametrize("count", [0, 1, 50])
def test_rows_come_out_as_they_went_in(count):
    table = Table(Columns(packed(ROWS[:count])))
    assert list(table) == ROWS[:count] == list(Table.of(ROWS[:count]))
    json_rows = [Row.from_json(json.loads(json.dumps(each.to_json()))) for each in table]
    assert json_rows == ROWS[:count]
    assert [type(v) for each in table for v in each.metrics.values()] == [
        type(v) for each in ROWS[:count] for v in each.metrics.values()
    ]


def test_a_branch_is_the_sequence_of_a_variants_rows():
    tables = [Table.of(ROWS[:7]), Table.of(()), Table(Columns(packed(ROWS[7:20])))]
    for variant in ("main", "Δ", "x y", "none"):
        wanted, branch = [r for r in ROWS[:20] if r.variant == variant], Branch.of(variant, tables)
        assert list(branch) == wanted == [branch[i] for i in range(len(branch))]
        assert [branch[-1 - i] for i in range(len(branch))] == wanted[::-1]
        assert list(reversed(branch)) == wanted[::-1] and branch[1:-1] == tuple(wanted[1:-1])
        assert branch.names == tuple(each.name for each in wanted)
        assert branch.ids == tuple(each.id for each in wanted)
        assert all(branch.find(each.name) == each for each in wanted)
        assert branch.find("other") is None and bool(branch) == bool(wanted)
        leaves = branch.leaves()
        assert [leaf["metrics"] for leaf in leaves] == [each.metrics for each in wanted]
        assert [tuple(leaf["parents"]) for leaf in leaves] == [each.parents for each in wanted]
        with pytest.raises(IndexError):
            branch[len(wanted)]


def with_text(edit) -> bytes:
    """The segment with another JSON part."""
    data = packed(ROWS)
    _, _, digests, numbers = HEAD.unpack_from(data)
    end = HEAD.size + 32 * digests + 8 * numbers
    text = json.loads(data[end:])
    edit(text)
    return data[:end] + json.dumps(text).encode()


def with_number(column: str, value: int) -> bytes:
    """The segment with another number in the first row."""
    data = bytearray(packed(ROWS))
    _, count, digests, _ = HEAD.unpack_from(data)
    struct.pack_into(
        "<Q", data, HEAD.size + 32 * digests + 8 * count * COLUMNS.index(column), value
    )
    return bytes(data)


def with_head(*fields: int) -> bytes:
    data = packed(ROWS)
    return HEAD.pack(data[:8], *fields) + data[HEAD.size :]


HOSTILE = {
    "nothing": b"",
    "a magic alone": packed(ROWS)[:8],
    "cut in the head": packed(ROWS)[: HEAD.size - 1],
    "cut in the digests": packed(ROWS)[:100],
    "cut in the text": packed(ROWS)[:-9],
    "endless rows": with_head(2**63, 1, 1),
    "endless digests": with_head(50, 2**62, 450),
    "endless numbers": with_head(50, 100, 2**62),
    "more rows than numbers": with_head(10**6, 0, 0),
    "fewer rows than names": with_head(0, 0, 0),
    **{
        f"{column} out of range": with_number(column, value)
        for column, value in {
            "time": 10**15,
            "layers": 2**63,
            "bytes": 2**64 - 1,
            "variant": 3,
            "parents": 10**6,
            "signatures": 17,
            "architecture": 9,
            "kinds": 2,
            "measures": 2**40,
        }.items()
    },
    "other parents": with_number("parents", 1 << 62),
    "a name that is none": with_text(lambda text: text["names"].__setitem__(3, 7)),
    "an empty name": with_text(lambda text: text["names"].__setitem__(3, "")),
    "a name with a slash": with_text(lambda text: text["names"].__setitem__(3, "../x")),
    "a name with an escape": with_text(lambda text: text["variants"].__setitem__(0, "\x1b[2J")),
    "half a character": with_text(lambda text: text["messages"].__setitem__(0, "\ud800")),
    "a name too few": with_text(lambda text: text["names"].pop()),
    "a message that is none": with_text(lambda text: text["messages"].__setitem__(3, None)),
    "a metric too many": with_text(lambda text: text["values"].append(1.0)),
    "a metric that is a list": with_text(lambda text: text["values"].__setitem__(0, [])),
    "metrics of a number": with_text(lambda text: text["measures"].__setitem__(0, [5])),
    "kinds that are text": with_text(lambda text: text["kinds"].__setitem__(0, "ab")),
    "more of no row": with_text(lambda text: text["more"].__setitem__("50", {})),
    "more of a word": with_text(lambda text: text["more"].__setitem__("x", {})),
    "an origin on a path": with_text(
        lambda text: text["more"].__setitem__("0", {"origin": ["a", "../b"]})
    ),
    "more that is a list": with_text(lambda text: text["more"].__setitem__("0", [])),
    "text that is a list": packed(ROWS[:0])[: HEAD.size] + b"[]",
    "infinity": with_text(lambda text: text["values"].__setitem__(0, 1e300)).replace(
        b"1e+300", b"1e+999"
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_segment_is_one_clean_error(kind):
    with pytest.raises(Damaged):
        list(Table(Columns(HOSTILE[kind])))


def test_any_change_of_bytes_is_refused_or_makes_rows_that_hold_to_the_rules():
    """Hashes catch damage before this; a forger's bytes still end in rows or one error."""
    good, chosen, refused = packed(ROWS), random.Random("bytes"), 0
    for _ in range(1500):
        data = bytearray(good)
        for _ in range(chosen.choice((1, 1, 4))):
            data[chosen.randrange(len(data))] = chosen.randrange(256)
        try:
            for each in Table(Columns(bytes(data))):
                assert Row.from_json(json.loads(json.dumps(each.to_json()))) == each
        except Damaged:
            refused += 1
    assert 200 < refused < 1400
