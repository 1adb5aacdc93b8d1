"""Made-up people in images, and made-up answers, in COCO's form."""

from __future__ import annotations

from typing import Any

import numpy as np

SIGMAS = np.array([.26, .25, .25, .35, .35, .79, .79, .72, .72, .62, .62, 1.07, 1.07, .87, .87, .89, .89]) / 10


def make_crowd(*, images: int = 12, seed: int = 0) -> dict[str, Any]:
    """Annotations of up to three people an image; some joints, and all of some people, are not labelled."""
    random = np.random.default_rng(seed)
    annotations: list[dict[str, Any]] = []
    for image in range(images):
        for _ in range(random.integers(0, 4)):
            labelled = (random.random(17) < 0.7) * (random.random() > 0.1)
            keypoints = np.c_[random.uniform(20, 180, (17, 2)), 2 * labelled]
            annotations.append(dict(
                id=len(annotations) + 1, image_id=10 + image, category_id=1, iscrowd=0, bbox=[20, 20, 160, 160],
                area=float(random.uniform(8e3, 2e4)), num_keypoints=int(labelled.sum()),
                keypoints=keypoints.ravel().tolist()))
    return dict(images=[dict(id=10 + image, width=200, height=200) for image in range(images)],
                annotations=annotations, categories=[dict(id=1, name='person')])


def answer(truth: dict[str, Any], *, error: float, seed: int = 1, ties: bool = False) -> list[dict[str, Any]]:
    """One detection for every person, wrong by up to about ``error`` pixels, surer where it is better."""
    random = np.random.default_rng(seed)
    detections = []
    for annotation in truth['annotations']:
        points = np.array(annotation['keypoints']).reshape(-1, 3)[:, :2]
        scale = random.uniform(0, error)
        found = points + random.normal(0, 1, points.shape) * scale
        score = 1.0 if ties else float(np.exp(-scale / 10) * random.uniform(0.8, 1))
        detections.append(dict(image_id=annotation['image_id'], category_id=1, score=score,
                               keypoints=np.c_[found, np.ones(17)].ravel().tolist()))
    return detections


def drawn(truth: dict[str, Any], detections: list[dict[str, Any]],
          counts: np.ndarray) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The same with every image as often as its count says, as images of their own."""
    images, annotations, found = [], [], []
    for image, count in zip(truth['images'], counts, strict=True):
        for _ in range(count):
            number = len(images) + 1
            images.append(dict(image, id=number))
            annotations += [dict(entry, image_id=number) for entry in truth['annotations']
                            if entry['image_id'] == image['id']]
            found += [dict(entry, image_id=number) for entry in detections if entry['image_id'] == image['id']]
    annotations = [dict(entry, id=place + 1) for place, entry in enumerate(annotations)]
    return {**truth, 'images': images, 'annotations': annotations}, found
