"""``tools/benchmark.py eval``: equal figures of both ways for every kind of metric, and wrong input as a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from distilpose.benchmark.synthetic_data import make_people


@pytest.fixture
def run_eval(tool: Callable[[str], ModuleType], capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple]:
    """Runs the tool on synthetic people; gives exit code, stdout and stderr."""

    def call(config: str, *arguments: str) -> tuple[int, str, str]:
        code = tool('benchmark').main(['eval', f'configs/{config}', '--runs', '1', *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


BODY = 'body/2d_kpt_sview_rgb_img'


@pytest.mark.parametrize(('config', 'figures', 'arguments'), [
    (f'{BODY}/distilpose/coco/DistilPose_S_coco_256x192.py', 10, ('--parts', )),
    (f'{BODY}/simdr/crowdpose/heatmap_hrnet_w32_crowdpose_256x192.py', 9, ('--parts', '--first')),
    ('wholebody_2d_keypoint/rtmpose/ubody/rtmpose-s_8xb64-270e_coco-ubody-wholebody-256x192.py', 60, ())])
def test_eval(run_eval, config: str, figures: int, arguments: tuple[str, ...]) -> None:
    code, out, _ = run_eval(config, '--people', '40', '--answers', '2', '--baseline', '--json', *arguments)
    found = json.loads(out)
    assert code == 0 and found['compared_with'] == 'published' and set(found['times_as_fast']) == {'config'}
    assert '40 synthetic people on 19 images' in found['notes'][0]
    assert f'the same {figures} figures' in found['notes'][1]
    parts = {'collecting', 'suppression', 'reading results', 'figures', 'everything else'}
    parts |= {'reading annotations'} if '--first' in arguments else set()
    for name, measured in found['milliseconds_of_parts'].items():
        assert set(measured) == parts | ({'writing results'} if name == 'published' else set())
    assert bool(found['milliseconds_of_parts']) is ('--parts' in arguments)


def test_eval_of_annotated_people(run_eval, tmp_path: Path) -> None:
    file = tmp_path / 'people.json'
    file.write_text(json.dumps(make_people(12, keypoints=17)))
    code, out, _ = run_eval(f'{BODY}/distilpose/coco/DistilPose_S_coco_256x192.py', '--cfg-options',
                            f'test_evaluator.ann_file={file}')
    assert code == 0 and '12 people of people.json' in out and 'evaluations/s' in out


@pytest.mark.parametrize(('config', 'arguments', 'words'), [
    ('distilpose/coco/DistilPose_S_coco_256x192.py', ('--people', '0'), '--people is 0'),
    ('distilpose/coco/DistilPose_S_coco_256x192.py', ('--answers', '-1'), '--answers is -1'),
    ('simdr/mpii/heatmap_hrnet_w32_mpii_256x256.py', (), 'test_evaluator is PCKhMetric')])
def test_wrong_input_of_eval_is_a_sentence(run_eval, config: str, arguments: tuple[str, ...], words: str) -> None:
    code, out, err = run_eval(f'{BODY}/{config}', *arguments)
    assert code == 2 and not out and words in err
