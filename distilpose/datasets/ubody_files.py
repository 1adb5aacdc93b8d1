"""UBody's files: annotations of a scene, and the list of test videos.

``annotations/SCENE/keypoint_annotation.json`` is COCO's form without categories; the name of an image ends with
``VIDEO/FRAME.png`` and may begin with a slash. ``splits/intra_scene_test_list.npy`` names the test videos; a clip that
was cut from a video has its name followed by ``_Trim`` and more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from distilpose.errors import DistilPoseError
from distilpose.host.data_files import are_finite, first_not_finite, read_json, zero_unlabelled

LAYOUT = 'annotations/SCENE/keypoint_annotation.json'
_LENGTHS = dict(bbox=4, keypoints=51, foot_kpts=18, face_kpts=204, lefthand_kpts=63, righthand_kpts=63)
"""How many numbers a field of a person has; those of a keypoint are x, y, visibility."""
_OF_IMAGES = ('id', 'file_name', 'width', 'height')
_OF_PEOPLE = ('id', 'num_keypoints', *_LENGTHS)


@dataclass(frozen=True)
class Frame:
    """An image of a scene and the people in it, as annotated."""

    image: dict[str, Any]
    people: list[dict[str, Any]]

    @property
    def path(self) -> PurePosixPath:
        """``VIDEO/FRAME.png``, perhaps with further folders before."""
        return PurePosixPath(self.image['file_name'].lstrip('/'))

    @property
    def clip(self) -> str:
        """The folder that it lies in."""
        return self.path.parts[-2]

    @property
    def video(self) -> str:
        """The video that the clip was cut from."""
        return self.clip.split('_Trim')[0]


def read_scene(path: str | Path, *, sample_interval: int = 1) -> list[Frame]:
    """Reads the annotations of a scene.

    Args:
        path: the file.
        sample_interval: only images whose id is a multiple of it are read; the published code takes 10.

    Raises:
        DistilPoseError: there is no such file, or it is another kind of file.
    """
    if sample_interval < 1:
        raise DistilPoseError(f'sample_interval is {sample_interval}; it must be 1 for every image, or 10 for every '
                              'tenth as published')
    content = _load(path)
    images = {image['id']: image for image in _checked(content['images'], _OF_IMAGES, f'of the images of {path}')}
    people = defaultdict(list)
    for person in _checked(content['annotations'], ('id', 'image_id'), f'of the annotations of {path}'):
        number = person['image_id']
        if number not in images:
            raise DistilPoseError(f'annotation {person["id"]} of {path} belongs to the image {number}, which the file '
                                  'does not list; the file is incomplete: get it again')
        if number % sample_interval == 0:
            people[number].append(person)
    frames = [Frame(image, people[number]) for number, image in images.items() if number % sample_interval == 0]
    for frame in frames:
        _check_frame(frame, path)
    return frames


def _load(path: str | Path) -> dict[str, Any]:
    advice = f"it must be UBody's {LAYOUT}; change data_root, ann_file or scenes"
    try:
        content = read_json(path)
    except DistilPoseError as error:
        raise DistilPoseError(f'the annotation file {error}; {advice}') from error
    names = ('images', 'annotations')
    if not isinstance(content, dict) or not all(isinstance(content.get(name), list) for name in names):
        found = sorted(content)[:5] if isinstance(content, dict) else type(content).__name__
        raise DistilPoseError(f'the annotations {path} are {found}, not a dictionary with lists of images and '
                              f'annotations; {advice}')
    zero_unlabelled(content['annotations'], path)
    return content


def _checked(entries: list[Any], keys: tuple[str, ...], where: str) -> Iterator[dict[str, Any]]:
    for index, entry in enumerate(entries):
        missing = [key for key in keys if not isinstance(entry, dict) or key not in entry]
        if missing:
            raise DistilPoseError(f'entry {index} {where} has no {" and no ".join(missing)}; add it to the file')
        if not isinstance(entry['id'], int):
            raise DistilPoseError(f'entry {index} {where} has the id {entry["id"]!r}; expected a whole number')
        yield entry


def _check_frame(frame: Frame, path: str | Path) -> None:
    name = frame.image['file_name']
    if not isinstance(name, str) or len(frame.path.parts) < 2 or '..' in frame.path.parts:
        raise DistilPoseError(f'image {frame.image["id"]} of {path} is called {name!r}; expected VIDEO/FRAME.png')
    for person in _checked(frame.people, _OF_PEOPLE, f'of the people in {name} of {path}'):
        for field, count in _LENGTHS.items():
            values = person[field]
            if not isinstance(values, list) or len(values) != count:
                found = f'{len(values)} numbers' if isinstance(values, list) else repr(values)[:60]
                raise DistilPoseError(f'{field} of annotation {person["id"]} of {path} is {found}, expected {count}; '
                                      'the file must be of the 133 keypoints of COCO-WholeBody')
            if not are_finite(values):
                raise DistilPoseError(f'{field} of annotation {person["id"]} of {path} has {first_not_finite(values)}; '
                                      'expected finite numbers, or visibility 0 for an unknown joint')


def read_test_videos(path: str | Path) -> frozenset[str]:
    """Reads the list of test videos without running what a file may contain.

    Args:
        path: of ``intra_scene_test_list.npy``, an array of names.

    Raises:
        DistilPoseError: there is no such file, or it is not an array of names.
    """
    advice = "it must be UBody's splits/intra_scene_test_list.npy, an array of names; change split_file"
    try:
        names = np.load(path, allow_pickle=False)
    except OSError as error:
        raise DistilPoseError(f'the list of test videos {path} cannot be read ({error.strerror or error}); '
                              f'{advice}') from error
    except (ValueError, EOFError) as error:
        raise DistilPoseError(
            f'the list of test videos {path} cannot be read without running what it may contain ({error}); {advice}, '
            'or if you trust the file, write it anew as plain text: '
            "np.save(FILE, np.load(FILE, allow_pickle=True).astype('U'))") from error
    if not isinstance(names, np.ndarray) or names.dtype.kind not in 'US' or not names.size:
        found = f'an array of {names.size} {names.dtype}' if isinstance(names, np.ndarray) else 'an archive'
        raise DistilPoseError(f'the list of test videos {path} is {found}; {advice}')
    return frozenset(np.char.decode(names, 'utf-8').ravel().tolist() if names.dtype.kind == 'S' else
                     names.ravel().tolist())
