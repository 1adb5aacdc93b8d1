"""kill -9 at random moments: does every resumed training end with the bits of one that was never interrupted?

    python tests/faults/kill_at_random.py --kills 20 [--processes 2] [--seed 1] [--keep FOLDER]

Each kill ends a training of its own, which ``--resume auto`` then brings to its end. Checkpoints are written every few
iterations, every epoch with a validation and the best one, or every few moments; the network carries 16 MB, so that
writing takes a while. Every fourth kill comes while a checkpoint is being written, the others at any time of the
training. Final weights, averaged weights, optimizer, schedule and the history of losses are compared. The exit code is
1 when a bit differs or a resumed training fails.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

import torch  # noqa: E402
from mmpose.registry import MODELS  # noqa: E402
from torch import Tensor  # noqa: E402

from tests.engine import tiny  # noqa: E402
from tests.engine.ends import first_difference  # noqa: E402
from tests.faults.runs import Run, start_training, start_two_processes  # noqa: E402

EPOCHS = 6
_PACE = 0.05  # seconds that an iteration takes at least
_COMMON = f"""
custom_imports['imports'].append('tests.faults.kill_at_random')
model['backbone'] = dict(type='HeavyBackbone')
train_dataloader['batch_size'] = 2
param_scheduler = [dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=5),
                   dict(type='MultiStepLR', by_epoch=True, milestones=[2, 4])]
custom_hooks = [dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.1)]
train_cfg['max_epochs'] = {EPOCHS}
"""
KINDS = {
    'every 4 iterations': """
default_hooks['checkpoint'] = dict(interval=4, by_epoch=False, max_keep_ckpts=2, save_last=True)
train_cfg['val_interval'] = 100
""",
    'every epoch': """
default_hooks['checkpoint'] = dict(interval=1, save_best='coco/AP', rule='greater', max_keep_ckpts=2)
train_dataloader.update(num_workers=2, persistent_workers=True)
""",
    'every epoch and every 0.3 seconds': """
default_hooks['checkpoint'] = dict(interval=2, minutes=0.005, max_keep_ckpts=1)
train_cfg['val_interval'] = 100
""",
}
"""How checkpoints are written -> lines of the config."""


@MODELS.register_module()
class HeavyBackbone(tiny.TinyBackbone):
    """That of ``tiny.py`` with 16 MB that it does not use, and iterations that take a moment."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('ballast', torch.rand(4_000_000, generator=torch.Generator().manual_seed(0)))

    def forward(self, images: Tensor) -> tuple[Tensor]:
        if self.training:
            time.sleep(_PACE)
        return super().forward(images)


class Outcome(NamedTuple):
    """Of one kill."""

    moment: str
    resumed: str
    problem: str | None
    """What differs or failed; ``None`` when all bits are equal."""


class Trainings:
    """Starts trainings in one or two processes and compares their ends.

    Args:
        folder: for data, configs and work directories.
        processes: 1 or 2.
    """

    def __init__(self, folder: Path, *, processes: int) -> None:
        self.folder, self.processes = folder, processes
        data = tiny.write_data(folder / 'data')
        self.configs = {kind: tiny.write_config(folder / f'config_{number}.py', data, extra=_COMMON + lines)
                        for number, (kind, lines) in enumerate(KINDS.items())}
        self.whole: dict[str, dict[str, Any]] = {}

    def start(self, kind: str, work_dir: Path, *arguments: str, log: Path | None = None) -> Run:
        """Starts a training."""
        start = start_training if self.processes == 1 else start_two_processes
        return start(self.configs[kind], work_dir, *arguments, log=log)

    def end_of(self, kind: str) -> dict[str, Any]:
        """What a training that nobody interrupts comes to."""
        if kind not in self.whole:
            work_dir = self.folder / f'whole {kind}'.replace(' ', '_')
            run = self.start(kind, work_dir)
            if run.end() != 0:
                raise SystemExit(f'the uninterrupted training fails: {run.output[-3000:]}')
            self.whole[kind] = read_end(work_dir)
        return self.whole[kind]

    def kill_one(self, kind: str, number: int, choice: random.Random) -> Outcome:
        """Kills a training and resumes it."""
        expected, work_dir = self.end_of(kind), self.folder / f'kill_{number}'
        run = self.start(kind, work_dir)
        try:
            if number % 4 == 0:
                moment = wait_for_writing(run, work_dir, choice)
            else:
                moment = wait_for_iteration(run, work_dir, choice, last=expected['meta']['iter'])
        finally:
            kill_all(run.process.pid)
            run.end()
        resumed = self.start(kind, work_dir, '--resume', 'auto', log=work_dir.with_suffix('.resumed.log'))
        code, output = resumed.end(), resumed.output
        words = next((line.partition('WARNING - ')[2] for line in output.splitlines()
                      if 'Resuming from ' in line or 'starts from the beginning' in line or 'is finished' in line), '?')
        words = words.replace(f'{work_dir}/', '')
        if code != 0:
            return Outcome(moment, words, f'exit code {code}: {output.strip().splitlines()[-1]}')
        return Outcome(moment, words, first_difference(expected, read_end(work_dir)))


def wait_for_iteration(run: Run, work_dir: Path, choice: random.Random, *, last: int) -> str:
    """Waits for a random iteration and a moment more."""
    iteration, pause = choice.randrange(last), choice.uniform(0, 3 * _PACE)
    if iteration == 0:
        run.wait_until(lambda: work_dir.is_dir())
        pause = choice.uniform(0, 3)  # networks and data are built
    wait(run, lambda: last_iteration(work_dir) >= iteration)
    time.sleep(pause)
    return f'{pause:.3f} s after iteration {iteration} (of {last}) was logged'


def wait_for_writing(run: Run, work_dir: Path, choice: random.Random) -> str:
    """Waits until a random checkpoint begins to be written, and a few milliseconds."""
    number, pause, seen = choice.randrange(1, 5), choice.uniform(0, 0.04), set[str]()

    def begins() -> bool:
        seen.update(str(file) for file in checkpoint_files(work_dir))
        return len(seen) >= number

    wait(run, begins)
    time.sleep(pause)
    return f'{1000 * pause:.0f} ms after file {number} of a checkpoint appeared'


def wait(run: Run, condition: Callable[[], bool], *, timeout: float = 300.0) -> None:
    """Waits until something is so or the training has ended."""
    end = time.monotonic() + timeout
    while run.process.poll() is None and not condition():
        if time.monotonic() > end:
            raise SystemExit(f'the training stands still: {run.output[-3000:]}')
        time.sleep(0.002)


def checkpoint_files(work_dir: Path) -> Iterator[Path]:
    """Finished and unfinished ones."""
    if work_dir.is_dir():
        yield from (file for file in work_dir.iterdir() if '.pth' in file.name)


def last_iteration(work_dir: Path) -> int:
    """That was logged."""
    steps = [0]
    for file in work_dir.glob('*/vis_data/scalars.json'):
        for line in file.read_text().splitlines():
            try:
                steps.append(json.loads(line).get('step', 0))
            except json.JSONDecodeError:
                continue  # is being written
    return max(steps)


def kill_all(pid: int) -> None:
    """kill -9 of a process and all that it started, also of those in a session of their own, all at once."""
    found = [pid]
    for parent in found:
        for file in Path(f'/proc/{parent}/task').glob('*/children'):
            try:
                found += map(int, file.read_text().split())
            except OSError:
                continue  # it has ended
    for process in found:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue
    end = time.monotonic() + 10
    while any(Path(f'/proc/{process}/exe').exists() for process in found[1:]) and time.monotonic() < end:
        time.sleep(0.01)


def read_end(work_dir: Path) -> dict[str, Any]:
    """The checkpoint of the end."""
    from distilpose.checkpoints import load_file

    return load_file((work_dir / 'last_checkpoint').read_text().strip())


def run_kills(folder: Path, *, kills: int, processes: int, seed: int) -> int:
    """Prints a line per kill; returns how many trainings did not end bit-equal."""
    trainings, choice, failed = Trainings(folder, processes=processes), random.Random(seed), 0
    for number in range(kills):
        kind = list(KINDS)[number % len(KINDS)]
        outcome = trainings.kill_one(kind, number, choice)
        failed += outcome.problem is not None
        state = 'bit-equal' if outcome.problem is None else f'DIFFERS: {outcome.problem}'
        print(f'{number + 1:3}/{kills}  checkpoints {kind}; killed {outcome.moment}; {outcome.resumed} {state}',
              flush=True)
    print(f'{kills - failed} of {kills} trainings, killed in {processes} process(es), ended bit-equal.')
    return failed


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--kills', type=int, default=20)
    parser.add_argument('--processes', type=int, choices=(1, 2), default=1)
    parser.add_argument('--seed', type=int, default=0, help='of the moments')
    parser.add_argument('--keep', type=Path, help='a new folder for the trainings, which stays')
    args = parser.parse_args()
    if args.keep is not None:
        args.keep.mkdir(parents=True)
        return int(run_kills(args.keep, kills=args.kills, processes=args.processes, seed=args.seed) > 0)
    with tempfile.TemporaryDirectory() as folder:
        return int(run_kills(Path(folder), kills=args.kills, processes=args.processes, seed=args.seed) > 0)


if __name__ == '__main__':
    sys.exit(main())
