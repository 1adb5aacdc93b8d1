"""Images of two files."""

from __future__ import annotations

from distilpose.annotations import Findings, shared_images
from distilpose.annotations.overlap import image_digests


def of(names: list[str], folder: str) -> Findings:
    return Findings(f'{names[0]}.json', image_digests=image_digests(names, folder))


def test_images_are_the_same_by_their_paths() -> None:
    train = of(['a.jpg', 'b.jpg', 'deeper/c.jpg', '/data/d.jpg'], '/data')
    warning = shared_images(train, of(['c.jpg', './e.jpg', '../d.jpg', 'a.jpg'], '/data/deeper'))
    assert warning is not None and warning.count == 2
    assert '2 of the 4 images of c.jpg.json are trained on as well (a.jpg.json)' in warning.sentence
    assert shared_images(train, of(['a.jpg', 'b.jpg'], '/other')) is None
    assert shared_images(train, Findings('boxes.json')) is None
