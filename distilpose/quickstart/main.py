"""The sequence: data, teacher, student alone, student with teacher, figures, report."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import mmengine
import mmpose
import torch
from mmengine.config import Config
from rich.console import Console

import distilpose
from distilpose import synthetic
from distilpose.config import working_root
from distilpose.engine import read_config, set_data_root
from distilpose.engine.work_dir_lock import locked
from distilpose.errors import DistilPoseError
from distilpose.report import ModelFigures, figures_table, gap_closed
from distilpose.report.figures import in_words
from distilpose.synthetic import make_dataset

from .compare import Trained, compare, write_report
from .display import Display, make_display
from .state import RunState, fingerprint
from .training import listening, train_model

MODELS = ('teacher', 'baseline', 'distilled')
TITLES = dict(teacher='teacher', baseline='student alone', distilled='student distilled')
STAGES = dict(data='synthetic people', teacher='teacher', baseline='student alone', distilled='student distilled',
              report='figures and report')
DATA_SEED = 0  # the data is the same for every seed, as COCO is
IMAGE_SIZE = 256  # side in pixels; larger ones take longer to decode and are cropped to 64x96 anyway


@dataclass(frozen=True)
class Settings:
    """What a run depends on.

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


def run(settings: Settings, console: Console) -> None:
    """Runs what is not finished yet, prints the table and writes ``report.html``.

    Raises:
        DistilPoseError: for settings that cannot work.
        KeyboardInterrupt: when interrupted; the next call with the same settings goes on.
    """
    if settings.seed < 0 or settings.images < 8:
        raise DistilPoseError(f'seed {settings.seed} and {settings.images} images: the seed must not be negative, and '
                              'there must be at least 8 images')
    with locked(settings.work_dir):
        _run(settings, console)


def _run(settings: Settings, console: Console) -> None:
    state = RunState(settings.work_dir / 'state.json')
    with quiet(settings.work_dir / 'log.txt'), make_display(console, STAGES) as display:
        stages = Stages(settings, state, display)
        data = stages.make_data()
        trained = stages.train_all(data)
        figures = stages.report(trained)
    rows = [ModelFigures(role=role, title=TITLES[role], **figures[role]) for role in MODELS]
    console.print(figures_table(rows))
    closed = gap_closed(*(figures[role]['ap'] for role in ('baseline', 'distilled')), teacher=figures['teacher']['ap'])
    share = 'undefined' if closed is None else f'{100 * closed:.0f} %'
    console.print(f'Gap to the teacher closed by distillation: {share} '
                  f'(seed {settings.seed}; {in_words(sum(state.seconds().values()))} in all).', highlight=False)
    console.print(f'Report: {settings.work_dir / "report.html"}', soft_wrap=True, highlight=False)


class Stages:
    """The stages of one run; each is skipped when its result is there and was made from the same things."""

    def __init__(self, settings: Settings, state: RunState, display: Display) -> None:
        self.settings, self.state, self.display = settings, state, display

    def make_data(self) -> str:
        """Makes the synthetic people unless they are there; returns the fingerprint of the files."""
        with self._stage('data', fingerprint(self.settings.images, DATA_SEED, IMAGE_SIZE)) as stage:
            make_dataset(self.settings.data, images=self.settings.images, seed=DATA_SEED, size=IMAGE_SIZE,
                         workers=os.cpu_count() or 1)
            stage.result = synthetic.fingerprint(self.settings.data)
        return str(stage.result)

    def train_all(self, data: str) -> dict[str, Trained]:
        """Trains the three models; the last of them with the first one's weights."""
        trained = {}
        for role in MODELS:
            cfg = self._config(role)
            key = self._model_key(cfg, data)
            folder = self.settings.work_dir / role
            with self._stage(role, key) as stage:
                if not (stage.result and (folder / 'weights.pth').is_file() and (folder / 'curves.json').is_file()):
                    with listening(partial(self.display.step, role)):
                        train_model(cfg, work_dir=folder, seed=self.settings.seed, resume=stage.resume)
                stage.result = dict(weights=_digest(folder / 'weights.pth'))
            trained[role] = Trained(cfg, folder, stage.result['weights'])
        return trained

    def report(self, trained: dict[str, Trained]) -> dict[str, dict[str, float]]:
        """Evaluates, measures and writes the page; returns the figures of every model."""
        key = fingerprint('report', [model.digest for model in trained.values()])
        with self._stage('report', key) as stage:
            if not (stage.result and (self.settings.work_dir / 'report.html').is_file()):
                comparison = compare(trained)
                stage.result = comparison.figures
                stage.close()
                write_report(comparison, trained, path=self.settings.work_dir / 'report.html', titles=TITLES,
                             facts=facts(self.settings), durations=self._durations())
        return stage.result

    def _config(self, role: str) -> Config:
        cfg = read_config(f'distilpose::quickstart/{role}.py')
        set_data_root(cfg, self.settings.data)
        cfg.train_dataloader.batch_size = min(cfg.train_dataloader.batch_size, self.settings.images // 4)
        if self.settings.epochs is not None:
            cfg.train_cfg.max_epochs = self.settings.epochs
            cfg.param_scheduler[1].end = self.settings.epochs
        if role == 'distilled':
            cfg.model.teacher.checkpoint = str(self.settings.work_dir / 'teacher' / 'weights.pth')
        return cfg

    def _model_key(self, cfg: Config, data: str) -> str:
        """Depends on config, data, seed and, for a distiller, on the teacher's weights; not on where they lie."""
        teacher = self.state.stages.get('teacher', {}).get('result') if 'teacher' in cfg.model else None
        hide = {str(self.settings.data): 'DATA', str(self.settings.work_dir): 'WORK', str(working_root()): 'PROJECT'}
        return fingerprint(cfg.to_dict(), data, self.settings.seed, teacher, hide=hide)

    def _durations(self) -> dict[str, float]:
        seconds = self.state.seconds()
        return {STAGES[stage]: seconds[stage] for stage in STAGES if stage in seconds}

    @contextlib.contextmanager
    def _stage(self, name: str, key: str) -> Iterator[OpenStage]:
        stage = OpenStage(self.state, name, key)
        was_finished = stage.result is not None
        self.display.start(name)
        try:
            yield stage
        finally:
            stage.close()
        self.state.finish(name, stage.result)
        self.display.finish(name, 'finished before' if was_finished else in_words(self.state.seconds()[name]))


class OpenStage:
    """A stage while it runs: what was there, and the time that it takes."""

    def __init__(self, state: RunState, name: str, key: str) -> None:
        self.state, self.name = state, name
        self.result: Any = state.result(name, key)
        self.resume = state.begin(name, key)
        self.counts = self.result is None
        self.started = time.monotonic()

    def close(self) -> None:
        """Adds the time since the start or since the last call, unless the stage was finished before."""
        now = time.monotonic()
        if self.counts:
            self.state.spend(self.name, now - self.started)
        self.started = now


@contextlib.contextmanager
def quiet(log: Path) -> Iterator[TextIO]:
    """Sends what the host stack prints and warns about to a file."""
    with log.open('a', encoding='utf-8') as file, contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
        yield file


def facts(settings: Settings) -> dict[str, str]:
    """What somebody needs to repeat the run, without naming the machine."""
    versions = dict(Python=platform.python_version(), torch=torch.__version__, mmpose=mmpose.__version__,
                    mmengine=mmengine.__version__, distilpose=distilpose.__version__)
    return dict(command=settings.command, seed=str(settings.seed),
                data=f'{settings.images} synthetic images of {IMAGE_SIZE}x{IMAGE_SIZE}, made with seed {DATA_SEED}',
                machine=f'{_processor()}, {torch.get_num_threads()} threads, {platform.system()} {platform.machine()}',
                versions=', '.join(f'{name} {version}' for name, version in versions.items()))


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines():
            if line.startswith('model name'):
                return line.partition(':')[2].strip()
    return platform.processor() or 'CPU'


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
