"""A model as one of its users may use it: what is shown, and every verb for every change."""

from __future__ import annotations

import numpy as np
import pytest
from states import arrays, same

from jairika_nb import store
from jairika_nb.errors import Forbidden, NotFound
from jairika_nb.store import needs
from jairika_nb.store.policy import VERBS, Policy, rule


def changed(seed: int, *names: str) -> dict[str, np.ndarray]:
    """State 1 with some arrays of another state."""
    other = arrays(seed)
    return {k: other[k] if k in names else v for k, v in arrays(1).items()}


@pytest.fixture
def ruled(model):
    """``main`` and ``wide``, owned by olga."""
    model.derive("wide", "main", "prime")
    model.allow("nobody", "read", "none")
    model.own("olga")
    model.forget("nobody", "read", "none")
    return model


# What is done to a model, and the rules that are enough for it, each of them needed.
CHANGES = {
    "commit a layer": (
        lambda m: m.commit(changed(2, "0.weight"), variant="main"),
        [("update", "main/*/0")],
    ),
    "commit two layers": (
        lambda m: m.commit(changed(2, "0.bias", "encoder.mask"), variant="main"),
        [("update", "main/*/0"), ("update", "main/*/encoder")],
    ),
    "commit with an optimiser": (
        lambda m: m.commit(arrays(1), variant="main", optimizer={"m": np.ones(3)}),
        [("update", "main/*/@optimizer")],
    ),
    "commit nothing new": (
        lambda m: m.commit(arrays(1), variant="main", message="again"),
        [("update", "main/*/0")],
    ),
    "derive": (lambda m: m.derive("mine", "main"), [("create", "mine")]),
    "derive and use": (
        lambda m: m.derive("mine", "main", switch=True),
        [("create", "mine")],
    ),
    "switch": (lambda m: m.switch("wide"), [("update", "wide")]),
    "tag": (lambda m: m.tag("v1", "main/PT"), [("create", "main/PT")]),
    "revert": (lambda m: m.revert("prime", "main"), [("update", "main")]),
    "remove an iteration": (lambda m: m.remove("prime", "main"), [("delete", "main/prime")]),
    "remove a variant": (lambda m: m.remove(variant="wide"), [("delete", "wide")]),
    "replace": (
        lambda m: m.commit(changed(3, "0.weight"), variant="main", replaces="PT"),
        [("update", "main/*/0"), ("delete", "main/PT")],
    ),
    "gc": (lambda m: m.gc(days=0), [("delete", "*")]),
    "rule": (lambda m: m.allow("eve", "read"), [("write-policy", "*"), ("read-policy", "*")]),
}


def with_rules(model, *rules) -> None:
    owned = model.rules.policy
    policy = Policy(owned.owners)
    for each in rules:
        policy = policy.with_rule(each)
    from jairika_nb.store import ruling
    from jairika_nb.store.note import noted

    model._change(ruling.changed("rule", "", lambda *_: policy, noted("", None, None, "olga")))


@pytest.mark.parametrize("what", CHANGES)
def test_each_change_needs_its_verbs_and_no_more(ruled, what):
    """P16 at the interface: with the rules it goes, without any one of them it does not."""
    do, wanted = CHANGES[what]
    read = rule("bob", "read")
    every = [rule("bob", verb, glob) for verb, glob in wanted]
    for left in every:
        if left.verbs == ("read-policy",):
            continue  # the answer shows the rules, after they were changed
        with_rules(ruled, read, *(each for each in every if each is not left))
        before = ruled.path.read_bytes()
        with store.open(ruled.path, "a", as_="bob") as mine, pytest.raises(Forbidden, match="bob"):
            do(mine)
        assert ruled.path.read_bytes() == before
        # Every other verb over the same path does not help.
        others = [v for v in VERBS[:4] if v not in left.verbs]
        with_rules(ruled, read, rule("bob", others, left.path))
        with store.open(ruled.path, "a", as_="bob") as mine, pytest.raises(Forbidden):
            do(mine)
    with_rules(ruled, read, *every)
    with store.open(ruled.path, "a", as_="bob") as mine:
        do(mine)
    assert ruled.refresh().verify().ok


@pytest.mark.parametrize("what", CHANGES)
def test_an_owner_may_do_all_and_everybody_where_nothing_is_ruled(ruled, what):
    with store.open(ruled.path, "a", as_="olga") as mine:
        CHANGES[what][0](mine)
    if what != "rule":
        ruled.refresh().unruled()
        with store.open(ruled.path, "a", as_="bob") as mine:
            mine.commit(arrays(9), variant="main")


def test_a_write_verb_alone_shows_nothing(ruled):
    with_rules(ruled, rule("bob", "create,update,delete"))
    with pytest.raises(Forbidden, match="do not let 'bob' read it"):
        store.open(ruled.path, "a", as_="bob")


def test_what_may_not_be_read_is_not_listed(ruled):
    ruled.tag("v1", "main/PT")
    ruled.tag("v2", "wide")
    with_rules(ruled, rule("bob", "read", "wide"), rule("ann", "read", "*/PT"))
    with store.open(ruled.path, as_="bob") as mine:
        assert mine.variants == ("wide",) and mine.current == "wide" and list(mine.tags) == ["v2"]
        assert {each.variant for each in mine.reflog()} == {"wide"}
        assert [each["name"] for each in mine.info()["variants"]] == ["wide"]
        assert same(mine["wide"].head.arrays(), arrays(0)) and mine.verify().ok
        with pytest.raises(NotFound):
            mine.find("main/PT")
        with pytest.raises(Forbidden, match="read-policy"):
            _ = mine.rules
    with store.open(ruled.path, as_="ann") as mine:
        assert mine.variants == ("main",) and mine["main"].iterations == ("PT",)
    with store.open(ruled.path) as whole:
        assert whole.variants == ("main", "wide")


def test_values_are_read_by_layer(ruled):
    state = arrays(1)
    with_rules(ruled, rule("bob", "read", "main/*/0"), rule("ann", "read", "main"))
    with_rules(ruled, *ruled.rules.policy.rules, rule("ann", "read", "*/*/encoder", allow=False))
    for who, shut, seen in (("bob", "1", "0.weight"), ("ann", "encoder", "1.steps")):
        with store.open(ruled.path, as_=who) as mine:
            head = mine["main"].head
            with pytest.raises(Forbidden, match=shut):
                head.arrays()
            lazy = head.arrays(lazy=True)
            assert lazy[seen].tobytes() == state[seen].tobytes() and len(lazy) == 4
            with pytest.raises(Forbidden, match="encoder"):
                lazy["encoder.mask"]
            with pytest.raises(Forbidden):
                mine.push(ruled.path.with_name(f"{who}.jrk.h5"))
            assert mine.verify().ok


def test_a_layer_cannot_be_brought_in_through_a_variant_of_ones_own(ruled):
    """Who may update one layer of main may not merge others into it."""
    with_rules(
        ruled,
        rule("bob", "read"),
        rule("bob", "create,update", "mine"),
        rule("bob", "update", "main/*/0"),
    )
    with store.open(ruled.path, "a", as_="bob") as mine:
        mine.derive("mine", "main")
        mine.commit(changed(4, "0.bias"), variant="mine")
        assert mine.merge("mine", "main").kind != "nothing"
        mine.commit(changed(5, "encoder.mask", "0.bias"), variant="mine")
        with pytest.raises(Forbidden, match=r"'main/.*encoder'"):
            mine.merge("mine", "main")


def test_naming_what_is_there_is_no_way_to_read_it(ruled):
    ruled.commit(arrays(6), variant=ruled.derive("secret").name)
    with_rules(ruled, rule("bob", "read,update", "main"), rule("bob", "create,read", "mine"))
    with store.open(ruled.path, "a", as_="bob") as mine:
        # The change works on the whole file, so only its result can tell.
        with pytest.raises(Forbidden, match="read 'mine/prime"):
            mine.derive("mine", "secret")
        mine.derive("mine", "main")


def test_only_owners_change_owners(ruled):
    with_rules(ruled, rule("bob", "all"))
    with store.open(ruled.path, "a", as_="bob") as mine:
        mine.allow("eve", "read")
        for change in (lambda: mine.own("bob"), mine.unruled):
            with pytest.raises(Forbidden, match="only an owner"):
                change()
    with store.open(ruled.path, "a", as_="olga") as hers:
        assert hers.own("bob").owners == ("bob",)


def test_every_verb_is_needed_by_some_change():
    """P16: no verb missing, in the table of needs and in what is tried here."""
    tried = {verb for _, wanted in CHANGES.values() for verb, _ in wanted} | {"read"}
    assert tried == set(VERBS)
    for verb in ("create", "update", "delete", "write-policy"):
        assert f"``{verb}``" in needs.__doc__
