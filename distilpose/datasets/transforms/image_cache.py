"""Image cache: the last image is decoded once for all of its people."""

from __future__ import annotations

import numpy as np
from mmpose.datasets.transforms import LoadImage
from mmpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadImageOnce(LoadImage):
    """mmpose's ``LoadImage`` with a cache of the last image, for data in which people of an image follow each other.

    That is so without shuffling: in validation and testing, with up to twenty detected boxes an image. The image is
    read-only.

    Args:
        backend_args: where files are, as in mmengine.
    """

    def __init__(self, *, backend_args: dict | None = None) -> None:
        super().__init__(backend_args=backend_args)
        self._last: tuple[str, np.ndarray] | None = None  # replaced as a whole, for threads that share the pipeline

    def transform(self, results: dict) -> dict | None:
        """See the class."""
        if 'img' in results:
            return super().transform(results)
        last = self._last
        if last is None or last[0] != results['img_path']:
            image = super().transform(dict(img_path=results['img_path']))['img']
            image.flags.writeable = False
            last = self._last = results['img_path'], image
        return super().transform(dict(results, img=last[1]))
