"""Divide the names of all prefixes into blocks.

Names are numbered through all prefixes, ``count`` for each. The blocks depend on the request alone, not on the names,
so that any process can sample any block: worker processes, or the shards of several machines. Every process must sample
the same blocks, as BLAS may sum a row in a different order at another place of a matrix, which occasionally changes a
name.

The first blocks are small, so that the first names come soon.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

BLOCK_SIZE = 9 * 2**16
"""The maximum number of names sampled at once. More share more prefixes, but take more memory."""

FILTERED_BLOCK = 2**16
"""The same if filters may reject names: a block may take many attempts at each name."""

_FIRST_BLOCKS = (2**12,)
_FIRST_FILTERED_BLOCKS = (2**3, 2**6, 2**9, 2**12)
_PREFIXES_PER_BLOCK = 512
_UNIQUE_GROWTH = 8
_FURTHER_SHARE = 32  # the first block of further names is this part of the names asked for


class Block(NamedTuple):
    """The names of a block.

    Attributes:
        prefixes: a group of prefixes, the block's own among them.
        begin: the number of the group's first name.
        first: the first name of the block, counted from ``begin``.
        last: the end of the block, counted from ``begin``.
    """

    prefixes: Sequence[str]
    begin: int
    first: int
    last: int


@dataclass(frozen=True)
class Partition:
    """The partition of a request's names into blocks.

    Prefixes are taken in groups: a block has all prefixes of a group, or a group is one prefix with many blocks.

    Attributes:
        count: the number of names for each prefix.
        may_reject: whether names may be rejected.
        max_size: returns how many names with some prefixes may be sampled at once.
        one_by_one: whether each group has one prefix.
    """

    count: int
    may_reject: bool
    max_size: Callable[[Iterable[str]], int]
    one_by_one: bool = False

    @property
    def group_size(self) -> int:
        """The number of prefixes that share blocks."""
        return 1 if self.one_by_one else max(1, _PREFIXES_PER_BLOCK // max(1, self.count))

    def split(self, prefixes: Iterable[str], first: int = 0, last: int | None = None) -> Iterator[Iterator[Block]]:
        """Yield the blocks of each group from the name ``first`` up to the name ``last``, which begin blocks."""
        group_names = self.group_size * self.count
        index = first // max(1, group_names)
        remaining = islice(prefixes, index * self.group_size, None)
        begin = index * group_names
        while (last is None or begin < last) and (group := list(islice(remaining, self.group_size))):
            total = len(group) * self.count if last is None else min(len(group) * self.count, last - begin)
            yield self._split_group(index, group, begin, max(0, first - begin), total)
            begin += total
            index += 1

    def find_cut(self, prefixes: Sequence[str], number: int) -> int:
        """Return the start of a block, or the end of all names, that is nearest to a name's number."""
        total = len(prefixes) * self.count
        if number in (0, total):
            return number
        index = number // (self.group_size * self.count)
        begin = index * self.group_size * self.count
        group = prefixes[index * self.group_size : (index + 1) * self.group_size]
        starts, size = self._list_starts(index, group)
        place = number - begin
        low = max(start for start in starts if start <= place)
        high = min((start for start in starts if start > place), default=low + size)
        if low == starts[-1]:
            low += (place - low) // size * size
            high = low + size
        high = min(high, len(group) * self.count)
        return begin + (low if place - low <= high - place else high)

    def split_unique(self, prefix: str) -> Iterator[tuple[int, int]]:
        """Yield the first and the last name of each block of one prefix, without end.

        The blocks first have as many names as are asked for, then further ones, to replace repeated names.
        """
        largest = min(FILTERED_BLOCK if self.may_reject else BLOCK_SIZE, self.max_size([prefix]))
        first, size = 0, min(self.count, _FIRST_FILTERED_BLOCKS[0], largest)
        while first < self.count:
            last = min(first + size, self.count)
            yield first, last
            first, size = last, min(size * _UNIQUE_GROWTH, largest)
        size = min(max(_FIRST_FILTERED_BLOCKS[0], self.count // _FURTHER_SHARE), largest)
        while True:
            yield first, first + size
            first, size = first + size, min(2 * size, largest)

    def _split_group(self, index: int, group: Sequence[str], begin: int, first: int, total: int) -> Iterator[Block]:
        """Yield the blocks of a group."""
        starts, size = self._list_starts(index, group)
        later = [start for start in starts if start > first]
        for end in chain(later, repeat(None)):
            if first >= total:
                return
            last = min(first + size if end is None else end, total)
            yield Block(group, begin, first, last)
            first = last

    def _choose_size(self, prefixes: int) -> int:
        """Return the size of the blocks of a group, such that two workers share many blocks evenly."""
        total = prefixes * self.count
        if total <= 2 * BLOCK_SIZE:
            return BLOCK_SIZE
        blocks = 2 * -(-total // (2 * BLOCK_SIZE))
        return -(-total // blocks)

    def _list_starts(self, index: int, group: Sequence[str]) -> tuple[list[int], int]:
        """Return where the first blocks of a group and the first of the others begin, and the size of the others."""
        size = min(FILTERED_BLOCK if self.may_reject else self._choose_size(len(group)), self.max_size(group))
        starts = [0]
        if not index:
            for first in _FIRST_FILTERED_BLOCKS if self.may_reject else _FIRST_BLOCKS:
                starts.append(starts[-1] + min(first, size))
        return starts, size
