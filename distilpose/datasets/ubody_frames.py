"""Frame extraction of UBody's videos with ffmpeg."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from distilpose.errors import DistilPoseError
from distilpose.progress import tracked

from .ubody_files import read_scene

FORMATS = ('.avi', '.flv', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.ts', '.webm', '.wmv')
RECORD = '.frames.json'
"""A file beside the frames with the interval of the kept ones."""


@dataclass(frozen=True)
class Video:
    """A video, and the folder for its frames: ``images/SCENE/VIDEO`` for ``videos/SCENE/VIDEO.mp4``."""

    path: Path
    folder: Path
    keep: frozenset[str] | None
    """Names of the frames to keep, or all of them."""


@dataclass(frozen=True)
class Extraction:
    """Result of an extraction."""

    extracted: int
    """Videos of which frames were taken now."""
    finished: int
    """Videos that had been finished before."""
    left_out: int
    """Videos that no annotation needs."""
    frames: int
    """Images that were written now."""
    warnings: tuple[str, ...]
    """Warnings of ffmpeg about videos that it read nonetheless."""

    def __str__(self) -> str:
        parts = [f'{self.extracted} videos extracted, {self.frames} images', f'{self.finished} were finished before']
        if self.left_out:
            parts.append(f'{self.left_out} have no annotated image')
        return '\n'.join(['; '.join(parts), *self.warnings])


def extract_frames(root: str | Path, *, scenes: Sequence[str] | None = None, keep_interval: int | None = None,
                   jobs: int = 1, ffmpeg: str = 'ffmpeg') -> Extraction:
    """Writes the frames of every video as ``images/SCENE/VIDEO/000001.png`` and so on, 30 a second as published.

    A folder appears when it is complete, so an interrupted call can be repeated: finished videos are skipped. A video
    that cannot be read does not stop the others.

    Args:
        root: UBody's folder, with ``videos``.
        scenes: names of folders in ``videos``, all by default.
        keep_interval: keeps only images that the annotations name and whose id is a multiple of this, which is what
            the data set reads with the same ``sample_interval``. ffmpeg makes all frames of a video and the others are
            removed: no filter is known to choose the same frames as the published command.
        jobs: how many videos to work on at a time.
        ffmpeg: the program.

    Raises:
        DistilPoseError: wrong arguments, no videos, no ffmpeg, or videos that it could not read.
    """
    if jobs < 1:
        raise DistilPoseError(f'jobs is {jobs}; expected at least 1')
    folder = Path(root).expanduser().absolute()
    videos = _find_videos(folder, scenes)
    if keep_interval is not None:
        videos = _with_kept_frames(folder, videos, keep_interval)
    needed = [video for video in videos if video.keep is None or video.keep]
    waiting = [video for video in needed if not _is_finished(video.folder, keep_interval)]
    counts = dict(extracted=len(waiting), finished=len(needed) - len(waiting), left_out=len(videos) - len(needed))
    if not waiting:
        return Extraction(**counts, frames=0, warnings=())
    frames, warnings = _extract_all(waiting, _find_program(ffmpeg), keep_interval=keep_interval, jobs=jobs)
    return Extraction(**counts, frames=frames, warnings=tuple(warnings))


def _find_videos(root: Path, scenes: Sequence[str] | None) -> list[Video]:
    top = root / 'videos'
    missing = [scene for scene in scenes or () if not (top / scene).is_dir()]
    if missing or not top.is_dir():
        found = ', '.join(sorted(entry.name for entry in top.iterdir())[:20]) if top.is_dir() else 'no folder videos'
        raise DistilPoseError(f'{root} has no videos of {", ".join(missing) or "any scene"}, it has {found}; expected '
                              "UBody's folder with videos/SCENE/VIDEO.mp4")
    files = sorted(file for scene in scenes or ('', ) for file in (top / scene).rglob('*')
                   if file.suffix.lower() in FORMATS and not file.name.startswith('.') and file.is_file())
    if not files:
        raise DistilPoseError(f'there are no videos ({", ".join(FORMATS)}) in {top}; expected videos/SCENE/VIDEO.mp4')
    by_folder: dict[Path, Path] = {}
    for file in files:
        folder = root / 'images' / file.parent.relative_to(top) / file.name.partition('.')[0]
        if folder in by_folder:
            raise DistilPoseError(f'the frames of {by_folder[folder]} and {file} would both go to {folder}; rename or '
                                  'remove one of them')
        by_folder[folder] = file
    return [Video(file, folder, None) for folder, file in by_folder.items()]


def _with_kept_frames(root: Path, videos: Sequence[Video], interval: int) -> list[Video]:
    """The videos with the names of their annotated images."""
    keep = defaultdict(set)
    for scene in sorted({PurePosixPath(video.folder.relative_to(root / 'images')).parts[0] for video in videos}):
        for frame in read_scene(root / 'annotations' / scene / 'keypoint_annotation.json', sample_interval=interval):
            keep[root / 'images' / scene / frame.path.parent].add(frame.path.name)
    return [Video(video.path, video.folder, frozenset(keep[video.folder])) for video in videos]


def _is_finished(folder: Path, keep_interval: int | None) -> bool:
    """Whether the frames are there, all of them or at least those that are to be kept now."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return False
    record = folder / RECORD
    try:
        kept = json.loads(record.read_text(encoding='utf-8'))['keep_interval'] if record.is_file() else None
        if kept is not None and not (type(kept) is int and kept > 0):
            raise ValueError(f'keep_interval is {kept!r:.40}')
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise DistilPoseError(f'{record} cannot be read ({error}); delete {folder} to take its frames again') from error
    return kept is None or (keep_interval is not None and keep_interval % kept == 0)


def _find_program(ffmpeg: str) -> str:
    program = shutil.which(ffmpeg)
    if program is None:
        raise DistilPoseError(
            f'there is no program {ffmpeg!r}, which takes the frames out of the videos; install ffmpeg (apt, conda or '
            "brew install ffmpeg; or pip install imageio-ffmpeg, which brings one), or name it with --ffmpeg. OpenCV's "
            'reader does not take its place: it gives the frames of the file, not 30 a second')
    return str(Path(program).absolute())


def _extract_all(videos: Sequence[Video], program: str, *, keep_interval: int | None,
                 jobs: int) -> tuple[int, list[str]]:
    """How many images were written, and the warnings of ffmpeg."""
    frames, warnings, failures = 0, [], []
    pool = ThreadPoolExecutor(jobs)  # threads that wait for processes
    try:
        futures = [pool.submit(_extract, video, program, keep_interval) for video in videos]
        for future in tracked(as_completed(futures), total=len(videos), description='videos', unit='videos'):
            try:
                count, warning = future.result()
            except DistilPoseError as error:
                failures.append(str(error))
                continue
            frames += count
            warnings += [warning] if warning else []
    finally:
        pool.shutdown(cancel_futures=True)
    if failures:
        raise DistilPoseError(f'{len(failures)} of {len(videos)} videos could not be extracted, the others are '
                              'finished; repair or remove these and run it again:\n' + '\n'.join(sorted(failures)))
    return frames, warnings


def _extract(video: Video, program: str, keep_interval: int | None) -> tuple[int, str | None]:
    """Extracts one video; returns how many images it has, and the warnings of ffmpeg."""
    with _made_beside(video.folder) as partial:
        # The video is named by its whole path, and the images from within their folder: nothing in a name is an option,
        # a protocol or a pattern. Only local files are opened, whatever the video refers to.
        command = [program, '-nostdin', '-hide_banner', '-loglevel', 'error', '-protocol_whitelist', 'file',
                   '-i', str(video.path), '-f', 'image2', '-r', '30', '%06d.png']
        result = subprocess.run(command, cwd=partial, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        messages = result.stderr.decode(errors='replace').strip().splitlines()
        frames = list(partial.glob('*.png'))
        if result.returncode or not frames:
            reason = messages[-1] if messages else f'exit code {result.returncode}, {len(frames)} frames'
            raise DistilPoseError(f'{video.path}: {reason}')
        dropped = [frame for frame in frames if video.keep is not None and frame.name not in video.keep]
        for frame in dropped:
            frame.unlink()
        (partial / RECORD).write_text(json.dumps(dict(keep_interval=keep_interval, frames=len(frames))))
    return len(frames) - len(dropped), f'{video.path}: {messages[-1]}' if messages else None


@contextmanager
def _made_beside(folder: Path) -> Iterator[Path]:
    """An empty folder beside ``folder``, which takes its place at the end and is removed when something goes wrong."""
    part = folder.with_name(f'.{folder.name}.part')
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        yield part
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(part, folder)
    except OSError as error:
        raise DistilPoseError(f'{folder} cannot be written: {error.strerror or error}') from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
