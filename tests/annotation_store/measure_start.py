"""Start of a training on a file like COCO's: CPU time and memory, parsed by mmpose, first and second start.

    python tests/annotation_store/measure_start.py [--people 149210] [--type QuickCocoDataset] [--keep FOLDER]

Annotations are made: 149,210 people with outlines on 118,287 images, 195 MB of JSON, and 104,125 detected boxes. Each
start is a process of its own: the check of the file, the data set, the sampler that groups people by image, and two
workers that read half of the samples each. Images are not read.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
BOXES = 104_125


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--people', type=int, default=149_210)
    parser.add_argument('--type', default='CocoDataset')
    parser.add_argument('--keep', type=Path, help='a folder for the made files, which are used again')
    parser.add_argument('--start', choices=['train', 'test'], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.start:
        start(args.keep, args.start, args.type)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        make_files(folder, args.people)
        for part in ('train', 'test'):
            for name, cache in (('mmpose', 'off'), ('first', f'{scratch}/{part}'), ('second', f'{scratch}/{part}')):
                print(f'{part}, {name}: ', end='', flush=True)
                environment = dict(os.environ, DISTILPOSE_ANNOTATION_CACHE=cache, PYTHONPATH=str(PROJECT))
                subprocess.run([sys.executable, __file__, '--start', part, '--type', args.type, '--keep', str(folder)],
                               env=environment, check=True)


def make_files(folder: Path, people: int) -> None:
    """Annotations, and boxes on 5,000 images of a tenth of the people."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, images, count in (('train', 118_287 * people // 149_210, people), ('test', 5000, people // 14)):
        if not (folder / f'{name}.json').is_file():
            content = made_annotations(images, count)
            (folder / f'{name}.json').write_text(json.dumps(content))
            ids = [image['id'] for image in content['images']]
            (folder / 'boxes.json').write_text(json.dumps([
                dict(image_id=random.choice(ids), category_id=1, score=random.random(),
                     bbox=[random.uniform(1, 300) for _ in range(4)]) for _ in range(BOXES * people // 149_210)]))


def made_annotations(images: int, people: int) -> dict[str, Any]:
    random.seed(0)
    entries: list[Any] = [
        dict(license=3, file_name=f'{number:012d}.jpg', height=480, width=640, id=number,
             coco_url=f'http://images.cocodataset.org/train2017/{number:012d}.jpg',
             date_captured='2013-11-14 16:28:13', flickr_url=f'http://farm9.staticflickr.com/8/{number}_d2_z.jpg')
        for number in random.sample(range(1, 600_000), images)]
    return dict(images=entries, categories=[dict(id=1, name='person', supercategory='person')],
                annotations=[person(100_000 + number, random.choice(entries)['id']) for number in range(people)])


def person(number: int, image: int) -> dict[str, Any]:
    width, height = random.uniform(20, 300), random.uniform(30, 400)
    x, y = random.uniform(0, 640 - width), random.uniform(0, 480 - height)
    outline = [round(value, 2) for _ in range(random.randint(15, 80))
               for value in (x + random.random() * width, y + random.random() * height)]
    keypoints = [value for _ in range(17) for value in (
        (int(x + random.random() * width) + 1, int(y + random.random() * height) + 1, 2) if random.random() < 0.6
        else (0, 0, 0))]
    keypoints[:3] = [int(x) + 1, int(y) + 1, 2]
    return dict(segmentation=[outline], num_keypoints=sum(value > 0 for value in keypoints[2::3]),
                area=round(width * height * 0.6, 4), iscrowd=0, keypoints=keypoints, image_id=image,
                bbox=[round(value, 2) for value in (x, y, width, height)], category_id=1, id=number)


def start(folder: Path, part: str, kind: str) -> None:
    """One start, measured."""
    times: list[float] = []

    def timed(step: Callable[[], Any]) -> Any:
        before = cpu_seconds()
        result = step()
        times.append(cpu_seconds() - before)
        return result

    timed(lambda: __import__('distilpose.engine'))
    from mmengine.config import Config
    from mmpose.registry import DATASETS

    from distilpose.config import check_annotations
    from distilpose.datasets.grouped_by_image import PeopleOfImageSampler

    imported = status('VmRSS')
    dataset: dict[str, Any] = dict(
        type=kind, ann_file=str(folder / f'{part}.json'), data_prefix=dict(img=str(folder)), pipeline=[])
    if part == 'test':
        dataset.update(test_mode=True, bbox_file=str(folder / 'boxes.json'))
    timed(lambda: check_annotations(Config({f'{part}_dataloader': dict(dataset=dataset)})))
    built = timed(lambda: DATASETS.build(dataset))
    timed(lambda: PeopleOfImageSampler(built, seed=0))
    peak = status('VmHWM')
    print(f'CPU s: import {times[0]:.1f}, check {times[1]:.1f}, data set {times[2]:.1f}, sampler {times[3]:.1f}; '
          f'MB: {imported:.0f} after the import, peak {peak:.0f}; {len(built)} samples', end='; ', flush=True)
    workers(built)


def workers(dataset: Any) -> None:
    """Lets two forked workers read half of the samples each, and prints what memory they have."""
    ready, done = os.pipe(), os.pipe()
    pids = []
    for index in range(2):
        pid = os.fork()
        if not pid:
            for sample in range(index, len(dataset), 2):
                dataset.get_data_info(sample)
            os.write(ready[1], b'x')
            os.read(done[0], 1)
            os._exit(0)
        pids.append(pid)
    before = time.time()
    for _ in pids:
        os.read(ready[0], 1)
    for pid in pids:
        print(f'worker: PSS {rollup(pid, "Pss"):.0f}, of its own {rollup(pid, "Private"):.0f}', end='; ')
    print(f'samples read in {time.time() - before:.0f} s')
    os.write(done[1], b'xx')
    for pid in pids:
        os.waitpid(pid, 0)


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def status(name: str) -> float:
    """A line of ``/proc/self/status`` in MB."""
    return next(int(line.split()[1]) / 1024 for line in Path('/proc/self/status').read_text().splitlines()
                if line.startswith(name))


def rollup(pid: int, name: str) -> float:
    """The sum of lines of ``smaps_rollup`` that begin so, in MB."""
    lines = Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines()
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith(name) and line.split()[0] in (
        'Pss:', 'Private_Clean:', 'Private_Dirty:'))


if __name__ == '__main__':
    main()
