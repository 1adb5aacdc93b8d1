"""Single-person crop: mmpose's TopdownAffine for one person per sample, with less overhead."""

from __future__ import annotations

import cv2
import numpy as np
from mmpose.datasets.transforms import TopdownAffine


class SinglePersonTopdownAffine(TopdownAffine):
    """mmpose's ``TopdownAffine`` without its arrays of two numbers: the same crops and keypoints, up to rounding.

    An image a sample, with one person and keypoints, is cropped here; anything else, and crops by ``use_udp``, by
    mmpose.

    Args:
        input_size: (width, height) of the crop.
        use_udp: as in mmpose.
    """

    def __init__(self, input_size: tuple[int, int], *, use_udp: bool = False) -> None:
        super().__init__(input_size=input_size, use_udp=use_udp)
        width, height = input_size
        self._aims = _add_third(np.array([[width / 2, height / 2], [0, height / 2], [0, 0]], np.float32))

    def transform(self, results: dict) -> dict:
        """See the class."""
        keypoints = results.get('keypoints')
        if self.use_udp or keypoints is None or 'transformed_keypoints' in results or isinstance(
                results['img'], list) or len(results['bbox_center']) != 1:
            return super().transform(results)
        size = width, height = tuple(self.input_size)
        scale = _widen(results['bbox_scale'], width / height)
        matrix = self._find_matrix(results['bbox_center'][0], scale[0], results['bbox_rotation'][0]
                                   if 'bbox_rotation' in results else 0.0)
        moved = keypoints.copy()
        moved[..., :2] = cv2.transform(keypoints[..., :2], matrix)
        results.update(
            img=cv2.warpAffine(results['img'], matrix, size, flags=cv2.INTER_LINEAR), bbox_scale=scale,
            transformed_keypoints=moved, input_size=size, input_center=results['bbox_center'][0],
            input_scale=scale[0])
        return results

    def _find_matrix(self, center: np.ndarray, scale: np.ndarray, degrees: float) -> np.ndarray:
        """(2, 3) from the image to the crop, from where centre, left side's middle and a third point come to lie.

        Where it rounds to float32 and where it does not is as in mmpose's ``get_warp_matrix``.
        """
        angle, half = np.deg2rad(degrees), float(scale[0] * -0.5)
        x, y = center.tolist()
        points = np.empty((3, 2), np.float32)
        points[0] = center
        points[1] = x + float(np.cos(angle)) * half, y + float(np.sin(angle)) * half
        return cv2.getAffineTransform(_add_third(points), self._aims)


def _widen(scale: np.ndarray, ratio: float) -> np.ndarray:
    """(1, 2) the smallest box with ``width / height = ratio`` around one of this size."""
    width, height = scale[0]
    return np.array([[width, width / ratio] if width > height * ratio else [height * ratio, height]], scale.dtype)


def _add_third(points: np.ndarray) -> np.ndarray:
    """Fills in the last of three points: the first one, turned by a right angle around the second."""
    (x_0, y_0), (x_1, y_1) = points[0], points[1]
    points[2] = x_1 - (y_0 - y_1), y_1 + (x_0 - x_1)
    return points
