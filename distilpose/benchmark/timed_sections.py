"""Where the time of a step goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch


class Parts:
    """Adds up the time spent in methods; what a method spends in another one of them counts there only.

    Args:
        clock: gives seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.seconds: dict[str, float] = defaultdict(float)
        self._inner = 0.0

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Adds the time until the block ends."""
        start, outer, self._inner = self.clock(), self._inner, 0.0
        try:
            yield
        finally:
            took = self.clock() - start
            self.seconds[part] += took - self._inner
            self._inner = outer + took

    @contextmanager
    def watching(self, methods: Iterable[tuple[str, Any, str]]) -> Iterator[None]:
        """While open, times methods of objects, which are patched for it: nothing else may use them meanwhile.

        Args:
            methods: (part, object, name of its method); several may belong to a part.
        """
        with ExitStack() as stack:
            for part, owner, name in methods:
                stack.enter_context(patch.object(owner, name, self._timing(part, getattr(owner, name))))
            yield

    def _timing(self, part: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            with self.timed(part):
                return method(*args, **kwargs)
        return call
