"""``--log-to``: what TensorBoard's files hold, resumed runs, and packages that are not there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from mmengine.config import Config
from mmengine.visualization import Visualizer

from distilpose.engine import log_backends, train
from distilpose.engine.log_backends import LOGS, RUNS, add_log_backends, read_run, write_run
from distilpose.errors import DistilPoseError
from distilpose_cli import training
from distilpose_cli.console import main
from tests.engine.tiny import logged_losses, write_data, write_distillation


def read_events(folder: Path) -> dict[str, dict[int, float]]:
    """Scalar -> step -> value, of all event files in a work directory."""
    event_accumulator = pytest.importorskip('tensorboard.backend.event_processing.event_accumulator')
    found: dict[str, dict[int, float]] = {}
    for file in sorted(folder.glob('*/vis_data/events.out.tfevents*')):
        events = event_accumulator.EventAccumulator(str(file))
        events.Reload()
        for tag in events.Tags()['scalars']:
            found.setdefault(tag, {}).update({event.step: event.value for event in events.Scalars(tag)})
        found.setdefault('texts', {}).update({hash(tag): 0.0 for tag in events.Tags()['tensors']})
    return found


def test_tensorboard_holds_losses_metrics_and_the_teacher(tmp_path: Path) -> None:
    _, config = write_distillation(tmp_path, write_data(tmp_path / 'data'))
    options = {'custom_hooks': [dict(type='GradientShareHook', interval=1)], 'train_cfg.max_epochs': 1}
    arguments: dict[str, Any] = dict(work_dir=tmp_path / 'run', log_to=['tensorboard'])
    train(config, options=options, **arguments)
    train(config, options=dict(options, **{'train_cfg.max_epochs': 2}), resume=True, **arguments)
    found = read_events(tmp_path / 'run')
    assert found['loss'].keys() == set(range(1, 1 + max(found['loss']))) and found['texts']
    newest = logged_losses(tmp_path / 'run')
    assert {step: found['loss'][step] for step in newest} == pytest.approx(newest, rel=1e-6)
    assert {'loss_simulated_heatmap', 'lr', 'coco/AP', 'teacher/AP', 'teacher/PCK', 'grad_share/kpt',
            'grad_share/simulated_heatmap'} <= found.keys()


@pytest.mark.parametrize('name', LOGS)
def test_a_missing_package_is_refused_before_any_work(name: str, make_config: Callable[..., Path], tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(log_backends, 'find_spec', lambda package: None)
    assert main(['train', str(make_config()), '--work-dir', str(tmp_path / 'run'), '--log-to', name]) == 2
    assert f'needs the package {name}, which is not installed: pip install {name}' in capsys.readouterr().err
    assert not (tmp_path / 'run').exists()


def test_a_broken_package_is_refused(make_config: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_backends, 'find_spec', lambda package: object())
    with mock.patch.dict('sys.modules', wandb=None), pytest.raises(DistilPoseError, match='cannot be imported'):
        train(make_config(), log_to=['wandb'])
    with pytest.raises(DistilPoseError, match='--log-to neptune is none; expected some of tensorboard, wandb, mlflow'):
        train(make_config(), log_to=['neptune'])


def test_the_command_knows_the_same_names() -> None:
    assert training.LOGS == LOGS


def test_backends_are_added_to_those_of_the_config() -> None:
    cfg = Config(dict(work_dir='/runs/a', visualizer=dict(type='PoseLocalVisualizer', vis_backends=[
        dict(type='LocalVisBackend'), dict(type='WandbVisBackend', init_kwargs=dict(project='own'))])))
    add_log_backends(cfg, ['wandb', 'mlflow', 'tensorboard', 'tensorboard'], is_resumed=True)
    kinds = [backend['type'] for backend in cfg.visualizer.vis_backends]
    assert kinds == ['LocalVisBackend', 'WandbVisBackend', 'MLflowRunVisBackend', 'TensorboardVisBackend']
    assert cfg.visualizer.vis_backends[2] == dict(type='MLflowRunVisBackend', folder='/runs/a', resume=True)


def test_only_the_first_process_writes(tmp_path: Path) -> None:
    pytest.importorskip('tensorboard')
    backends = [dict(type='TensorboardVisBackend')]
    visualizer = Visualizer(name='other', vis_backends=backends, save_dir=str(tmp_path))
    with mock.patch('mmengine.dist.utils.is_main_process', return_value=False):
        visualizer.add_scalars(dict(loss=1.0))
    assert not list(tmp_path.rglob('events*'))


def test_numbers_of_runs_are_kept(tmp_path: Path) -> None:
    assert read_run(tmp_path, 'wandb') is None
    write_run(tmp_path, 'wandb', 'abc')
    write_run(tmp_path, 'mlflow', '123')
    assert json.loads((tmp_path / RUNS).read_text()) == dict(wandb='abc', mlflow='123')
    (tmp_path / RUNS).write_text('{')
    with pytest.raises(DistilPoseError, match='is no JSON .* remove it'):
        read_run(tmp_path, 'wandb')


@pytest.mark.slow
def test_mlflow_goes_on_with_its_run(make_config: Callable[..., Path], tmp_path: Path,
                                     monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip('mlflow')
    monkeypatch.delenv('MLFLOW_TRACKING_URI', raising=False)
    train(make_config(epochs=1), work_dir=tmp_path / 'run', log_to=['mlflow'])
    number = read_run(tmp_path / 'run', 'mlflow')
    train(make_config(epochs=2), work_dir=tmp_path / 'run', log_to=['mlflow'], resume=True)
    assert read_run(tmp_path / 'run', 'mlflow') == number
    client = mlflow.MlflowClient(f'sqlite:///{tmp_path}/run/mlflow.db')
    history = {metric.step: metric.value for metric in client.get_metric_history(number, 'loss')}
    newest = logged_losses(tmp_path / 'run')
    assert {step: history[step] for step in newest} == pytest.approx(newest) and min(history) == 1
    run = client.get_run(number)
    assert run.info.status == 'FINISHED' and 'coco/AP L' in run.data.metrics
    assert run.data.params['optim_wrapper.optimizer.lr'] == '0.01'
    assert len(client.search_runs([run.info.experiment_id])) == 1


@pytest.mark.slow
def test_wandb_goes_on_with_its_run(make_config: Callable[..., Path], tmp_path: Path,
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('wandb')
    monkeypatch.setenv('WANDB_MODE', 'offline')
    train(make_config(epochs=1), work_dir=tmp_path / 'run', log_to=['wandb'])
    number = read_run(tmp_path / 'run', 'wandb')
    train(make_config(epochs=2), work_dir=tmp_path / 'run', log_to=['wandb'], resume=True)
    assert read_run(tmp_path / 'run', 'wandb') == number
    assert len(list(tmp_path.glob(f'run/*/vis_data/wandb/offline-run-*{number}/run-{number}.wandb'))) == 2
    assert not list(tmp_path.rglob('code/*'))  # of the current directory
