"""``distilpose check --browse``: what the page shows, and that wrong data can be seen on it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmpose.structures import PoseDataSample

from distilpose.check import check_training
from distilpose.check.sample_page import findings
from distilpose.check.sample_page.page import LARGEST, _pixels
from distilpose.config.models import build_estimator
from distilpose.distillation.image_adapter import read_input
from distilpose.errors import DistilPoseError
from distilpose_cli.console import main
from tests.cats import write_cats
from tests.engine.tiny import write_config, write_data, write_distillation
from tests.networks import STUDENT

UNLABELLED = """
train_pipeline = [*train_pipeline[:-1], dict(type='PackMixedPoseInputs')]
keypoints = dict(from_file='configs/_base_/datasets/coco.py')
train_dataloader = dict(train_dataloader, dataset=dict(
    type='CombinedDataset', metainfo=keypoints, pipeline=train_pipeline, datasets=[
        dict(type=dataset_type, data_mode=data_mode, data_root=data_root, ann_file='annotations/people.json',
             data_prefix=dict(img='images/')),
        dict(type='UnlabelledImages', data_root=data_root, images='images', metainfo=keypoints)]))
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path / 'data')


def change(data: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    file = data / 'annotations/people.json'
    content = json.loads(file.read_text())
    edit(content)
    file.write_text(json.dumps(content))


def browse(config: Path, folder: Path, people: int = 2) -> str:
    check_training(config, work_dir=folder, browse=people)
    return (folder / 'samples.html').read_text()


class Balanced(HTMLParser):
    """Fails where an element is closed that is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ('meta', 'br', 'img'):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_distillation(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, config = write_distillation(tmp_path, data)
    words = ['check', str(config), '--work-dir', str(tmp_path / 'check'), '--browse', '3']
    assert main(words) == 2  # the teacher is of random weights, and the page is there all the same
    page = (tmp_path / 'check/samples.html').read_text()
    assert 'Samples as the network sees them' in capsys.readouterr().out
    parser = Balanced()
    parser.feed(page)
    assert not parser.open
    assert not re.search(r'(?:src|href)="(?!data:|#)', page) and len(page) < LARGEST  # opens offline
    assert page.count('<article') == 6 and page.count('⇄ flipped horizontally') >= 3
    assert page.count('>teacher</span>') == 3 * 3 + 3 and 'target of simulated_heatmap' in page
    assert page.count('coordinates to regress') == 2 * 9  # as title and label; none in the validation
    for said in ('RandomFlip(direction=&#x27;horizontal&#x27;)', '<td class="text">left_shoulder</td>', 'mean 127.5',
                 '>12</td>', 'GenerateTarget(encoder=RegressionLabel('):
        assert said in page
    identities = re.findall(r'<image id="([^"]+)"', page)
    assert len(set(identities)) == len(identities) and set(re.findall(r'href="#([^"]+)"', page)) <= set(identities)


def test_images_without_annotations(tmp_path: Path, data: Path) -> None:
    student, config = write_distillation(tmp_path, data)
    student.write_text(student.read_text() + UNLABELLED)
    with pytest.raises(DistilPoseError, match='no better than the mean pose'):  # of random weights
        browse(config, tmp_path / 'check')
    page = (tmp_path / 'check/samples.html').read_text()
    part = page.partition('<h2>Without annotations')[2].partition('<h2>')[0]
    assert part.count('no annotation</b>') == 2 and 'UnlabelledImages' in part
    assert '<title>' not in part and 'coordinates to regress' not in part and '>teacher</span>' in part  # no label
    assert 'train, without annotations' in page


def test_people_left_out_are_named(tmp_path: Path, data: Path) -> None:
    def edit(content: dict[str, Any]) -> None:
        crowd, empty, small = content['annotations'][:3]
        crowd['iscrowd'] = 1
        empty.update(keypoints=[0] * 51, num_keypoints=0)
        small['bbox'] = [5, 5, 0, 20]
    change(data, edit)
    page = browse(write_config(tmp_path / 'config.py', data), tmp_path / 'check')
    for said in ('1 of a crowd (iscrowd) (1 of 001.png)', '1 without a labelled keypoint (2 of 002.png)',
                 '1 whose box has no size in its image (3 of 003.png)', 'Look at this first'):
        assert said in page
    assert '<td>9</td><td>3</td>' in page


def test_a_sample_that_cannot_be_prepared_is_shown_and_refused(tmp_path: Path, data: Path) -> None:
    image = data / 'images/004.png'
    content = image.read_bytes()
    image.write_bytes(content[:200] + bytes(1000) + content[1200:])  # what is seen when it is decoded only
    with pytest.raises(DistilPoseError, match=r'004.png, id 4 cannot be prepared .* more such samples'):
        browse(write_config(tmp_path / 'config.py', data), tmp_path / 'check', people=12)
    assert '004.png' in (tmp_path / 'check/samples.html').read_text().partition('Look at this first')[2]


def test_the_number_of_people(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = str(write_config(tmp_path / 'config.py', data))
    assert main(['check', config, '--browse', '0']) == 2
    assert '--browse 0 is a number of people of each part of the data; expected 1 to 100' in capsys.readouterr().err
    check_training(config, work_dir=tmp_path / 'check')
    assert not (tmp_path / 'check/samples.html').exists()


@pytest.mark.parametrize('rgb', [True, False])
def test_normalisation_is_undone(rgb: bool) -> None:
    network = build_estimator(dict(STUDENT, data_preprocessor=dict(
        STUDENT['data_preprocessor'], bgr_to_rgb=rgb)))
    image = torch.randint(0, 256, (3, 64, 48), dtype=torch.uint8)
    given = network.data_preprocessor(dict(inputs=[image], data_samples=[PoseDataSample()]), True)['inputs'][0]
    assert np.array_equal(_pixels(given, read_input(network)), image.permute(1, 2, 0).numpy())


def test_detected_boxes_are_not_taken_for_people_left_out() -> None:
    dataset = type('Some', (list,), dict(bbox_file='boxes.json', ann_file='a.json'))([1, 2])
    counts = findings.count_people(SimpleNamespace(dataset=dataset, is_labelled=True))
    assert counts.used == 2 and counts.annotated is None


def test_own_keypoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a config whose metainfo has numbers as keys, as that of ``distilpose init``."""
    write_cats(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(['init', 'cats.json']) == 0
    assert main(['check', 'cats.py', '--browse', '2', '--work-dir', 'look']) == 0
    page = (tmp_path / 'look/samples.html').read_text()
    assert 'Look at this first' not in page and '>paw</text>' in page and 'heatmaps ' in page
