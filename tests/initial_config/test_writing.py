"""``distilpose init``: what it guesses and writes, that the result trains, and what it refuses, one test for each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distilpose.config import check, merge_options, read_config
from distilpose.engine import train
from distilpose.errors import DistilPoseError
from distilpose.initial_config import STUDENTS, write_initial_config
from distilpose_cli.initialising import INIT
from tests.cats import NAMES, write_cats
from tests.onnx_files import write_heatmaps

Change = Callable[[dict[str, Any]], Any]
QUICK = {'train_cfg.max_epochs': 1, 'train_dataloader.num_workers': 0, 'train_dataloader.persistent_workers': False,
         'val_dataloader.num_workers': 0, 'val_dataloader.persistent_workers': False}


@pytest.fixture(scope='module')
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('drawn')
    write_cats(folder, count=10)
    return folder


@pytest.fixture
def cats(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The annotation file of a copy, in the current directory."""
    shutil.copytree(drawn, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path / 'cats.json'


def change(file: Path, *changes: Change) -> Path:
    content = json.loads(file.read_text())
    for apply in changes:
        apply(content)
    file.write_text(json.dumps(content))
    return file


def test_it_says_keypoints_once_and_trains(cats: Path) -> None:
    found = write_initial_config(cats)
    assert [path.name for path in found.written] == ['cats.py', 'cats_train.json', 'cats_val.json']
    text = Path('cats.py').read_text()
    assert text.count('left_ear') == text.count('names=') + text.count('flip_pairs=') + text.count('skeleton=')
    assert len(text.splitlines()) <= 22 and max(map(len, text.splitlines())) <= 120
    config = read_config('cats.py')
    assert config.model.head.out_channels == 7 and config.own_keypoints.names == NAMES
    runner = train('cats.py', work_dir='work', options=QUICK)
    assert runner.val_loop.dataloader.dataset.metainfo['flip_indices'] == [0, 2, 1, 4, 3, 6, 5]


def test_it_describes_every_guess(cats: Path) -> None:
    said = write_initial_config(cats).describe()
    for words in ('left_eye - right_eye, left_ear - right_ear', '6 links', '0.05 for all, since none were measured',
                  f'{cats.parent}/pictures', '8 annotations with keypoints on 8 images',
                  'cats_val.json (split by image)', 'distilpose check cats.py',
                  'small, resnet18_128x128.py: 100 epochs of 2 batches of 4'):
        assert words in said


def test_it_does_the_same_each_time(cats: Path) -> None:
    write_initial_config(cats)
    first = [Path(name).read_text() for name in ('cats.py', 'cats_train.json', 'cats_val.json')]
    for name in ('cats.py', 'cats_train.json', 'cats_val.json'):
        Path(name).unlink()
    change(cats, lambda content: content['images'].reverse())
    write_initial_config(cats)
    assert Path('cats.py').read_text() == first[0]
    parts = [json.loads(Path(f'cats_{name}.json').read_text()) for name in ('train', 'val')]
    for part, text in zip(parts, first[1:], strict=True):
        assert {one['file_name'] for one in part['images']} == {one['file_name'] for one in json.loads(text)['images']}
        numbers = {one['id'] for one in part['images']}
        assert all(one['image_id'] in numbers for one in part['annotations'])
    assert not {one['id'] for one in parts[0]['images']} & {one['id'] for one in parts[1]['images']}


def test_an_image_that_is_listed_twice_is_in_one_part(cats: Path) -> None:
    def twice(content: dict[str, Any]) -> None:
        for name in ('images', 'annotations'):
            content[name] += [{**one, **{key: one[key] + 100 for key in ('id', 'image_id') if key in one}}
                              for one in content[name]]
        for image in content['images'][10:]:
            image['file_name'] = f'./{image["file_name"]}'

    change(cats, twice)
    write_initial_config(cats)
    train_names, val_names = ({Path(one['file_name']).name for one in json.loads(Path(name).read_text())['images']}
                              for name in ('cats_train.json', 'cats_val.json'))
    assert (len(train_names), len(val_names)) == (8, 2) and not train_names & val_names


def test_images_of_both_files_are_counted(cats: Path) -> None:
    assert '10 of its images are trained on as well' in write_initial_config(cats, cats, out='mine.py').describe()
    assert 'trained on as well' not in write_initial_config(cats).describe()


def test_absolute_names_of_images(cats: Path) -> None:
    def absolute(content: dict[str, Any]) -> None:
        for image in content['images']:
            image['file_name'] = str(cats.parent / 'pictures' / image['file_name'])

    write_initial_config(change(cats, absolute))
    check(read_config('cats.py'), ['train', 'val'])


def test_options_change_own_keypoints(cats: Path) -> None:
    write_initial_config(cats)
    cfg = read_config('cats.py')
    merge_options(cfg, {'own_keypoints.sigmas': 0.1, 'own_keypoints.flip_pairs': [['left_eye', 'right_eye']]})
    for metainfo in (cfg.val_dataloader.dataset.metainfo, cfg.train_dataloader.dataset.metainfo, cfg.model.metainfo):
        assert metainfo.sigmas == [0.1] * 7 and metainfo.keypoint_info[3].swap == ''
    with pytest.raises(DistilPoseError, match="own_keypoints has a key 'sigma'; did you mean 'sigmas'"):
        merge_options(cfg, {'own_keypoints.sigma': 0.1})


def test_a_config_elsewhere_names_data_absolutely(cats: Path) -> None:
    write_initial_config(cats, out='configs/mine.py')
    config = read_config('configs/mine.py')
    check(config, ['train', 'val'])
    assert config.data_root == f'{cats.parent}/' and Path('configs/cats_val.json').is_file()


def test_a_data_set_may_move_with_its_config(cats: Path, tmp_path: Path) -> None:
    write_initial_config(cats)
    moved = tmp_path / 'elsewhere'
    moved.mkdir()
    for name in ('pictures', 'cats.py', 'cats_train.json', 'cats_val.json'):
        shutil.move(tmp_path / name, moved)
    check(read_config(moved / 'cats.py'), ['train', 'val'])


def test_a_file_for_validation_is_found_by_its_name(cats: Path) -> None:
    write_initial_config(cats)
    found = write_initial_config('cats_train.json', out='again.py')
    assert found.written == (Path('again.py'),) and 'cats_val.json (by its name)' in found.describe()


@pytest.mark.parametrize('student', [*STUDENTS, 'distilpose::body/2d_kpt_sview_rgb_img/tokenpose/lspet/'
                                     'teacher_resnet18_lspet_96x64.py',
                                     'distilpose::body/2d_kpt_sview_rgb_img/simdr/mpii/simdr_hrnet_w32_mpii_64x64.py',
                                     'distilpose::body/2d_kpt_sview_rgb_img/rtmpose/halpe26/'
                                     'rtmpose-t_8xb64-270e_halpe26-256x192.py',
                                     'mmpose::body_2d_keypoint/rtmpose/coco/rtmpose-t_8xb256-420e_coco-256x192.py'])
def test_any_student(student: str, cats: Path) -> None:
    """The check that a training does passes, also over configs of data in other forms."""
    write_initial_config(cats, student=student)
    config = read_config('cats.py')
    assert config.train_dataloader.dataset.type in ('CocoDataset', 'QuickCocoDataset')
    assert config.val_evaluator.type == 'CocoMetric'


def test_people_have_sigmas_of_coco(cats: Path) -> None:
    change(cats, lambda content: content['categories'][0].update(name='person'))
    said = write_initial_config(cats).describe()
    sigmas = read_config('cats.py').own_keypoints.sigmas
    assert sigmas == [0.026, 0.025, 0.025, 0.035, 0.035, 0.05, 0.05]
    assert "COCO's by name, 0.05 for left_paw, right_paw" in said


def test_names_and_pairs_may_be_given(cats: Path) -> None:
    change(cats, lambda content: content['categories'][0].pop('keypoints'))
    write_initial_config(cats, names=list('abcdefg'), flip_pairs=[('b', 'c')])
    own = read_config('cats.py').own_keypoints
    assert own.names == list('abcdefg') and own.flip_pairs == [('b', 'c')]


def test_annotations_without_area(cats: Path) -> None:
    change(cats, lambda content: [one.pop('area') for one in content['annotations']])
    write_initial_config(cats)
    assert read_config('cats.py').val_evaluator.use_area is False


def test_images_without_annotations_are_for_training(cats: Path) -> None:
    change(cats, lambda content: content['annotations'].__delitem__(slice(0, 6)))
    write_initial_config(cats)
    assert len(json.loads(Path('cats_val.json').read_text())['images']) == 1


def test_warnings_of_the_annotations_are_said(cats: Path) -> None:
    change(cats, lambda content: content['annotations'][2].update(bbox=[3, 4, 0, 5]))
    written = write_initial_config(cats)
    assert written.warnings and 'left out: box of no size; the first is annotation 3 of image 3' in written.warnings[0]
    assert 'tmp' not in written.warnings[0].partition(str(cats))[2]
    assert 'Look at this first' in written.describe()


def _category(**changes: Any) -> Change:
    return lambda content: content['categories'][0].update(changes)


def _annotation(**changes: Any) -> Change:
    return lambda content: content['annotations'][2].update(changes)


@pytest.mark.parametrize(('apply', 'words'), [
    (lambda content: content.pop('categories'), "the list 'categories' of cats.json is missing"),
    (lambda content: content.update(images=[]), "'images' of cats.json is empty"),
    (lambda content: content.update(annotations=[1]), "entry 0 of 'annotations' of cats.json is 1; expected a dic"),
    (lambda content: content['images'][0].pop('file_name'), 'image 1 of cats.json has no file_name'),
    (lambda content: content['images'][0].update(id='1'), "the id of an image .* of cats.json is '1'"),
    (_annotation(image_id=[3]), r'the image_id of annotation 3 of cats.json is \[3\]; expected a whole number'),
    (_category(keypoints=[]), 'no category of cats.json names its keypoints, and annotations have 7; name them'),
    (_category(keypoints=NAMES[:6], skeleton=[]), 'names 6 keypoints, and annotations have 7 .21 numbers.'),
    (_category(keypoints=['nose', 'nose', *'abcde']), "7 keypoints are named, 'nose' more than once"),
    (_category(keypoints=['nose', 'left_eye', 'b', 'c', 'd', 'e', 'f']), 'left_eye of cats.json have a side .*--flip'),
    (_category(skeleton=[[1, 8]]), "the skeleton of category 'cat' of cats.json links 1 and 8, .*expected 1 to 7"),
    (_category(skeleton=['nose']), 'expected pairs of keypoints, counted from 1'),
    (lambda content: content['categories'].append(dict(id=4, name='dog', keypoints=['tail'])),
     "the categories 'cat' and 'dog' of cats.json have different keypoints"),
    (_annotation(keypoints=[1, 2, 2] * 6), 'the keypoints of annotation 3 of cats.json are 18 numbers'),
    (_annotation(keypoints=[1, 2] * 7), 'the keypoints of annotation 3 of cats.json are 14 numbers'),
    (_annotation(bbox=[1, 2, 'a', 4]), r'the bbox of annotation 3 of cats.json is .*: correct the file$'),
    (lambda content: [one.pop('keypoints') for one in content['annotations']], 'no person in cats.json has a box'),
    (lambda content: content['annotations'].__delitem__(slice(1, None)), '1 of the 10 images of cats.json have label'),
])
def test_bad_files_are_refused(apply: Change, words: str, cats: Path) -> None:
    change(cats, apply)
    before = sorted(path.name for path in cats.parent.iterdir())
    with pytest.raises(DistilPoseError, match=words):
        write_initial_config('cats.json')
    assert sorted(path.name for path in cats.parent.iterdir()) == before


@pytest.mark.parametrize(('text', 'words'), [
    ('[]', 'holds a list, and not a dict of images and annotations'), ('{"images": ', 'cats.json is (no|not) JSON')])
def test_files_of_another_form_are_refused(text: str, words: str, cats: Path) -> None:
    cats.write_text(text)
    with pytest.raises(DistilPoseError, match=words):
        write_initial_config(cats)


@pytest.mark.parametrize(('options', 'words'), [
    (dict(student='resnet51'), "--student is 'resnet51'; expected small, "),
    (dict(student='distilpose::body/2d_kpt_sview_rgb_img/distilpose/lspet/DistilPose_XS_lspet_96x64.py'),
     'is a distillation; name the config of its student'),
    (dict(student='mmpose::body_2d_keypoint/dekr/coco/dekr_hrnet-w32_8xb10-140e_coco-512x512.py'), 'TopdownPoseEstim'),
    (dict(images='.'), 'there is no image cat_001.png, which cats.json names; say with --images'),
    (dict(names=['a', 'b']), '--names has 2 keypoints, and annotations have 7'),
    (dict(flip_pairs=[('left_eye', 'tail')]), "flip_pairs has .'left_eye', 'tail'.*'tail' is none"),
    (dict(val_fraction=1.0), '--val-fraction is 1; expected a number between 0 and 1'),
    (dict(out='cats.yaml'), r'--out is cats.yaml; expected the name of a config'),
    (dict(validation='missing.json'), 'there is no annotation file missing.json'),
])
def test_bad_options_are_refused(options: dict[str, Any], words: str, cats: Path) -> None:
    with pytest.raises(DistilPoseError, match=words):
        write_initial_config('cats.json', **options)
    assert not Path('cats.py').exists() and not Path('cats_train.json').exists()


@pytest.mark.parametrize('name', ['cats.py', 'cats_train.json', 'cats_val.json'])
def test_nothing_is_overwritten(name: str, cats: Path) -> None:
    Path(name).write_text('mine')
    with pytest.raises(DistilPoseError, match=f'{name} exists, and nothing is overwritten'):
        write_initial_config(cats, cats if name == 'cats.py' else None)
    assert Path(name).read_text() == 'mine'


def test_images_that_are_nowhere_or_in_two_places(cats: Path) -> None:
    shutil.copytree('pictures', 'copies')
    with pytest.raises(DistilPoseError, match=r'are in \S*copies and in \S*pictures; say with --images'):
        write_initial_config(cats)
    shutil.rmtree('copies')
    Path('pictures/cat_003.png').unlink()
    with pytest.raises(DistilPoseError, match=r'in no folder beside it; \S*pictures has 9 of the first 10'):
        write_initial_config(cats)


def test_validation_with_other_keypoints_is_refused(cats: Path) -> None:
    shutil.copy(cats, 'val.json')
    change(Path('val.json'), _category(keypoints=[NAMES[0], *reversed(NAMES[1:])]))
    with pytest.raises(DistilPoseError, match='expected the same, in one order'):
        write_initial_config(cats, 'val.json')


@pytest.mark.parametrize(('words', 'code'), [
    (['cats.json'], 0), (['missing.json'], 2), (['cats.json', '--flip-pairs', 'left_eye'], 2),
    (['cats.json', '--names', 'a'], 2), (['cats.json', '--flip-pairs', 'none', '--val-fraction', '0.5'], 0)])
def test_the_command(words: list[str], code: int, cats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert INIT.main(words) == code
    said = capsys.readouterr()
    assert ('Wrote cats.py' in said.out) == (code == 0) and 'Traceback' not in said.err
    assert bool(said.err) == (code == 2)


def test_the_help_names_all_students() -> None:
    help = INIT.build_parser('init').format_help()
    assert all(name in ''.join(help.split()) for name in STUDENTS)


@pytest.mark.parametrize('student', [
    'tokenpose/lspet/teacher_resnet18_lspet_96x64.py', 'distilpose/lspet/resnet18_lspet_96x64.py',
    'fpd/lspet/hourglass_1x32_lspet_64x64.py', 'simdr/lspet/simdr_resnet18_from_synthetic_lspet_64x64.py'])
def test_kinds_of_heads_train_and_are_evaluated_with_flips(student: str, cats: Path) -> None:
    """Without the weights that they start from."""
    weights = 'model = dict(backbone=dict(init_cfg=None))\n' * ('resnet18' in student)
    base = f'distilpose::body/2d_kpt_sview_rgb_img/{student}'
    Path('base.py').write_text(f'_base_ = {base!r}\nload_from = None\n{weights}')
    shutil.copy(cats, 'cats_val.json')
    shutil.copy(cats, 'cats_train.json')
    write_initial_config('cats_train.json', student='base.py', images='pictures')
    train('cats_train.py', work_dir='work', options={**QUICK, 'model.test_cfg.flip_test': True,
                                                     'train_cfg.val_interval': 1})
    assert list(Path('work').glob('best_coco_AP_*.pth'))


@pytest.mark.parametrize('images', [None, 'pictures'])
def test_a_published_teacher_with_other_keypoints(images: str | None, cats: Path) -> None:
    """Of COCO's 17 it teaches the five of the same name; what is written over the config repeats no keypoint."""
    pytest.importorskip('onnxruntime')
    write_heatmaps(cats.parent / 'teacher.onnx')
    write_initial_config(cats)
    described = {'input.mean': 127.5, 'input.std': 127.5, 'input.channel_order': 'rgb', 'outputs.grid': 'i/n',
                 'keypoints': 'coco'}
    runner = train('cats.py', teacher='teacher.onnx', images=images, work_dir='work', validate=images is None, options={
        **QUICK, **{f'model.teacher.{key}': value for key, value in described.items()}})
    assert runner.model.keypoint_map.partners == ((0,), (1,), (2,), (3,), (4,), (), ())
    assert 'left_paw' not in Path('work/cats_from_teacher.py').read_text()
    assert runner.train_loop.dataloader.dataset.metainfo['num_keypoints'] == 7
