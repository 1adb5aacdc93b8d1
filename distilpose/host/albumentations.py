"""A stand-in for albumentations: Blur, MedianBlur and CoarseDropout, which mmpose's recipes of RTMPose use.

mmpose's ``Albumentation`` looks its transforms up in the package ``albumentations``, composes them and passes the
image through. :class:`AlbumentationsStandIn` is what it finds where the package is missing. The arguments and their
defaults are those of albumentations 1.3, for which the recipes are written; the transforms are distilpose's
``RandomBlur`` and ``CoarseDropout``. Any other transform or argument is refused by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from distilpose.errors import DistilPoseError

_MISSING = 'no albumentations that mmpose can use is installed; without it'
_INSTALL = 'for all others, pip install albumentations==1.3.1'
_SMALLEST_BLUR = 3


class AlbumentationsStandIn:
    """The attributes of ``albumentations`` that mmpose's ``Albumentation`` reads.

    ``augmentations.transforms``, in which mmpose looks whether a transform changes pixels only, is this object too.
    """

    def __init__(self) -> None:
        self.Compose = Compose
        self.augmentations = self.transforms = self
        for name, arguments in _SERVED.items():
            setattr(self, name, _builder(name, arguments))

    def __getattr__(self, name: str) -> Any:
        if name.startswith('_'):
            raise AttributeError(name)
        raise DistilPoseError(f'Albumentation names the transform {name}, and {_MISSING} {", ".join(_SERVED)} are '
                              f'served; {_INSTALL}')


class Compose:
    """Passes an image (H, W, 3) through transforms in turn, as ``albumentations.Compose`` does."""

    def __init__(self, transforms: Sequence[Callable[[dict], dict]]) -> None:
        self.transforms = transforms

    def __call__(self, *, image: np.ndarray, **others: Any) -> dict[str, np.ndarray]:
        """Returns the image under the name it came with."""
        if others:
            raise DistilPoseError(f'keymap of Albumentation passes {", ".join(others)}, and {_MISSING} only '
                                  f"keymap=dict(img='image') is served; {_INSTALL}")
        results = dict(img=image)
        for transform in self.transforms:
            results = transform(results)
        return dict(image=results['img'])


def _builder(name: str, arguments: Callable[..., dict]) -> Callable[..., Callable[[dict], dict]]:
    """A transform's constructor: the arguments of albumentations in, a transform of distilpose out."""
    known = list(inspect.signature(arguments).parameters)

    def build(**given: Any) -> Callable[[dict], dict]:
        from mmpose.registry import TRANSFORMS

        unknown = [key for key in given if key not in known]
        if unknown:
            raise DistilPoseError(f'{name} of Albumentation has the argument {", ".join(unknown)}, and {_MISSING} '
                                  f'{", ".join(known)} are served; {_INSTALL}')
        return TRANSFORMS.build(arguments(**given))

    return build


def _blur(blur_limit: int | Sequence[int] = 7, p: float = 0.5) -> dict:
    return dict(type='mmpose.RandomBlur', kind='mean', prob=p, sizes=_sizes('Blur', blur_limit))


def _median_blur(blur_limit: int | Sequence[int] = 7, p: float = 0.5) -> dict:
    return dict(type='mmpose.RandomBlur', kind='median', prob=p, sizes=_sizes('MedianBlur', blur_limit))


def _sizes(name: str, blur_limit: int | Sequence[int]) -> tuple[int, ...]:
    """Sides of the square, of which one is drawn: the odd numbers from the first limit to the second."""
    limits = (_SMALLEST_BLUR, blur_limit) if isinstance(blur_limit, int) else tuple(blur_limit)
    if len(limits) != 2 or limits[0] % 2 == 0 or not _SMALLEST_BLUR <= limits[0] <= limits[1]:
        raise DistilPoseError(f'{name} of Albumentation got blur_limit={blur_limit}; expected the largest side of the '
                              'square in pixels, or the smallest, which is odd, and the largest, from 3')
    return tuple(range(limits[0], limits[1] + 1, 2))


def _coarse_dropout(max_holes: int = 8, max_height: float = 8, max_width: float = 8, min_holes: int | None = None,
                    min_height: float | None = None, min_width: float | None = None, p: float = 0.5) -> dict:
    """What has no minimum has its maximum throughout; integers are pixels, other numbers shares of the image."""
    height = (max_height if min_height is None else min_height, max_height)
    width = (max_width if min_width is None else min_width, max_width)
    kinds = {type(limit) for limit in (*height, *width)}
    if len(kinds) != 1:
        raise DistilPoseError(f'CoarseDropout of Albumentation got heights {height} and widths {width}; expected '
                              'integers (pixels) or floats (shares of the image) for all four')
    return dict(type='mmpose.CoarseDropout', prob=p, side=height, width=width, in_pixels=kinds == {int},
                holes=(max_holes if min_holes is None else min_holes, max_holes))


_SERVED: dict[str, Callable[..., dict]] = dict(Blur=_blur, MedianBlur=_median_blur, CoarseDropout=_coarse_dropout)
