"""Random histories against a dictionary that knows what a model must hold after each step."""

from __future__ import annotations

import os
import random

import h5py
import pytest
from states import drifting, same

from jairika_nb import store

STEPS = int(os.environ.get("JRK_STORE_STEPS", "45"))


class Book:
    """What should be there: names and states by variant, tags, removed ones by id."""

    def __init__(self, model) -> None:
        self.model, self.current, self.fresh = model, "main", 0
        self.variants = {"main": {"prime": 0}}
        self.tags: dict[str, tuple[str, int]] = {}
        self.removed: dict[str, int] = {}
        model.commit(drifting(0))

    def commit(self, chosen) -> None:
        self.fresh += 1
        variant, name = chosen.choice(list(self.variants)), f"c{self.fresh}"
        self.model.commit(drifting(self.fresh), variant=variant, name=name)
        self.variants[variant][name] = self.fresh

    def derive(self, chosen) -> None:
        self.fresh += 1
        source, name = chosen.choice(list(self.variants)), f"v{self.fresh}"
        iteration = chosen.choice(list(self.variants[source]))
        self.model.derive(name, source, iteration)
        self.variants[name] = {"prime": self.variants[source][iteration]}

    def switch(self, chosen) -> None:
        self.current = chosen.choice(list(self.variants))
        self.model.switch(self.current)

    def tag(self, chosen) -> None:
        self.fresh += 1
        variant = chosen.choice(list(self.variants))
        iteration = chosen.choice(list(self.variants[variant]))
        made = self.model.tag(f"t{self.fresh}", f"{variant}/{iteration}")
        self.tags[f"t{self.fresh}"] = made.id, self.variants[variant][iteration]

    def revert(self, chosen) -> None:
        self.fresh += 1
        rows = self.variants[self.current]
        *earlier, _ = [*rows]
        if earlier:
            target = chosen.choice(earlier)
            self.model.revert(target, name=f"r{self.fresh}")
            rows[f"r{self.fresh}"] = rows[target]

    def back(self, chosen) -> None:
        """A removed iteration as a new variant."""
        if self.removed:
            self.fresh += 1
            id = chosen.choice(list(self.removed))
            self.model.derive(f"b{self.fresh}", iteration=id)
            self.variants[f"b{self.fresh}"] = {"prime": self.removed[id]}

    def remove(self, chosen) -> None:
        variant = chosen.choice(list(self.variants))
        rows = self.variants[variant]
        name = chosen.choice(list(rows))
        id = self.model[variant][name].id
        if len(rows) > 1 and id not in [tagged for tagged, _ in self.tags.values()]:
            assert self.model.remove(name, variant) == (id,)
            self.removed[id] = rows.pop(name)

    def remove_variant(self, chosen) -> None:
        variant = chosen.choice(list(self.variants))
        rows = self.variants[variant]
        ids = [self.model[variant][name].id for name in rows]
        tagged = {id for id, _ in self.tags.values()}
        if variant != self.current and not tagged & set(ids):
            assert list(self.model.remove(variant=variant)) == ids
            self.removed |= dict(zip(ids, rows.values(), strict=True))
            del self.variants[variant]

    def merge(self, chosen) -> None:
        self.fresh += 1
        source = chosen.choice(list(self.variants))
        wanted = list(self.variants[source].values())[-1]
        done = self.model.merge(source, strategy="theirs", name=f"m{self.fresh}")
        if done.kind != "nothing":
            # Whatever both changed is theirs, and these states share no tensor.
            rows = self.variants[self.current]
            found = done.iteration.arrays()
            ours = drifting(list(rows.values())[-1])
            theirs = drifting(wanted)
            assert all(
                found[k].tobytes() in (ours[k].tobytes(), theirs[k].tobytes()) for k in found
            )
            self.model.remove(done.iteration.name, self.current)

    def gc(self, chosen) -> None:
        days = chosen.choice([30, 0])
        self.model.gc(days, cold=chosen.choice([None, True, True, False]))
        if not days:
            self.removed.clear()

    def thin(self, chosen) -> None:
        """What is neither among the last, nor tagged, nor continued elsewhere is removed."""
        last, days = chosen.choice([1, 3, 6]), chosen.choice([30, 0])
        tagged = {id for id, _ in self.tags.values()}
        parents = {
            v: {p for i in self.model[v] for p in self.model[v][i].parents} for v in self.model
        }
        for variant, rows in self.variants.items():
            found = {name: self.model[variant][name].id for name in rows}
            others = set().union(*(ids for v, ids in parents.items() if v != variant))
            for name in list(rows)[:-last]:
                if found[name] not in tagged | others:
                    self.removed[found[name]] = rows.pop(name)
        self.model.gc(days, keep={"last": last})
        if not days:
            self.removed.clear()

    def check(self) -> None:
        for model in (self.model, store.open(self.model.path)):
            assert list(model) == list(self.variants) and model.current == self.current
            for variant, rows in self.variants.items():
                assert model[variant].iterations == tuple(rows)
            assert {t: row.id for t, row in model.tags.items()} == {
                t: id for t, (id, _) in self.tags.items()
            }
        variant = self.current
        for name, seed in self.variants[variant].items():
            assert same(model[variant][name].arrays(), drifting(seed))
        for _, seed in self.tags.values():
            assert any(same(row.arrays(), drifting(seed)) for row in model.tags.values())
        for id, seed in self.removed.items():
            assert same(model.find(id).arrays(), drifting(seed))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_history_is_what_the_book_says(path, seed):
    chosen = random.Random(seed)
    with store.init(path) as model:
        book = Book(model)
        steps = ["commit"] * 5 + ["derive", "switch", "tag", "revert", "back", "remove"] * 2
        steps += ["remove_variant", "merge", "gc", "gc", "thin"]
        for number in range(STEPS):
            getattr(book, chosen.choice(steps))(chosen)
            if number % 5 == 4:
                book.check()
        book.check()
        assert model.verify().ok
        with h5py.File(path) as file:
            shown = {v: set(file[f"variants/{v}"]) for v in file["variants"]}
        assert shown == {v: set(rows) for v, rows in book.variants.items()}
