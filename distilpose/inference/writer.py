"""Writer of predictions: files of each image in threads, videos and the journal in order, JSON for all at the end."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np

from distilpose.checkpoints.writing import replacing, write_atomically
from distilpose.datasets.unlabelled_files import PERSON
from distilpose.errors import RunFailed

from .drawing import VideoFile, draw_poses
from .inputs import InputImage, InputVideo
from .job import Job, Prepared, Summary
from .journal import Journal, json_list, poses_entry, read_poses, write_pieces
from .predictor import PosePredictions
from .results import (
    Scoring,
    coco_category,
    coco_people,
    is_whole_body,
    keypoint_names,
    mmpose_document,
    openpose_document,
)


class Writer:
    """Writes files of images in threads, the journal in their order, and at the end what all images share."""

    def __init__(self, folder: Path, format: str, job: Job, journal: Journal, *, draw: bool, summary: Summary,
                 every: int, draw_score: float) -> None:
        self.folder, self.format, self.job, self.known, self.draw = folder, format, job, job.known, draw
        self.draw_score = draw_score
        self.journal, self.summary, self.every, self.meta = journal, summary, every, job.predictor.meta
        self.names = keypoint_names(self.meta)
        self.cfg = job.predictor.model.cfg
        self.video: InputVideo | None = None
        self._drawn: VideoFile | None = None
        summary.failed.update(journal.position.failed)

    def write(self, prepared: Prepared | None,
              found: PosePredictions | None) -> tuple[Prepared | None, PosePredictions | None]:
        """Writes the files of an image, and draws it; threads may do so for several."""
        if prepared is None or found is None:
            return prepared, found
        image = prepared.image
        if prepared.pixels is not None:
            drawn = draw_poses(prepared.pixels, found, self.meta, threshold=self.draw_score)
            prepared = prepared._replace(pixels=drawn)
            if image.video is None:
                with replacing(self._file('pictures', image.output, '.jpg'), suffix='.jpg') as part:
                    if not cv2.imwrite(str(part), drawn):
                        raise RunFailed(f'the picture {part} cannot be written; make room, or name another --out')
        if self.format == 'openpose':
            self._write_json('openpose', image, '_keypoints.json', openpose_document(found, self.names))
        elif self.format == 'mmpose':
            self._write_json('mmpose', image, '.json', mmpose_document(found))
        return prepared, found

    def record(self, prepared: Prepared | None, found: PosePredictions | None) -> None:
        """Takes note of an image, in their order, and adds a frame that was drawn to its video."""
        if prepared is None or found is None:
            image, why = self.job.failed.popleft()
            self._begin(image)
            self.journal.add(dict(item=_item(image), failed={image.name: why}))
            return
        image, (width, height) = prepared.image, prepared.crops.size
        self._begin(image)
        if image.video is not None and prepared.pixels is not None:
            self._add_to_video(image.video, prepared.pixels)
        name = None if self.known is None else self.known.name_of(image.path.absolute())
        ids = {} if self.known is None else self.known.ids
        entry = dict(id=ids.get(name or '', self.journal.position.images + 1), file_name=image.name, width=width,
                     height=height, people=len(found), output=image.output.as_posix())
        kinds = {} if self.known is None else self.known.kinds
        self.journal.add(dict(item=_item(image), image=entry, poses=poses_entry(found),
                              **(dict(kinds=kinds[name]) if name in kinds else {})))

    def draw_again(self, video: InputVideo, frames: Iterable[InputImage]) -> None:
        """Draws frames that were predicted before an interruption, which are in the journal."""
        self.video = video
        for frame, entry in zip(frames, self.journal.entries(str(video.output)), strict=False):
            if 'poses' in entry and frame.pixels is not None:
                self._add_to_video(video, draw_poses(frame.pixels, self._poses(entry), self.meta,
                                                     threshold=self.draw_score))

    def _begin(self, image: InputImage) -> None:
        if self.video is not None and self.video is not image.video:
            self._end_video(is_over=True)
        self.video = image.video

    def _add_to_video(self, video: InputVideo, pixels: np.ndarray) -> None:
        if self._drawn is None:
            self._drawn = VideoFile(self._file('pictures', video.output, '.mp4'), rate=video.rate / self.every,
                                    size=(pixels.shape[1], pixels.shape[0]))
        self._drawn.write(pixels)

    def _end_video(self, *, is_over: bool) -> None:
        if self._drawn is not None:
            self._drawn.close()
            self._drawn = None
        if self.video is not None and is_over:
            notes = {self.video.name: '; '.join(self.video.notes)} if self.video.notes else {}
            self.journal.add(dict(item=str(self.video.output), end=notes))
        self.video = None

    def finish(self, *, is_over: bool) -> None:
        """Writes what all images share, of those that are done.

        Args:
            is_over: whether these are all images; else the run can be resumed.
        """
        self._end_video(is_over=is_over)
        position, summary = self.journal.position, self.summary
        summary.images, summary.people = position.images, position.people
        summary.failed, summary.notes = position.failed, position.notes
        if self.format == 'coco':
            self._write('results.json', json_list(self._people()))
        self._write('images.json', self._document(is_over))
        summary.remarks += self._hidden() if self.draw else []
        self.journal.close(remove=is_over)
        summary.files += [self.folder / name for name in (self.format, 'pictures') if (self.folder / name).is_dir()]

    def _hidden(self) -> list[str]:
        """A sentence where most keypoints are not drawn, so that empty pictures are not taken for no people."""
        count, hidden = 0, 0
        for entry in self.journal.entries():
            scores = np.array(entry['poses']['scores'] if 'poses' in entry else [], np.float32)
            count, hidden = count + scores.size, hidden + int((scores < self.draw_score).sum())
        return [] if 2 * hidden <= count else [
            f'{hidden} of {count} keypoints have a score below {self.draw_score:g} and are not drawn; a smaller '
            '--draw-score draws more.']

    def _people(self) -> Iterator[dict[str, Any]]:
        scoring, split = Scoring.of(self.cfg), is_whole_body(self.cfg, self.meta)
        for entry in self.journal.entries():
            if 'image' in entry:
                yield from coco_people(self._poses(entry), image_id=entry['image']['id'], scoring=scoring, split=split,
                                       sigmas=self.meta.get('sigmas'),
                                       category_id=entry.get('kinds') or next(iter(self._categories)))

    def _document(self, is_over: bool) -> Iterator[str]:
        rest = dict(failed=self.summary.failed, notes=self.summary.notes, finished=is_over, categories=[
            coco_category(self.meta, number, name) for number, name in self._categories.items()])
        yield '{"images": '
        yield from json_list(entry['image'] for entry in self.journal.entries() if 'image' in entry)
        yield f', {json.dumps(rest)[1:]}'

    @property
    def _categories(self) -> dict[int, str]:
        return {PERSON: 'person'} if self.known is None else self.known.categories

    def _poses(self, entry: Mapping[str, Any]) -> PosePredictions:
        return read_poses(entry['poses'], self.job.predictor.num_keypoints)

    def _write(self, name: str, pieces: Iterator[str]) -> None:
        write_pieces(self.folder / name, itertools.chain(pieces, '\n'))
        self.summary.files.append(self.folder / name)

    def _write_json(self, folder: str, image: InputImage, suffix: str, content: Mapping | list) -> None:
        write_atomically(self._file(folder, image.output, suffix), json.dumps(content) + '\n')

    def _file(self, folder: str, output: PurePosixPath, suffix: str) -> Path:
        file = self.folder / folder / f'{output}{suffix}'
        if not file.parent.is_dir():
            file.parent.mkdir(parents=True, exist_ok=True)
        return file


def _item(image: InputImage) -> str:
    return str(image.output if image.video is None else image.video.output)
