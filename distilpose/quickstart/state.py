"""State of a resumable run: finished stages, results and durations, in one JSON file that is written atomically."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distilpose.checkpoints.writing import write_atomically
from distilpose.errors import DistilPoseError

_VERSION = 1


class RunState:
    """Remembers for every stage what it was made from, how long it took, and its result.

    Args:
        path: a JSON file, made with the first entry.

    Raises:
        DistilPoseError: when the file is there and is not one of this class.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stages: dict[str, dict[str, Any]] = _read(path)
        self._counted = 0.0

    def result(self, stage: str, fingerprint: str) -> Any | None:
        """The result of a stage that was finished with the same fingerprint, else ``None``."""
        entry = self.stages.get(stage, {})
        return entry.get('result') if entry.get('fingerprint') == fingerprint else None

    def begin(self, stage: str, fingerprint: str) -> bool:
        """Opens a stage; whether what an earlier attempt left behind belongs to the same fingerprint."""
        is_same = self.stages.get(stage, {}).get('fingerprint') == fingerprint
        if not is_same:
            self.stages[stage] = dict(fingerprint=fingerprint, seconds=0.0, elapsed=0.0, result=None)
            self._write()
        return is_same

    def spend(self, stage: str, start: float, end: float) -> None:
        """Adds time to an open stage; interrupted attempts count.

        Args:
            stage: its name.
            start: in seconds of any clock, the same in all calls.
            end: likewise.
        """
        entry = self.stages[stage]
        entry['elapsed'] = entry.get('elapsed', entry['seconds']) + max(0.0, end - max(start, self._counted))
        entry['seconds'] += end - start
        self._counted = max(self._counted, end)
        self._write()

    def finish(self, stage: str, result: Any) -> None:
        """Closes a stage with a result that JSON can hold and that is not ``None``."""
        self.stages[stage]['result'] = result
        self._write()

    def seconds(self) -> dict[str, float]:
        """Stage -> time spent in it."""
        return {name: entry['seconds'] for name, entry in self.stages.items()}

    def elapsed(self) -> float:
        """Time in all stages; that of stages beside each other counts once."""
        return sum(entry.get('elapsed', entry['seconds']) for entry in self.stages.values())

    def _write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path, json.dumps(dict(version=_VERSION, stages=self.stages), indent=2))


def fingerprint(*parts: Any, hide: Mapping[str, str] | None = None) -> str:
    """SHA-256 of anything JSON can write; what it cannot is taken by its name.

    Args:
        *parts: nested dicts, lists and plain values.
        hide: text -> what to read instead; keeps folders out, so that a run survives being moved.
    """
    text = json.dumps(parts, sort_keys=True, default=str)
    for found, replacement in (hide or {}).items():
        text = text.replace(found, replacement)
    return hashlib.sha256(text.encode()).hexdigest()


def _read(path: Path) -> dict[str, dict[str, Any]]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        if content['version'] != _VERSION:
            raise ValueError(f'version {content["version"]}')
        stages = content['stages']
        for name, entry in stages.items():
            if not (isinstance(entry['fingerprint'], str) and isinstance(entry['seconds'], (int, float))):
                raise ValueError(f'the stage {name[:40]!r} has no fingerprint and seconds')
        return dict(stages)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DistilPoseError(f'{path} is not a state file of this version ({error}); delete it, or name another '
                              '--work-dir, to start over') from error
