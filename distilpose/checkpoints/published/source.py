"""What a reader of published files knows of one kind of file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PublishedSource:
    """One kind of published state dict."""

    name: str
    """What to call it, within a sentence."""
    is_known_by: Callable[[Collection[str]], bool]
    """Whether these are the keys of such a state dict."""
    rename: Callable[..., dict[str, Any]]
    """The state dict under our names, which are those of mmpose 1.x and of this project's own networks."""
    combine: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    """Comes before: puts tensors together that are one of ours, and leaves out what the network does without."""
    takes_bgr: bool = False
    """Trained on images in OpenCV's channel order, although with the means of red, green and blue."""
