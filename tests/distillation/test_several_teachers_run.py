"""Several teachers through a Runner: keypoints of COCO and of MPII for a student of both, one teacher after another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from distilpose.checkpoints import load_file
from distilpose.config import PROJECT_ROOT, build_estimator
from distilpose.distillation import FrozenTeacher
from distilpose.distillation.supervision import COMBINED
from distilpose.engine import train
from tests.engine import tiny
from tests.networks import HEATMAP_SIZE, STUDENT, TEACHER, TERMS, batch, changed, teacher

BOTH, COCO, MPII = (dict(from_file=str(PROJECT_ROOT / 'configs/_base_/keypoints/coco_mpii.py')),
                    *(dict(from_file=f'configs/_base_/datasets/{name}.py') for name in ('coco', 'mpii')))
STUDENT_21 = dict(changed(STUDENT, num_keypoints=21), metainfo=BOTH)
_DATA = """
train_dataloader['dataset'] = dict(
    type='CombinedDataset', metainfo={metainfo!r}, pipeline=train_pipeline, datasets=[dict(
        type='CocoDataset', data_mode='topdown', data_root=data_root, ann_file='annotations/people.json',
        data_prefix=dict(img='images/'),
        pipeline=[dict(type='KeypointConverter', num_keypoints=21, mapping=[(i, i) for i in range(17)])])])
"""


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_data(tmp_path_factory.mktemp('tiny') / 'data')


def write(folder: Path, data: Path, **options: Any) -> Path:
    """A distillation of a student of 21 keypoints, and the checkpoints of both teachers."""
    teachers = {}
    for name, config, seed in (('coco', dict(changed(TEACHER), metainfo=COCO), 0),
                               ('mpii', dict(changed(TEACHER, num_keypoints=16), metainfo=MPII), 1)):
        torch.save(dict(state_dict=teacher(config, seed=seed).model.state_dict()), folder / f'{name}.pth')
        teachers[name] = dict(config=config, checkpoint=str(folder / f'{name}.pth'), keypoints='auto',
                              **options.pop(name, {}))
    terms = {name: TERMS[name] for name in ('simulated_heatmap', 'score')}
    model = dict(type='PoseDistiller', student=STUDENT_21, teachers=teachers, terms=terms, **options)
    extra = f'{_DATA.format(metainfo=BOTH)}model = {model!r}\n'
    return tiny.write_config(folder / 'distillation.py', data, extra=extra)


def test_teachers_of_17_and_16_keypoints_teach_a_student_of_21(data: Path, tmp_path: Path) -> None:
    config = write(tmp_path, data, coco=dict(terms=dict(tokens=TERMS['visual_tokens'])))
    runner = train(config, work_dir=tmp_path / 'run', validate=False)
    stored = load_file(tmp_path / 'run' / 'epoch_2.pth')['state_dict']
    build_estimator(STUDENT_21).load_state_dict(stored, strict=True)
    log = max(tmp_path.glob('run/*/*.log')).read_text()
    assert all(f'loss_{name}' in log for name in ('simulated_heatmap', 'score', 'coco_tokens'))
    model = runner.model.eval()
    found = model.run_teachers(batch()[0])
    maps = {name: outputs.heatmaps[-1] for name, outputs in found.items()}
    assert found[COMBINED].mask is None or found[COMBINED].mask.all()
    assert maps[COMBINED].shape == (4, 21, *HEATMAP_SIZE[::-1])
    torch.testing.assert_close(maps[COMBINED][:, :5], maps['coco'][:, :5])  # nose, eyes and ears
    torch.testing.assert_close(maps[COMBINED][:, 17:], maps['mpii'][:, 17:])  # pelvis, thorax, neck, top of the head
    torch.testing.assert_close(maps[COMBINED][:, 5:17], (maps['coco'] + maps['mpii'])[:, 5:17] / 2)
    assert all(paired.teacher.digest() == paired.teacher.loaded_digest for paired in model.teachers.values())


def test_the_second_teacher_takes_over_in_the_middle(data: Path, tmp_path: Path,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    outputs = FrozenTeacher.outputs

    def counted(self: FrozenTeacher, images: torch.Tensor, **options: Any) -> Any:
        if len(images) > 1:  # not those of one empty image at build time
            calls.append(len(self.keypoint_names or ()))
        return outputs(self, images, **options)

    monkeypatch.setattr(FrozenTeacher, 'outputs', counted)
    first, second = (dict(schedule=dict(type='window', start=start, end=start + 0.5)) for start in (0.0, 0.5))
    train(write(tmp_path, data, coco=first, mpii=second), work_dir=tmp_path / 'run', validate=False)
    assert calls == [17] * 3 + [16] * 3
    losses = tiny.logged_losses(tmp_path / 'run')
    assert len(losses) == 6 and all(loss == loss for loss in losses.values())


@pytest.mark.slow
def test_a_moving_average_beside_a_frozen_teacher_resumes_to_the_bit(data: Path, tmp_path: Path) -> None:
    config = write(tmp_path, data)
    config.write_text(config.read_text() + """
model['teachers'] = dict(
    coco=dict(model['teachers']['coco'], terms=model.pop('terms')),
    average=dict(type='MovingAverageTeacher', momentum=0.9, weight=0.5,
                 terms=dict(points=dict(type='CoordinateTerm'))))
""")
    for folder, epochs, resume in (('whole', 3, False), ('parts', 2, False), ('parts', 3, 'auto')):
        train(config, work_dir=tmp_path / folder, validate=False, resume=resume, seed=1,
              options={'train_cfg.max_epochs': epochs})
    whole, parts = (load_file(tmp_path / folder / 'epoch_3.pth') for folder in ('whole', 'parts'))
    assert all(torch.equal(value, parts['state_dict'][name]) for name, value in whole['state_dict'].items())
    assert 'loss_average_points' in max(tmp_path.glob('parts/*/*.log')).read_text()
