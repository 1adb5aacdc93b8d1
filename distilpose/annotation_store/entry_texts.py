"""JSON texts of entries: an annotation file is parsed, and the text of each image and annotation is remembered.

To store an entry, its text is copied, which takes a fraction of the time of writing it anew.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

_SCAN = json.JSONDecoder().raw_decode
_SPACE = re.compile(r'[ \t\n\r]*')
_ENCODE = json.JSONEncoder(separators=(',', ':'), check_circular=False).encode


class EntryTexts:
    """Where the entries of the lists of an object are in a JSON text."""

    def __init__(self) -> None:
        self._text = ''
        self._spans: dict[str, tuple[array[int], array[int]]] = {}
        self.changed: set[str] = set()
        """Lists whose entries were changed after parsing."""

    def loads(self, data: bytes) -> Any:
        """``json.loads`` of an object; other texts and wrong ones are left to it."""
        self._text = data.decode(json.detect_encoding(data), 'surrogatepass')
        self._spans = {}
        try:
            return self._object()
        except (ValueError, IndexError, StopIteration):
            self._text, self._spans = '', {}
            return json.loads(data)

    def of(self, name: str, entries: Sequence[Any], indices: Iterable[int]) -> Iterator[bytes]:
        """The texts of some entries of a list, as written in the file where that is known."""
        if name in self._spans and name not in self.changed:
            starts, ends = self._spans[name]
            return (self._text[starts[index]:ends[index]].encode('utf-8', 'surrogatepass') for index in indices)
        return (_ENCODE(entries[index]).encode('ascii') for index in indices)

    def _object(self) -> dict[str, Any]:
        content: dict[str, Any] = {}
        place = self._expect('{', 0)
        while self._text[place] != '}':
            key, place = _SCAN(self._text, place)
            if not isinstance(key, str):
                raise ValueError('a key that is no text')
            place = self._expect(':', place)
            content[key], place = self._list(key, place) if self._text[place] == '[' else _SCAN(self._text, place)
            place = self._next(place, '}')
        if self._skip(place + 1) != len(self._text):
            raise ValueError('more after the end')
        return content

    def _list(self, name: str, place: int) -> tuple[list[Any], int]:
        """The entries of a list, whose places are remembered, and where it ends."""
        text, skip = self._text, self._skip
        entries: list[Any] = []
        starts, ends = array('q'), array('q')
        place = self._expect('[', place)
        while text[place] != ']':
            entry, end = _SCAN(text, place)
            entries.append(entry)
            starts.append(place)
            ends.append(end)
            place = skip(end)
            if text[place] == ',':
                place = skip(place + 1)
                if text[place] == ']':
                    raise ValueError('a comma before the end of a list')
            elif text[place] != ']':
                raise ValueError('no comma between entries')
        self._spans[name] = starts, ends
        return entries, place + 1

    def _next(self, place: int, end: str) -> int:
        """Behind a comma, or at the end."""
        place = self._skip(place)
        if self._text[place] == end:
            return place
        place = self._expect(',', place)
        if self._text[place] == end:
            raise ValueError('a comma before the end')
        return place

    def _expect(self, character: str, place: int) -> int:
        place = self._skip(place)
        if self._text[place] != character:
            raise ValueError(f'no {character}')
        return self._skip(place + 1)

    def _skip(self, place: int) -> int:
        found = _SPACE.match(self._text, place)
        return place if found is None else found.end()
