"""Several people of one image, one after the other."""

from __future__ import annotations

import numpy as np
from mmpose.datasets.transforms import LoadImage
from mmpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadImageOnce(LoadImage):
    """mmpose's ``LoadImage`` that remembers the last image, for as long as its people follow each other.

    They do wherever data are not shuffled: in validation and testing, with up to twenty detected boxes an image. The
    image is not to be written to, and says so to a step that tries.

    Args:
        backend_args: where files are, as in mmengine.
    """

    def __init__(self, *, backend_args: dict | None = None) -> None:
        super().__init__(backend_args=backend_args)
        self._path: str | None = None
        self._image = np.empty(0, np.uint8)

    def transform(self, results: dict) -> dict | None:
        """See the class."""
        if 'img' in results:
            return super().transform(results)
        if results['img_path'] != self._path:
            self._image = super().transform(dict(img_path=results['img_path']))['img']
            self._image.flags.writeable = False
            self._path = results['img_path']
        return super().transform(dict(results, img=self._image))
