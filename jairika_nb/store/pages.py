"""What a commit overwrites, held in memory until its journal is safe."""

from __future__ import annotations

from jairika_nb.errors import Damaged
from jairika_nb.store.disk import Disk
from jairika_nb.store.journal import Record

PAGE = 4096


class Pages:
    """Bytes that differ from the file below its committed end, by page."""

    def __init__(self, disk: Disk, file: int, end: int) -> None:
        self.disk, self.file, self.end = disk, file, end
        self.pages: dict[int, bytearray] = {}

    def write(self, offset: int, data: memoryview) -> None:
        """Take ``data``, which ends at or before the committed end."""
        while data:
            number, start = divmod(offset, PAGE)
            page = self.pages.get(number) or self._load(number)
            part = data[: len(page) - start]
            page[start : start + len(part)] = part
            offset, data = offset + len(part), data[len(part) :]

    def read(self, offset: int, view: memoryview) -> None:
        """Lay the pages over ``view``, which holds the file's bytes from ``offset`` on."""
        last = (offset + len(view) - 1) // PAGE
        for number in range(offset // PAGE, last + 1) if self.pages else ():
            if page := self.pages.get(number):
                at = number * PAGE
                start, stop = max(offset, at), min(offset + len(view), at + len(page))
                view[start - offset : stop - offset] = page[start - at : stop - at]

    def records(self) -> list[Record]:
        return [(number * PAGE, bytes(page)) for number, page in sorted(self.pages.items())]

    def _load(self, number: int) -> bytearray:
        length = min(PAGE, self.end - number * PAGE)
        page = bytearray(self.disk.read(self.file, number * PAGE, length))
        if len(page) != length:
            raise Damaged("the file was cut while it was written; restore it from a copy")
        self.pages[number] = page
        return page
