"""Access rules: what they mean, how a file keeps them, and that they change nothing else."""

from __future__ import annotations

import itertools
import json
import random
import re
from fnmatch import fnmatchcase

import pytest
from states import FIRST, arrays, same

from jairika_nb import store
from jairika_nb.errors import ArgumentError, Damaged, ReadOnly, StoreError
from jairika_nb.store import canonical, policy
from jairika_nb.store.policy import VERBS, Policy, fits, rule

WHO = ("ann", "bob", "eve", "*")
PATHS = [
    (variant, iteration, layer)
    for variant in ("mlp", "mlp-2", "lstm")
    for iteration in ("prime", "PT")
    for layer in ("0", "encoder.0", "head")
]
GLOBS = (
    "*",
    "mlp",
    "mlp*",
    "mlp/PT",
    "*/PT",
    "*/*/encoder.*",
    "lstm/*/head",
    "m?p/prime",
    "*/P?/0",
)


def test_the_verbs_are_those_of_the_documentation():
    """P16: no verb without a line in the table that users read, and none that is only there."""
    listed = re.findall(r"^``([a-z-]+)`` ", policy.__doc__, re.MULTILINE)
    assert tuple(listed) == VERBS and len(set(VERBS)) == 6


def expected(rules, who, verb, path) -> bool:
    """The sentence of the documentation, by another matcher and over plain tuples."""

    def about(each) -> bool:
        principal, verbs, glob, _ = each
        parts = (*glob.split("/"), "*", "*")[:3]
        return (
            principal in (who, "*")
            and verb in verbs
            and all(fnmatchcase(name, part) for name, part in zip(path, parts, strict=True))
        )

    effects = {each[3] for each in rules if about(each)}
    return effects == {True}


@pytest.mark.parametrize("seed", range(40))
def test_every_verb_for_every_role_over_every_path(seed):
    chosen = random.Random(seed)
    rules = []
    for _ in range(chosen.randrange(9)):
        verbs = tuple(chosen.sample(VERBS[:4], chosen.randrange(1, 5)))
        rules.append((chosen.choice(WHO), verbs, chosen.choice(GLOBS), chosen.random() < 0.7))
    if chosen.random() < 0.5:
        rules.append((chosen.choice(WHO), VERBS[4:], "*", chosen.random() < 0.7))
    made = Policy(("olga",))
    for principal, verbs, glob, allow in rules:
        made = made.with_rule(rule(principal, verbs, glob, allow=allow))
    again = Policy.from_json(json.loads(canonical.encoded(made.to_json())))
    assert again == made
    for who, verb in itertools.product(("ann", "bob", "eve", "nobody"), VERBS):
        for path in PATHS:
            assert made.allows(who, verb, *path) == expected(rules, who, verb, path)
        for depth in range(3):
            for prefix in {path[:depth] for path in PATHS}:
                below = [made.allows(who, verb, *p) for p in PATHS if p[:depth] == prefix]
                # What is said of a part holds for what is in it, whichever names there are.
                assert not any(below) or made.allows(who, verb, *prefix)
                assert all(below) or not made.allows(who, verb, *prefix, whole=True)
    for verb, path in itertools.product(VERBS, PATHS):
        assert made.allows("olga", verb, *path, whole=True) and Policy().allows("x", verb, *path)


def test_a_part_and_the_whole_of_it():
    made = Policy(("o",)).with_rule(rule("bob", "read,delete", "mlp/*/head"))
    assert made.allows("bob", "read", "mlp", "PT") and not made.allows("bob", "read", "lstm", "PT")
    assert not made.allows("bob", "delete", "mlp", "PT", whole=True)
    made = made.with_rule(rule("bob", "delete", "mlp"))
    assert made.allows("bob", "delete", "mlp", "PT", whole=True)
    made = made.with_rule(rule("bob", "delete", "mlp/PT/0", allow=False))
    assert not made.allows("bob", "delete", "mlp", whole=True)
    assert made.allows("bob", "delete", "mlp", "prime", whole=True)
    made = made.with_rule(rule("*", "read", "mlp/PT", allow=False))
    assert not made.allows("bob", "read", "mlp", "PT") and made.allows("bob", "read", "mlp")


def test_globs_are_those_of_fnmatch_where_both_know_them():
    chosen = random.Random(1)
    for _ in range(3000):
        glob = "".join(chosen.choice("ab*?") for _ in range(chosen.randrange(1, 7)))
        name = "".join(chosen.choice("ab") for _ in range(chosen.randrange(7)))
        assert fits(glob, name) == fnmatchcase(name, glob), (glob, name)
    assert fits("[*]a[?][[]", "*a?[") and not fits("[*]", "x") and fits("[ab", "[ab")


def test_a_hostile_glob_takes_no_time():
    glob, name = "*a" * 99 + "b", "a" * 200
    assert not fits(glob, name)


@pytest.mark.parametrize(
    "wrong",
    [
        ("bob", "write", "*"),
        ("bob", "", "*"),
        ("bob", "read", ""),
        ("bob", "read", "a//b"),
        ("bob", "read", "a/b/c/d"),
        ("bob", "read", "a\nb"),
        ("bob", "read", "a" * 1000),
        ("", "read", "*"),
        (" bob", "read", "*"),
        ("b\x00b", "read", "*"),
        (7, "read", "*"),
        ("bob", "read,write-policy", "mlp"),
    ],
)
def test_what_is_no_rule_is_refused(wrong):
    with pytest.raises(ArgumentError):
        rule(*wrong)


def test_spellings():
    assert str(rule("bob", "UPDATE, read", "mlp/*/*")) == "allow bob read,update mlp"
    assert rule("bob", "all").verbs == VERBS and rule("bob", "all", "mlp").verbs == VERBS[:4]
    assert rule("bob", ["read"], "**/*").path == "*" and rule("b", "read", "*/a/*").path == "*/a"
    cafe = rule("b", "read", "cafe\u0301")
    assert cafe.path == "caf\xe9"


def test_a_model_keeps_its_rules(model):
    assert not model.rules and "no access rules" in str(model.rules)
    model.allow("bob", "read", "main")
    found = model.allow("bob", "update", "main/*")
    assert found.policy.rules == (rule("bob", "read,update", "main"),)
    owner = found.owners
    assert len(owner) == 1
    model.deny("*", "read", "*/*/0")
    with store.open(model.path) as again:
        assert again.rules.policy == model.rules.policy and again.verify().ok
        with pytest.raises(ReadOnly):
            again.allow("eve", "read")
    model.own("ann", "olga")
    assert model.rules.owners == ("ann", "olga")
    with pytest.raises(StoreError, match="no rule for 'eve'"):
        model.forget("eve", "read", "main")
    assert model.forget("bob", "read", "main").policy.rules[1] == rule("bob", "update", "main")
    model.forget("bob", "all", "main")
    model.commit(arrays(5))
    model.derive("wide")
    kept = model.rules.policy
    model.gc(days=0)
    assert model.rules.policy == kept and model.verify().ok
    assert not model.unruled() and model.verify().ok


def test_rule_changes_are_in_the_reflog(model):
    model.allow("bob", "read", "main")
    model.own("bob")
    verbs = [(each.verb, each.name) for each in model.reflog()]
    assert verbs[:2] == [("own", "bob"), ("rule", "allow bob read main")]


def test_rules_show_themselves(model):
    model.allow("<bob>", "read", "main")
    shown = model.rules
    assert "&lt;bob&gt;" in shown._repr_html_() and "<bob>" not in shown._repr_html_()
    assert "  <bob>      allow   read   main" in str(shown).splitlines()
    assert Policy.from_json(shown.to_json()) == shown.policy


def test_a_file_without_rules_is_as_before(tmp_path):
    for name in ("a", "b"):
        with store.init(tmp_path / f"{name}.jrk.h5", time=FIRST) as made:
            made.commit(arrays(0), time=FIRST)
            if name == "b":
                made.allow("bob", "read")
                made.unruled()
                made.gc(days=0)
    with store.open(tmp_path / "a.jrk.h5") as plain:
        assert "policy" not in plain._reader.catalogue.to_json()
    import h5py

    for name in ("a", "b"):
        with h5py.File(tmp_path / f"{name}.jrk.h5") as file:
            assert "policy" not in file


def test_a_copy_is_its_holders(model, tmp_path):
    model.allow("bob", "read")
    store.clone(model.path, tmp_path / "clone.jrk.h5")
    with store.open(tmp_path / "clone.jrk.h5", "a") as clone:
        assert not clone.rules
        clone.allow("eve", "all")
        model.commit(arrays(7))
        model.push(clone.path)
        assert clone.refresh().rules.policy.rules == (rule("eve", "all"),)
        clone.commit(arrays(8))
        model.pull(clone.path)
        assert model.rules.policy.rules == (rule("bob", "read"),)
        assert same(model["main"].head.arrays(), arrays(8))


def test_publishing_keeps_the_rules_that_are_there(model, tmp_path):
    pytest.importorskip("fsspec")
    place = f"memory://ruled/{tmp_path.name}.jrk.h5"
    model.allow("bob", "read")
    model.push(place)
    with store.open(place) as there:
        assert not there.rules
    import fsspec

    with fsspec.open(place, "wb") as file:
        file.write(model.path.read_bytes())
    model.unruled()
    model.commit(arrays(3))
    model.push(place)
    with store.open(place) as there:
        assert there.rules.policy.rules == (rule("bob", "read"),) and there.verify().ok


def test_a_tag_of_a_removed_iteration_does_not_publish_again(model, tmp_path):
    pytest.importorskip("fsspec")
    place = f"memory://tagged/{tmp_path.name}.jrk.h5"
    (gone,) = model.remove("prime")
    model.tag("old", gone)
    model.tag("new")
    assert model.push(place).tags == ["new"]
    assert str(model.push(place)).startswith("nothing new")


def test_publishing_moves_and_drops_no_tag(model, tmp_path):
    pytest.importorskip("fsspec")
    place = f"memory://tags/{tmp_path.name}.jrk.h5"
    model.tag("v1", "prime")
    model.tag("v2", "prime")
    model.push(place)
    for name in ("v1", "v2"):
        model.remove(tag=name)
    model.tag("v1", "PT")
    model.tag("v3", "PT")
    moved = model.push(place)
    assert moved.tags == ["v3"] and "'v1'" in moved.notes[0]
    with store.open(place) as there:
        assert {n: each.name for n, each in there.tags.items()} == {
            "v1": "prime",
            "v2": "prime",
            "v3": "PT",
        }


def forge_policy(model, data: bytes) -> None:
    from test_hostile_files import forge

    def change(catalogue, file):
        at = len(file)
        file += data
        catalogue["policy"] = {"offset": at, "length": len(data), "digest": canonical.digest(data)}
        return catalogue

    forge(model.path, change)


LINE = {"principal": "bob", "path": "*", "allow": True, "verbs": ["read"]}
HOSTILE = {
    "no JSON": b"{",
    "a list": b"[]",
    "no owner": {"owners": [], "rules": []},
    "an owner that is none": {"owners": [7], "rules": []},
    "rules that are none": {"owners": ["o"], "rules": ["allow all"]},
    "a verb of another release": {"owners": ["o"], "rules": [{**LINE, "verbs": ["own"]}]},
    "a verb that is none": {"owners": ["o"], "rules": [{**LINE, "verbs": [["read"]]}]},
    "no effect": {"owners": ["o"], "rules": [{**LINE, "allow": "yes"}]},
    "a path that is none": {"owners": ["o"], "rules": [{**LINE, "path": "../../x/y"}]},
    "a long principal": {"owners": ["o"], "rules": [{**LINE, "principal": "p" * 1000}]},
    "too many rules": {"owners": ["o"], "rules": [LINE] * 1001},
    "too many owners": {"owners": [f"o{n}" for n in range(101)], "rules": []},
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_rules_are_an_error_and_never_an_open_door(model, kind):
    data = HOSTILE[kind]
    forge_policy(model, data if isinstance(data, bytes) else canonical.encoded(data))
    with store.open(model.path) as opened:
        assert same(opened["main"].head.arrays(), arrays(1))
        with pytest.raises(Damaged):
            _ = opened.rules
        assert not opened.verify().ok


@pytest.mark.parametrize(
    "record",
    [
        7,
        {"offset": 0, "length": 10, "digest": "x"},
        {"offset": 1 << 60, "length": 9, "digest": "0" * 64},
        {"offset": 0, "length": 1 << 60, "digest": "0" * 64},
    ],
)
def test_a_record_of_rules_that_leads_nowhere(model, record):
    from test_hostile_files import forge, set_in

    forge(model.path, set_in("policy", record))
    with pytest.raises(Damaged), store.open(model.path) as opened:
        _ = opened.rules
