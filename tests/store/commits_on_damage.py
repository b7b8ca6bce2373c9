"""A program that commits to damaged copies of a model, for a process that may die of it.

Arguments: a model file, which is overwritten, and a count. Prints one word for each copy:
``committed``, ``refused`` where a clean error told it, or what went wrong.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from states import arrays
from test_damage import DAMAGES, everything

from jairika_nb import store
from jairika_nb.errors import JairikaError


def history(path: Path) -> dict:
    return {key: value for key, value in everything(path).items() if key != "tree"}


def outcome(path: Path, wanted: dict) -> str:
    try:
        with store.open(path, "a") as model:
            model.commit(arrays(50), name="new")
        found = history(path)
    except JairikaError:
        return "refused"
    new = found.pop(("main", "new"))
    right = found == wanted and new[0]["0.bias"] == arrays(50)["0.bias"].tobytes()
    return "committed" if right else "WRONG"


def main(path: Path, count: int) -> None:
    good, wanted = path.read_bytes(), history(path)
    for number in range(count):
        chosen, data = random.Random(number), bytearray(good)
        DAMAGES[number % len(DAMAGES)](chosen, data, 0, len(data))
        path.write_bytes(data)  # the same inode: nothing warns the writer
        print(outcome(path, wanted), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
