"""Training through a real Runner: precision, averaging, resuming."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from distilpose.checkpoints import CheckpointMismatch, load_file
from distilpose.engine import evaluate, train
from distilpose.errors import DistilPoseError

from .tiny import logged_losses

MakeConfig = Callable[..., Path]
EMA = "custom_hooks = [dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.5)]\n"
BY_ITERATION = """
train_cfg = dict(by_epoch=False, max_iters=6, val_interval=6)
train_dataloader['sampler'] = dict(type='InfiniteSampler')
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=3), logger=dict(interval=1))
log_processor = dict(by_epoch=False, window_size=1)
"""
EVERY_LOSS = 'log_processor = dict(window_size=1)\n'


def weights(file: Path) -> dict[str, torch.Tensor]:
    return load_file(file)['state_dict']


def assert_equal_weights(one: Path, other: Path) -> None:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_trains_evaluates_and_writes_what_a_run_leaves(make_config: MakeConfig, tmp_path: Path) -> None:
    runner = train(make_config(), work_dir=tmp_path / 'run')
    assert runner.epoch == 2
    left = {file.name for file in (tmp_path / 'run').iterdir()}
    assert left >= {'epoch_1.pth', 'epoch_2.pth', 'last_checkpoint', 'tiny_config.py'}
    assert 'val/coco/AP' in runner.message_hub.log_scalars
    assert list((tmp_path / 'run').glob('*/vis_data/events.out.tfevents*'))


def test_default_work_dir_is_named_after_the_config(make_config: MakeConfig, tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    config = make_config(epochs=1)
    (tmp_path / 'elsewhere').mkdir()
    monkeypatch.chdir(tmp_path / 'elsewhere')
    train(config, validate=False)
    assert (tmp_path / 'elsewhere' / 'work_dirs' / 'tiny_config' / 'epoch_1.pth').is_file()


def test_no_validate_never_evaluates(make_config: MakeConfig, tmp_path: Path) -> None:
    runner = train(make_config(epochs=1), work_dir=tmp_path / 'run', validate=False)
    assert runner.val_loop is None


@pytest.mark.parametrize('workers', [0, 2])
def test_resumed_run_equals_uninterrupted_one(make_config: MakeConfig, tmp_path: Path, workers: int) -> None:
    config = make_config(workers=workers, epochs=3, extra=EVERY_LOSS + EMA)
    train(config, work_dir=tmp_path / 'whole', validate=False)
    train(config, work_dir=tmp_path / 'parts', validate=False, options={'train_cfg.max_epochs': 1})
    train(config, work_dir=tmp_path / 'parts', validate=False, resume='auto')
    whole, parts = logged_losses(tmp_path / 'whole'), logged_losses(tmp_path / 'parts')
    assert len(whole) == 9 and parts.keys() >= {4, 5, 6, 7, 8, 9}  # and those before, within the same second
    assert parts == {step: whole[step] for step in parts}
    assert_equal_weights(tmp_path / 'whole' / 'epoch_3.pth', tmp_path / 'parts' / 'epoch_3.pth')


@pytest.mark.parametrize('workers', [0, 2])
def test_resumed_run_by_iterations_equals_uninterrupted_one(make_config: MakeConfig, tmp_path: Path,
                                                            workers: int) -> None:
    config = make_config(workers=workers, extra=BY_ITERATION)
    train(config, work_dir=tmp_path / 'whole', validate=False)
    file = tmp_path / 'whole' / 'iter_3.pth'
    train(config, work_dir=tmp_path / 'parts', validate=False, resume=str(file))
    whole, parts = logged_losses(tmp_path / 'whole'), logged_losses(tmp_path / 'parts')
    assert parts == {step: whole[step] for step in (4, 5, 6)}


def test_a_seed_that_nobody_chose_is_resumed(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(epochs=2, extra='randomness = dict(seed=None)\n' + EVERY_LOSS)
    train(config, work_dir=tmp_path / 'whole', validate=False)
    train(config, work_dir=tmp_path / 'parts', validate=False, resume=str(tmp_path / 'whole' / 'epoch_1.pth'))
    whole = logged_losses(tmp_path / 'whole')
    assert logged_losses(tmp_path / 'parts') == {step: whole[step] for step in (4, 5, 6)}


def test_the_seed_decides_the_run(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(epochs=1, extra=EVERY_LOSS)
    losses = []
    for number, seed in enumerate((1, 1, 2)):
        train(config, work_dir=tmp_path / str(number), validate=False, seed=seed)
        losses.append(logged_losses(tmp_path / str(number)))
    assert losses[0] == losses[1] != losses[2]


def test_resume_auto_with_nothing_starts_and_says_so(make_config: MakeConfig, tmp_path: Path) -> None:
    runner = train(make_config(epochs=1), work_dir=tmp_path / 'run', resume='auto', validate=False)
    assert 'training starts from the beginning' in Path(runner.logger.log_file).read_text()


def test_resume_auto_after_the_work_dir_was_moved(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(epochs=1)
    train(config, work_dir=tmp_path / 'old', validate=False)
    (tmp_path / 'old').rename(tmp_path / 'new')
    runner = train(config, work_dir=tmp_path / 'new', resume='auto', validate=False,
                   options={'train_cfg.max_epochs': 2})
    assert runner.iter == 6


def test_a_resumed_run_needs_no_first_weights(make_config: MakeConfig, tmp_path: Path) -> None:
    """As of a backbone that was trained on other data."""
    torch.save(dict(state_dict={'head.fc.bias': torch.full((34, ), 0.25)}), tmp_path / 'first.pth')
    first = f"model['init_cfg'] = dict(type='Pretrained', checkpoint={str(tmp_path / 'first.pth')!r})\n"
    config = make_config(epochs=2, extra=first)
    train(config, work_dir=tmp_path / 'whole', validate=False)
    assert weights(tmp_path / 'whole' / 'epoch_1.pth')['head.fc.bias'].mean() == pytest.approx(0.25, abs=0.05)
    (tmp_path / 'first.pth').unlink()
    runner = train(config, work_dir=tmp_path / 'parts', validate=False, resume=str(tmp_path / 'whole' / 'epoch_1.pth'))
    assert 'init_weights' not in vars(runner.model), 'the model can be initialised after the training'
    assert_equal_weights(tmp_path / 'whole' / 'epoch_2.pth', tmp_path / 'parts' / 'epoch_2.pth')


def test_resume_refuses_weights_alone(make_config: MakeConfig, tmp_path: Path) -> None:
    torch.save({'state_dict': {'weight': torch.zeros(1)}}, tmp_path / 'weights.pth')
    with pytest.raises(DistilPoseError, match='not a checkpoint of a training.*load_from'):
        train(make_config(), work_dir=tmp_path / 'run', resume=str(tmp_path / 'weights.pth'))
    assert not (tmp_path / 'run').exists()


def test_resume_refuses_another_network(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(epochs=1)
    train(config, work_dir=tmp_path / 'run', validate=False)
    with pytest.raises(CheckpointMismatch, match='resume from does not fit'):
        train(config, work_dir=tmp_path / 'other', resume=str(tmp_path / 'run' / 'epoch_1.pth'), validate=False,
              options={'model.backbone.width': 24, 'model.head.in_channels': 24})


def test_amp_on_the_cpu_is_bfloat16_and_close_to_float32(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(epochs=1, extra=EVERY_LOSS)
    runner = train(config, work_dir=tmp_path / 'amp', amp=True, validate=False)
    train(config, work_dir=tmp_path / 'full', validate=False)
    assert runner.optim_wrapper.dtype is torch.bfloat16
    amp, full = logged_losses(tmp_path / 'amp'), logged_losses(tmp_path / 'full')
    assert amp != full
    assert list(amp.values()) == pytest.approx(list(full.values()), rel=0.05)
    assert all(value.dtype is torch.float32 for name, value in weights(tmp_path / 'amp' / 'epoch_1.pth').items()
               if value.is_floating_point())


def test_amp_resumes_exactly(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(extra=EVERY_LOSS)
    train(config, work_dir=tmp_path / 'whole', amp=True, validate=False)
    train(config, work_dir=tmp_path / 'parts', amp=True, validate=False, resume=str(tmp_path / 'whole' / 'epoch_1.pth'))
    assert_equal_weights(tmp_path / 'whole' / 'epoch_2.pth', tmp_path / 'parts' / 'epoch_2.pth')


def test_averaged_weights_are_what_is_tested(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(epochs=1, extra=EMA)
    runner = train(config, work_dir=tmp_path / 'run')
    stored = load_file(tmp_path / 'run' / 'epoch_1.pth')
    averaged = next(hook for hook in runner.hooks if type(hook).__name__ == 'EMAHook').ema_model.module.state_dict()
    assert all(torch.equal(stored['state_dict'][name], value) for name, value in averaged.items())
    metrics = evaluate(config, tmp_path / 'run' / 'epoch_1.pth', work_dir=tmp_path / 'test',
                       options={'default_hooks.crop_store.folder': None})  # which a training takes, too
    validated = runner.message_hub.get_scalar('val/coco/AP').current()
    assert metrics['coco/AP'] == pytest.approx(validated)


def test_auto_scale_lr_scales(make_config: MakeConfig, tmp_path: Path) -> None:
    config = make_config(epochs=1, extra='param_scheduler = []\n')
    runner = train(config, work_dir=tmp_path / 'run', auto_scale_lr=True, validate=False)
    assert runner.optim_wrapper.get_lr()['lr'] == [pytest.approx(0.005)]


def test_options_without_effect_are_refused(make_config: MakeConfig, tmp_path: Path) -> None:
    with pytest.raises(DistilPoseError, match='--cfg-options codec.input_size has no effect'):
        train(make_config(epochs=1), work_dir=tmp_path / 'run', validate=False,
              options={'codec.input_size': (96, 128)})
    assert not (tmp_path / 'run').exists()


def test_options_that_are_added_without_a_check_are_logged(make_config: MakeConfig, tmp_path: Path) -> None:
    runner = train(make_config(epochs=1), work_dir=tmp_path / 'run', validate=False, options={'+mine': 1})
    assert '--cfg-options +mine adds a key without a check' in Path(runner.logger.log_file).read_text()
