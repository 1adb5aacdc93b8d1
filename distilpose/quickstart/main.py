"""Quickstart: synthetic people, then a comparison of teacher, student alone and distilled student."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import torch
from mmengine.config import Config
from rich.console import Console

from distilpose import synthetic
from distilpose.checkpoints import load_file
from distilpose.checkpoints.integrity import sha256_of
from distilpose.checkpoints.writing import replacing
from distilpose.compare.formatting import closed, model_table
from distilpose.compare.main import Presentation, Queue, write
from distilpose.compare.page import Texts
from distilpose.compare.plans import TITLES, Plan, Request
from distilpose.compare.runs import Ended
from distilpose.config import working_root
from distilpose.engine.resuming.checkpoint_search import newest_whole_checkpoint
from distilpose.engine.work_dir_lock import locked
from distilpose.errors import DistilPoseError
from distilpose.processor import processor_name
from distilpose.progress import ProgressDisplay, shown_by
from distilpose.report.metrics import in_words
from distilpose.synthetic import make_dataset

from .state import RunState, fingerprint

STAGES = dict(data='synthetic people', **TITLES, report='figures and report')
DATA_SEED = 0  # the data is the same for every seed, as COCO is
IMAGE_SIZE = 256  # side in pixels; larger ones take longer to decode and are cropped to 64x96 anyway
_TEXTS = Texts(
    eyebrow='quickstart', title='what a teacher is worth',
    lead='Both students have the same width and depth, first weights, data in the same order, length and schedule. One '
    'of them also learned from the teacher. None of the three was trained on the people of this page.',
    people=('Predictions', 'Validation people at even distances through the set, not chosen by result.'),
    footer='Synthetic people, minutes of training: this page shows that the method works on your machine, and '
    'nothing about real photographs.')


@dataclass(frozen=True)
class Settings:
    """Options of a run.

    Attributes:
        seed: of weights, order and augmentation of all three trainings.
        work_dir: everything but the data is written here.
        data: folder of the synthetic people.
        images: how many to make.
        epochs: of every training, ``None`` for those of the configs.
        command: as the report names it.
    """

    seed: int
    work_dir: Path
    data: Path
    images: int
    epochs: int | None = None
    command: str = './tools/quickstart.sh'

    def request(self) -> Request:
        """The comparison that this is."""
        batch = min(16, self.images // 4)
        options: dict[str, Any] = {'train_dataloader.batch_size': batch}
        if self.epochs is not None:
            options |= {'train_cfg.max_epochs': self.epochs, 'param_scheduler.1.end': self.epochs}
        teacher, baseline, distilled = (f'distilpose::quickstart/{role}.py' for role in TITLES)
        return Request(teacher=teacher, baseline=baseline, distilled=distilled, work_dir=self.work_dir,
                       seeds=(self.seed, ), options=options, data_root=str(self.data), command=self.command,
                       name='report', seed_folders=False, validate=False, pairs=True)


def run(settings: Settings, console: Console) -> None:
    """Runs what is not finished yet, prints the table and writes ``report.{html,json,md}``.

    Raises:
        DistilPoseError: for settings that cannot work.
        KeyboardInterrupt: when interrupted; the next call with the same settings resumes.
    """
    if settings.seed < 0 or settings.images < 8:
        raise DistilPoseError(f'seed {settings.seed} and {settings.images} images: the seed must not be negative, and '
                              'there must be at least 8 images')
    with locked(settings.work_dir):
        state = RunState(settings.work_dir / 'state.json')
        with (shown_by(lambda is_transient: ProgressDisplay(console, transient=is_transient)),
              quiet(settings.work_dir / 'log.txt')):
            summary = Stages(settings, state, console).run()
    console.print(model_table(summary).terminal())
    gap = closed(summary['gap_closed']['distilled']['ap'])
    console.print(f'Gap to the teacher closed by distillation: {gap} '
                  f'(seed {settings.seed}; {in_words(state.elapsed())} in all).', highlight=False)
    console.print(f'Report: {settings.work_dir / "report.html"}', soft_wrap=True, highlight=False)


class Stages:
    """The stages of one run; each is skipped when its result is there and was made from the same things."""

    def __init__(self, settings: Settings, state: RunState, console: Console) -> None:
        self.settings, self.state, self.console = settings, state, console
        self.data = ''
        """Fingerprint of the synthetic people."""

    def run(self) -> dict[str, Any]:
        """Runs all stages; returns the summary of the comparison."""
        with self.stage('data', fingerprint(self.settings.images, DATA_SEED, IMAGE_SIZE)) as stage:
            make_dataset(self.settings.data, images=self.settings.images, seed=DATA_SEED, size=IMAGE_SIZE,
                         workers=os.cpu_count() or 1)
            self.data = stage.result = synthetic.fingerprint(self.settings.data)
        queue = Queue.of(self.settings.request())
        runs = queue.train(lambda plan, seed, state: None, around=self.training)
        file = self.settings.work_dir / 'report.json'
        weights = [self.state.stages[role]['result'] for role in TITLES]
        with self.stage('report', fingerprint('report', weights)) as stage:
            if not (stage.result and is_summary(file) and file.with_suffix('.html').is_file()):
                presentation = Presentation(_TEXTS, facts(self.settings), speed=True, even=True)
                comparison = queue.measure(runs, log=lambda plan, seed, state: None, presentation=presentation)
                stage.close()
                durations = {STAGES[name]: seconds for name, seconds in self.state.seconds().items() if name in STAGES}
                spent = ', '.join(f'{title} {in_words(seconds)}' for title, seconds in durations.items())
                spent += f'; {in_words(self.state.elapsed())} in all'
                if sum(durations.values()) > self.state.elapsed() + 1:
                    spent += ', because two models trained at the same time'
                write(replace(comparison, facts={**comparison.facts, 'durations': spent}), queue,
                      presentation=presentation)
            stage.result = True
        return json.loads(file.read_text(encoding='utf-8'))

    @contextlib.contextmanager
    def training(self, plan: Plan, cfg: Config, folder: Path) -> Iterator[Ended]:
        """Around a training: what an earlier one with other settings left is removed, its weights are written."""
        with self.stage(plan.role, self._fingerprint(plan, cfg)) as stage:
            if not stage.is_same:
                for file in (folder / 'last_checkpoint', *folder.glob('epoch_*.pth'), *folder.glob('iter_*.pth')):
                    file.unlink(missing_ok=True)
            yield stage.close
            weights = folder / 'weights.pth'
            if not (stage.result and weights.is_file()):
                write_weights(folder, weights)
            stage.result = stage.result or dict(weights=sha256_of(weights))

    def _fingerprint(self, plan: Plan, cfg: Config) -> str:
        """Of config, data, seed and the weights of the teacher; not of where they lie."""
        teacher = self.state.stages['teacher']['result'] if plan.needs else None
        hide = {str(self.settings.data): 'DATA', str(self.settings.work_dir): 'WORK', str(working_root()): 'PROJECT'}
        return fingerprint(cfg.to_dict(), self.data, self.settings.seed, teacher, hide=hide)

    @contextlib.contextmanager
    def stage(self, name: str, key: str) -> Iterator[OpenStage]:
        """A stage with a line at its start and its end."""
        stage = OpenStage(self.state, name, key)
        is_finished = stage.result is not None
        self._print(name, 'begins')
        try:
            yield stage
        finally:
            stage.close()
        self.state.finish(name, stage.result)
        self._print(name, 'finished before' if is_finished else in_words(self.state.seconds()[name]))

    def _print(self, name: str, text: str) -> None:
        number = list(STAGES).index(name) + 1
        self.console.print(f'[{number}/{len(STAGES)}] {STAGES[name]}: {text}', markup=False, highlight=False,
                           soft_wrap=True)


class OpenStage:
    """A stage while it runs: its result of before, and the time that it takes."""

    def __init__(self, state: RunState, name: str, key: str) -> None:
        self.state, self.name = state, name
        self.result: Any = state.result(name, key)
        self.is_same = state.begin(name, key)
        self.counts = self.result is None
        self.started = time.monotonic()

    def close(self, when: float | None = None) -> None:
        """Adds the time since the start or since the last call, unless the stage was finished before.

        Args:
            when: the stage ended; its time is not counted any more. By default now.
        """
        now = time.monotonic() if when is None else when
        if self.counts:
            self.state.spend(self.name, self.started, now)
        self.started = now
        self.counts = self.counts and when is None


def is_summary(file: Path) -> bool:
    """Whether a file is the summary of a comparison with a teacher, as JSON."""
    try:
        return 'gap_closed' in json.loads(file.read_text(encoding='utf-8'))
    except (OSError, ValueError, TypeError):
        return False


def write_weights(folder: Path, file: Path) -> None:
    """Writes the weights of the newest checkpoint of a training, and nothing else of it."""
    checkpoint, _ = newest_whole_checkpoint(folder)
    assert checkpoint is not None  # of the training that just ended
    state = load_file(checkpoint)['state_dict']
    with replacing(file) as part:
        torch.save({name: value.contiguous() for name, value in state.items()}, part)


@contextlib.contextmanager
def quiet(log: Path) -> Iterator[TextIO]:
    """Sends what the host stack prints and warns about to a file."""
    with log.open('a', encoding='utf-8') as file, contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
        yield file


def facts(settings: Settings) -> dict[str, str]:
    """What is needed to repeat the run, without naming the machine."""
    return dict(data=f'{settings.images} synthetic images of {IMAGE_SIZE}x{IMAGE_SIZE}, made with seed {DATA_SEED}',
                machine=f'{processor_name()}, {torch.get_num_threads()} threads, {platform.system()} '
                f'{platform.machine()}')
