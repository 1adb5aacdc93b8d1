"""Lazy decoding: JPEG files are decoded at the crop, down to its last row."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from mmengine import fileio
from mmpose.datasets.transforms import LoadImage
from mmpose.registry import TRANSFORMS

from distilpose.crop_store import StoredCrop
from distilpose.errors import DistilPoseError

from ..jpeg import JpegImage, WholeJpegImage
from .single_person_crop import SinglePersonTopdownAffine

Region = tuple[int, int, int, int]
Encoded = JpegImage | WholeJpegImage | StoredCrop

_FLIPS = {'vertical': 0, 'horizontal': 1, 'diagonal': -1}
_NO_PIXELS = bytes(1)


@TRANSFORMS.register_module()
class LoadEncodedImage(LoadImage):
    """Reads an image's file, and of a JPEG file only the size, so that :class:`DecodingTopdownAffine` can decode it.

    In the place of ``LoadImage``, where the steps up to the crop change boxes and flip once, but need no pixels. Sets
    ``img`` to a placeholder (H, W, 3) without memory, and ``encoded_img`` to the file. Any other file, one
    with EXIF data (which may rotate the image), and an image that is there already are loaded as ``LoadImage`` does.

    Args:
        remember: decode the image of several people (``people_in_image``, where the data set has it) once and in full,
            and keep it as long as they follow each other, as they do with
            :class:`~distilpose.datasets.PeopleOfImageSampler`.
        crops: folder of a crop store for the training, see :class:`~distilpose.engine.hooks.CropStoreHook`.
        backend_args: where files are, as in mmengine.
    """

    def __init__(self, *, remember: bool = False, crops: str | None = None,
                 backend_args: dict | None = None) -> None:
        super().__init__(backend_args=backend_args)
        self.remember, self.crops = remember, crops
        self._last: tuple[str, WholeJpegImage] | None = None

    def transform(self, results: dict) -> dict | None:
        """See the class."""
        encoded = None if 'img' in results else self._find(results)
        if encoded is None:
            return super().transform(results)
        results['encoded_img'] = encoded
        results['img'] = np.ndarray((encoded.height, encoded.width, 3), np.uint8, _NO_PIXELS, strides=(0, 0, 0))
        results['img_shape'] = results['ori_shape'] = (encoded.height, encoded.width)
        return results

    def _find(self, results: dict) -> JpegImage | WholeJpegImage | None:
        path = results['img_path']
        if not self.remember or results.get('people_in_image') == 1:
            return self._read(path)
        last = self._last  # read once, since another thread may replace it
        if last is None or last[0] != path:
            image = self._read(path)
            if image is None:
                return None
            last = self._last = path, WholeJpegImage(image)
        return last[1]

    def _read(self, path: str) -> JpegImage | None:
        if self.backend_args is None and '://' not in path:  # what mmengine does, in a fraction of the time
            with open(path, 'rb', buffering=0) as file:
                return JpegImage.read(file.read())
        return JpegImage.read(fileio.get(path, backend_args=self.backend_args))


@TRANSFORMS.register_module()
class DecodingTopdownAffine(SinglePersonTopdownAffine):
    """mmpose's ``TopdownAffine`` of an image that :class:`LoadEncodedImage` read, decoded down to the crop's last row.

    Crops and keypoints are those of ``LoadImage`` and ``TopdownAffine`` up to rounding, unless they are reduced. Takes
    ``encoded_img`` out of the results; an image that is decoded already is only cropped.

    Args:
        input_size: (width, height) of the crop.
        use_udp: as in mmpose.
        reduced: where a crop has at most half, a quarter or an eighth of its pixels in the image, decode means of
            squares of as many pixels. That is faster and takes all pixels into account, but is not what published
            recipes do, which read every other pixel or fewer.

    Raises:
        DistilPoseError: a file cannot be decoded, or a step before this one changed its pixels.
    """

    def __init__(self, input_size: tuple[int, int], *, use_udp: bool = False, reduced: bool = False) -> None:
        super().__init__(input_size=input_size, use_udp=use_udp)
        self.reduced = reduced

    def transform(self, results: dict) -> dict:
        """See the class."""
        encoded = results.pop('encoded_img', None)
        if encoded is None:
            return super().transform(results)
        reduction = self.reduction_for(results, encoded)
        return self.crop_decoded(results, encoded, self.decode(encoded, results, reduction), reduction)

    def decode(self, encoded: Encoded, results: dict, reduction: int, *, also: Sequence[Region] = ()) -> np.ndarray:
        """The upper part of the image, flipped as the sample is.

        Args:
            encoded: the file, or its stored crop.
            results: of the sample.
            reduction: see :meth:`reduction_for`.
            also: further regions that are needed.
        """
        if results['img'].shape[:2] != (encoded.height, encoded.width) or any(results['img'].strides):
            raise DistilPoseError('a step between LoadEncodedImage and DecodingTopdownAffine changed the image, which '
                                  'is not decoded there; put it behind DecodingTopdownAffine, or load with LoadImage')
        flip, regions = flip_of(results), np.array([self.region(results, self.input_size), *also])
        region = (*regions[:, :2].min(0).tolist(), *regions[:, 2:].max(0).tolist())
        try:
            if isinstance(encoded, StoredCrop):
                return encoded.image(region, flip)
            image = encoded.decode(rows=None if flip in ('vertical', 'diagonal') else max(region[3], 1),
                                   reduction=reduction)
        except DistilPoseError as error:
            raise DistilPoseError(f'{results["img_path"]}: {error}') from error
        return flipped(image, flip)

    def crop_decoded(self, results: dict, encoded: Encoded, image: np.ndarray,
                     reduction: int) -> dict:
        """Crops an image that :meth:`decode` returned."""
        results['img'] = image
        if reduction == 1:
            return super().transform(results)
        flip = flip_of(results)
        return self._crop_reduced(results, reduction, origin=_origin(encoded, reduction, flip))

    @staticmethod
    def region(results: dict, size: tuple[int, int]) -> Region:
        """Left, top, right and bottom of the pixels of the image that a crop of this size is interpolated from."""
        width, height = _box(results, size)
        angle = math.radians(results['bbox_rotation'][0]) if 'bbox_rotation' in results else 0.0
        sine, cosine = abs(math.sin(angle)), abs(math.cos(angle))
        along_x, along_y = (width * cosine + height * sine) / 2, (width * sine + height * cosine) / 2
        x, y = results['bbox_center'][0].tolist()
        # Two more: the pixel itself, and the one that it is interpolated with.
        return (math.floor(x - along_x) - 2, math.floor(y - along_y) - 2, math.ceil(x + along_x) + 2,
                math.ceil(y + along_y) + 2)

    def reduction_for(self, results: dict, encoded: Encoded) -> int:
        """1, or 2, 4 or 8 where every pixel of the crop has as many of the image's along both axes; for a stored crop
        the reduction that it was stored with."""
        if isinstance(encoded, StoredCrop):
            return encoded.reduction
        if not self.reduced:
            return 1
        pixels = _box(results, self.input_size)[0] / self.input_size[0]
        return next((factor for factor in (8, 4, 2) if pixels >= factor), 1)

    def _crop_reduced(self, results: dict, reduction: int, *, origin: np.ndarray) -> dict:
        """Crops from the reduced image as if it were another image of the same person.

        Pixel ``i`` of the reduced image lies at ``origin + i * reduction`` of the image.
        """
        smaller = dict(results, bbox_scale=results['bbox_scale'] / reduction,
                       bbox_center=(results['bbox_center'] - origin) / reduction)
        if results.get('keypoints') is not None:
            smaller['keypoints'] = results['keypoints'].copy()
            smaller['keypoints'][..., :2] = (results['keypoints'][..., :2] - origin) / reduction
        smaller = super().transform(smaller)
        results['bbox_scale'] = smaller['bbox_scale'] * reduction
        results.update({key: smaller[key] for key in ('img', 'transformed_keypoints', 'input_size', 'keypoints_visible')
                        if key in smaller})
        results.update(input_center=results['bbox_center'][0], input_scale=results['bbox_scale'][0])
        return results


def flip_of(results: dict) -> str | None:
    """The direction in which a sample is flipped, ``None`` where it is not."""
    return results['flip_direction'] if results.get('flip') else None


def flipped(image: np.ndarray, direction: str | None) -> np.ndarray:
    """An image (H, W, C) flipped as mmpose's ``RandomFlip`` does; as it is for ``None``."""
    return image if direction is None else cv2.flip(image, _FLIPS[direction])


def _box(results: dict, size: tuple[int, int]) -> tuple[float, float]:
    """Width and height of a crop of this size in the image."""
    width, height = map(float, results['bbox_scale'][0])
    share = size[0] / size[1]
    return max(width, height * share), max(height, width / share)


def _origin(encoded: Encoded, reduction: int, flip: str | None) -> np.ndarray:
    """Where the centre of the first square of a reduced and flipped image lies in the flipped one, (x, y) in pixels."""
    centre = (reduction - 1) / 2
    # From the other side the squares begin where the last one ends, which may be beyond the image.
    beyond = [-size % reduction for size in (encoded.width, encoded.height)]
    is_flipped = (flip in ('horizontal', 'diagonal'), flip in ('vertical', 'diagonal'))
    return np.array([centre - rest * flipped for rest, flipped in zip(beyond, is_flipped, strict=True)], np.float32)
