"""``tools/benchmark.py``: what it prints, and wrong input as a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import pytest

from tests.datasets.test_jpeg import picture

CONFIG = 'configs/body/2d_kpt_sview_rgb_img/distilpose/coco/DistilPose_S_fast_data_coco_256x192.py'


@pytest.fixture
def run(tool: Callable[[str], ModuleType], tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the tool on two people of one image; gives exit code, stdout and stderr."""
    people = [dict(id=number, image_id=1, category_id=1, bbox=[20, 10, 80, 100], keypoints=[50, 50, 2] * 17,
                   num_keypoints=17, area=8000, iscrowd=0) for number in (1, 2)]
    (tmp_path / 'annotations').mkdir()
    (tmp_path / 'train2017').mkdir()
    (tmp_path / 'annotations/person_keypoints_train2017.json').write_text(json.dumps(dict(
        images=[dict(id=1, file_name='1.jpg', width=160, height=120)], annotations=people,
        categories=[dict(id=1, name='person')])))
    cv2.imwrite(str(tmp_path / 'train2017/1.jpg'), picture(160, 120))

    def call(*arguments: str) -> tuple[int, str, str]:
        options = ['--data-root', str(tmp_path), '--runs', '2', '--batches', '1']
        code = tool('benchmark').main(['data', CONFIG, *options, *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_json(run) -> None:
    code, out, _ = run('--json', '--baseline', '--cfg-options', 'train_dataloader.batch_size=3')
    figures = json.loads(out)
    assert code == 0 and set(figures['per_second']) == {'config', 'plain'}
    assert all(len(seconds) == 2 and min(seconds) > 0 for seconds in figures['seconds'].values())


def test_text_with_steps(run) -> None:
    code, out, _ = run('--steps', '--cfg-options', 'train_dataloader.batch_size=3')
    assert code == 0 and 'images/s' in out and 'DecodingTopdownAffine' in out


def test_wrong_input_is_a_sentence(run) -> None:
    code, out, err = run('--split', 'val')
    assert code == 2 and not out and 'val2017' in err
