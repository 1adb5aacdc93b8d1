"""Writes parts of LSPET's training people for the plans in configs/plans/, which ``distilpose label`` has labelled.

``python docs/benchmarks/lspet_splits.py [data]`` reads ``lspet/annotations/person_keypoints_train.json``, pseudo-labels
``lspet_thunder/train.json`` and ``lspet_thunder/unlabelled.json`` in the folder, and writes to ``lspet_splits/``:

- ``held_out.json``: every eighth labelled person, on whom settings are chosen; ``quarter.json``: every fourth;
- ``thunder_train.json``: the pseudo-labels with the numbers and in the order of the labels;
  ``thunder_rest.json``: those of people who are not in ``quarter.json``;
- ``rest.txt``, ``rest_boxes.json``, ``train.txt``, ``train_boxes.json``: names and boxes of the latter, and of all.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main(data: Path) -> None:
    """Writes all parts.

    Args:
        data: the folder of ``lspet`` and ``lspet_thunder``.
    """
    labels = json.loads((data / 'lspet/annotations/person_keypoints_train.json').read_text())
    pseudo = as_ordered(json.loads((data / 'lspet_thunder/train.json').read_text()), labels)
    names = [image['file_name'] for image in labels['images']]
    held_out, quarter = set(names[::8]), set(names[::4])
    out = data / 'lspet_splits'
    out.mkdir(exist_ok=True)

    def write(name: str, annotations: dict[str, Any], keep: Callable[[str], bool]) -> None:
        (out / name).write_text(json.dumps(part_of(annotations, keep)))

    write('held_out.json', labels, lambda name: name in held_out)
    write('quarter.json', labels, lambda name: name in quarter)
    write('thunder_train.json', pseudo, lambda name: True)
    write('thunder_rest.json', pseudo, lambda name: name not in quarter)
    for file, keep in (('rest', lambda name: name not in quarter), ('train', lambda name: True)):
        boxes = boxes_of(part_of(labels, keep))
        (out / f'{file}.txt').write_text(''.join(f'{name}\n' for name in boxes))
        (out / f'{file}_boxes.json').write_text(json.dumps(boxes))


def as_ordered(pseudo: dict[str, Any], labels: dict[str, Any]) -> dict[str, Any]:
    """Pseudo-labels with the numbers of the labels' images, in their order."""
    names = {image['id']: image['file_name'] for image in pseudo['images']}
    entries = {names[entry['image_id']]: entry for entry in pseudo['annotations']}
    return dict(pseudo, images=labels['images'], annotations=[
        dict(entries[image['file_name']], id=image['id'], image_id=image['id']) for image in labels['images']])


def part_of(annotations: dict[str, Any], keep: Callable[[str], bool]) -> dict[str, Any]:
    """COCO annotations of the images whose names are kept."""
    images = [image for image in annotations['images'] if keep(image['file_name'])]
    numbers = {image['id'] for image in images}
    return dict(annotations, images=images,
                annotations=[entry for entry in annotations['annotations'] if entry['image_id'] in numbers])


def boxes_of(annotations: dict[str, Any]) -> dict[str, list[list[float]]]:
    """Name of an image -> boxes of its people."""
    names = {image['id']: f'images/{image["file_name"]}' for image in annotations['images']}
    boxes: dict[str, list[list[float]]] = {name: [] for name in names.values()}
    for entry in annotations['annotations']:
        boxes[names[entry['image_id']]].append(entry['bbox'])
    return boxes


if __name__ == '__main__':
    main(Path(sys.argv[1] if len(sys.argv) > 1 else 'data'))
