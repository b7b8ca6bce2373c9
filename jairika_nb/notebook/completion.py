"""Tab after ``%jrk``: the words' own completion, as a matcher of IPython's."""

from __future__ import annotations

import re
from typing import Any

from jairika_nb.words import Session
from jairika_nb.words.completion import complete

LINE = re.compile(r"(?:^|=\s*)\s*%?%jrk(\s+)(?P<line>.*)$")


class Completion:
    """A context matcher: IPython calls it with what stands before the cursor."""

    matcher_api_version = 2
    matcher_priority = 100
    matcher_identifier = "jairika_nb"

    def __init__(self, session: Session) -> None:
        self.session = session
        self.__qualname__ = "jairika_nb"

    def __call__(self, context: Any) -> dict[str, Any]:
        found = LINE.search(context.text_until_cursor)
        if found is None:
            return {"completions": []}
        from IPython.core.completer import SimpleCompletion

        line = found["line"]
        offers = complete(line, self.session)
        return {
            "completions": [SimpleCompletion(text, type="jrk") for text in offers],
            "matched_fragment": line.rpartition(" ")[2],
            # Python names would only be in the way on a line that is not Python.
            "suppress": bool(offers),
        }
