"""Every config in configs/ builds, and its model takes one forward-loss."""

from __future__ import annotations

import re
from ast import literal_eval
from functools import cache, lru_cache
from pathlib import Path

import mmpose
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData, PixelData
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import KEYPOINT_CODECS, MODELS, TRANSFORMS
from mmpose.structures import PoseDataSample
from torch import nn

from distilpose.config import CHECKS, PROJECT_ROOT, ConfigTree, build_estimator, load_config, read_model_source
from distilpose.config.checks import NEED_FILES
from distilpose.config.keypoint_checks import check_keypoints
from distilpose.config.models import SUPERVISION_OPTIONS
from distilpose.config.named_teachers import named_teachers
from distilpose.distillation import FrozenTeacher, PoseDistiller
from distilpose.distillation.crop_pipelines import add_teacher_crops
from distilpose.distillation.teachers.keypoint_map import keypoint_count
from distilpose.distillation.teachers.keypoints import build_keypoint_map
from distilpose.models import read_outputs
from distilpose.structures import PoseOutputs

LEAVES = sorted(path.relative_to(PROJECT_ROOT) for path in (PROJECT_ROOT / 'configs').rglob('*.py')
                if not {'_base_', 'plans'} & set(path.relative_to(PROJECT_ROOT / 'configs').parts))
MMPOSE = Path(mmpose.__file__).parent / '.mim' / 'configs'
TOP_DOWN = sorted(path.relative_to(MMPOSE) for path in MMPOSE.glob('body_2d_keypoint/topdown_*/**/td-*.py')
                  if 'ViTPose' not in path.name)[::6]
"""Every sixth of mmpose's own top-down configs; those of ViTPose misspell decay_mult, which is a warning."""
WITH_HEATMAPS = 'configs/body/2d_kpt_sview_rgb_img/movenet/lspet/heatmap_resnet18_lspet_96x96.py'
"""In the place of a published ONNX file with heatmaps of COCO's keypoints."""
FEWEST = 160
"""A glob that finds less is broken; new configs are found by themselves."""
COSTLY = re.compile(r'simdr/(?!.*_from_).*(res101|res152|w48|256x|384x)|tokenpose_(b|l|s_v2)_|teacher_hr48_udp'
                    r'|sdpose_(b|s_v2)_|(fpd|methods|several_teachers)/.*(8x256|hrnet)'
                    r'|rtmpose/.*rtmpose-(m|l|x)_|dwpose/.*(dis|l-l|m-m|x-x).*coco')
"""Networks whose forward pass is only traced, on the meta device; smaller ones of the same parts run."""
RUN = [path for path in LEAVES if not COSTLY.search(str(path))]
TRACED = [path for path in LEAVES if COSTLY.search(str(path))]
FIRST_LINE = re.compile(r'# .+ on .+, (?P<height>\d+)x(?P<width>\d+), on (a CPU|\d+ GPUs?)\b')
LABELS = ('keypoint_labels', 'keypoint_x_labels', 'keypoint_y_labels', 'keypoint_weights')
KEYPOINTS = dict(ZeroBasedMpiiDataset=16, CrowdPoseDataset=14, CocoWholeBodyDataset=133)
"""By the data set of a config; 17 in all others, or as many as the definition of a combination has."""


@lru_cache(maxsize=4)
def built_teacher(config: str, dtype: str | None, heatmaps: str) -> FrozenTeacher:
    """A teacher with random weights, for all its students: it answers the same images once."""
    source = read_model_source(dict(config=config))
    with torch.random.fork_rng():
        torch.manual_seed(1)  # other weights than those of a student of the same kind
        teacher = FrozenTeacher(build_estimator(source.model), keypoint_names=source.keypoint_names, dtype=dtype,
                                heatmaps=literal_eval(heatmaps), fused=False)  # a copy takes longer than two images
    outputs, stored = teacher.outputs, {}

    def stored_outputs(images: torch.Tensor, **options: bool) -> PoseOutputs:
        key = (tuple(images.shape), float(images.sum()), *options.items())  # students of other crops: another sum
        if key not in stored:
            stored[key] = images, outputs(images, **options)
        assert torch.equal(images, stored[key][0])
        return stored[key][1]

    teacher.outputs = stored_outputs
    return teacher


def build_model(config: Config) -> nn.Module:
    """The model of a config; a teacher stands in with random weights, since its file is the user's."""
    if config.model.type != 'PoseDistiller':
        return build_estimator(config.model)
    options = config.model.to_dict()
    options.pop('type')
    if 'teachers' in options:
        options['teachers'] = {name: stand_in(given) for name, given in options['teachers'].items()}
        return PoseDistiller(**options)
    given = options['teacher']
    if 'type' in given and 'file' not in given:  # without weights of its own
        options['teacher'] = {**given, 'view': None}  # the samples have no crops for a teacher
        return PoseDistiller(**options)
    options['teacher'] = stand_in(given)
    return PoseDistiller(**options)


def stand_in(given: dict) -> dict:
    """A teacher's entry with random weights, of the network from which an ONNX file is made; its other options stay."""
    config = given.get('config') or next((str(leaf) for leaf in LEAVES if leaf.stem == Path(given['file']).stem),
                                         WITH_HEATMAPS)
    teacher = built_teacher(config, given.get('dtype'), repr(given.get('heatmaps')))
    kept = {key: given[key] for key in ('keypoints', *SUPERVISION_OPTIONS) if key in given}
    return dict(type=lambda: teacher, **kept)


@cache
def traced(path: str) -> tuple[dict, PoseOutputs, tuple[str, ...] | None]:
    """The model of a config, what it shows of two images, as tensors without values, and its keypoints."""
    source = read_model_source(dict(config=path))
    width, height = source.model['head']['decoder']['input_size']
    with torch.device('meta'):
        network = build_estimator(source.model)
        features = network.extract_feat(torch.empty(2, 3, height, width))
        return source.model, read_outputs(network.head, network.head(features), features), source.keypoint_names


def made_batch(codec: dict, *, size: int = 2, keypoints: int = 17) -> list[PoseDataSample]:
    """Data samples with what the codec makes of random joints."""
    encoder = KEYPOINT_CODECS.build(codec)
    samples = []
    for joints in torch.rand(size, 1, keypoints, 2).numpy() * encoder.input_size:
        encoded = encoder.encode(joints)
        labels = {name: torch.from_numpy(value) for name, value in encoded.items() if name in LABELS}
        sample = PoseDataSample(gt_instance_labels=InstanceData(**labels))
        if 'heatmaps' in encoded:
            sample.gt_fields = PixelData(heatmaps=torch.from_numpy(encoded['heatmaps']))
        samples.append(sample)
    return samples


def number_of_keypoints(config: Config) -> int:
    """Of a config's data set."""
    if config.dataset_type != 'CombinedDataset':
        return KEYPOINTS.get(config.dataset_type, 17)
    return len(parse_pose_metainfo(config.train_dataloader.dataset.metainfo.to_dict())['keypoint_id2name'])


def number_of_bins(codec: dict) -> list[int]:
    """Along x and y, of SimDR's codecs and of mmpose's SimCC."""
    ratio = codec.get('simdr_split_ratio') or codec['simcc_split_ratio']
    return [int(side * ratio) for side in codec['input_size']]


def check_without_files(config: Config) -> None:
    """All checks of a training that need neither data nor weights; none of them finds anything."""
    tree = ConfigTree(config)
    for check in CHECKS:
        if check not in NEED_FILES:
            check(tree)
    assert tree.warnings == []


def test_every_leaf_is_found() -> None:
    assert len(LEAVES) >= FEWEST and len({path.parts[1] for path in LEAVES}) >= 3


@pytest.mark.parametrize('path', RUN, ids=str)
def test_model_builds_and_loses(path: Path) -> None:
    config = load_config(path)
    check_keypoints(config)
    width, height = config.codec.input_size
    torch.manual_seed(0)
    images = torch.randn(2, 3, height, width)
    model = build_model(config)
    samples = made_batch(config.codec, keypoints=number_of_keypoints(config))
    losses = model(images, samples, mode='loss')
    total = sum(value for name, value in losses.items() if 'loss' in name)
    assert torch.isfinite(total) and total > 0
    total.backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)


@pytest.mark.usefixtures('quick_traces')
@pytest.mark.parametrize('path', TRACED, ids=str)
def test_costly_model_builds_and_shows_what_its_targets_have(path: Path) -> None:
    config = load_config(path)
    check_keypoints(config)
    is_distiller = config.model.type == 'PoseDistiller'
    student = config.model.student.get('config', str(path)) if is_distiller else str(path)
    model, outputs, keypoint_names = traced(student)
    for _, spec in named_teachers(config.model).values():
        teacher, expected, names = traced(spec.get('config', str(path)))  # or the student itself
        assert teacher['data_preprocessor'] == model['data_preprocessor']
        keypoint_map = build_keypoint_map(spec.get('keypoints'), student_names=keypoint_names,
                                          student_count=lambda: None, teacher_names=names)
        if keypoint_map is None:
            assert names == keypoint_names
        else:
            expected = keypoint_map.to('meta')(expected)
            assert keypoint_count(expected) == keypoint_count(outputs)
        assert all(MODELS.build(term).mismatch(outputs, expected) is None for term in config.model.terms.values())
    sample, = made_batch(config.codec, size=1, keypoints=number_of_keypoints(config))
    if outputs.simcc is None:
        assert outputs.heatmaps[-1].shape == (2, *sample.gt_fields.heatmaps.shape)
        return
    keypoints = len(sample.gt_instance_labels.keypoint_x_labels[0])
    bins = number_of_bins(config.codec)
    assert [tuple(logits.shape) for logits in outputs.simcc] == [(2, keypoints, number) for number in bins]
    assert model['head']['decoder'] == config.codec


@pytest.mark.parametrize('path', LEAVES, ids=str)
def test_pipelines_build_and_what_inferencers_read_is_there(path: Path) -> None:
    config = load_config(path)
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        for transform in config[loader].dataset.pipeline:
            assert TRANSFORMS.build(transform) is not None
    for name in ('train', 'val'):
        assert config[f'{name}_pipeline'] == config[f'{name}_dataloader'].dataset.pipeline
    assert config.val_dataloader == config.test_dataloader
    assert {'data_mode', 'dataset_type', 'data_root', 'codec'} <= set(config)
    assert Path(config.data_root).is_absolute()
    found = FIRST_LINE.match((PROJECT_ROOT / path).read_text())
    assert found and (int(found['width']), int(found['height'])) == tuple(config.codec.input_size)
    check_without_files(config)
    before, teachers = config.train_dataloader.to_dict(), named_teachers(config.model).values()
    if any('file' in spec for _, spec in teachers):
        return  # which says what crops it takes
    add_teacher_crops(config)  # a published teacher is shown the student's crop, unless its config says otherwise
    has_own = any(spec.get('crop') == 'own' or spec.get('view') == 'clean' for _, spec in teachers)
    assert (config.train_dataloader.to_dict() != before) == has_own


@pytest.mark.parametrize('path', TOP_DOWN, ids=str)
def test_configs_of_mmpose_pass_all_checks(path: Path) -> None:
    check_without_files(load_config(f'mmpose::{path}'))


@pytest.mark.parametrize('path', LEAVES, ids=str)
def test_a_leaf_is_short_and_opens_with_what_it_trains(path: Path) -> None:
    """Method and network, data, size of the input, machine: ``SimDR with HRNet-W32 on COCO, 256x192, on 4 GPUs.``"""
    lines = (PROJECT_ROOT / path).read_text().splitlines()
    assert len(lines) <= 30 and FIRST_LINE.match(lines[0])


def test_published_schedule() -> None:
    config = load_config(LEAVES[0])
    assert config.train_cfg.max_epochs == 300 and config.train_cfg.val_interval == 10
    assert dict(config.optim_wrapper.optimizer) == dict(type='Adam', lr=1e-3)
    warmup, steps = config.param_scheduler
    assert (warmup.type, warmup.start_factor, warmup.end, warmup.by_epoch) == ('LinearLR', 0.001, 500, False)
    assert (steps.type, list(steps.milestones), steps.gamma) == ('MultiStepLR', [200, 260], 0.1)


def test_the_students_of_the_quickstart_start_from_the_same_weights() -> None:
    """All of them but the last layer, which has fewer outputs without a teacher."""
    states = []
    for name in ('baseline', 'distilled'):
        torch.manual_seed(0)
        model = build_model(load_config(f'configs/quickstart/{name}.py'))
        model.init_weights()
        states.append(model.state_dict())
    alone, distilled = states
    differ = {name for name, value in alone.items() if not torch.equal(value, distilled[name])}
    assert alone.keys() == distilled.keys() and differ == {'head.readout.1.weight', 'head.readout.1.bias'}


def test_new_student_in_two_lines(tmp_path: Path) -> None:
    base = PROJECT_ROOT / 'configs/body/2d_kpt_sview_rgb_img/distilpose/coco/DistilPose_S_coco_256x192.py'
    (tmp_path / 'shallow.py').write_text(
        f'_base_ = {str(base)!r}\nmodel = dict(student=dict(head=dict(encoder=dict(depth=6))))\n')
    assert len(build_model(load_config(tmp_path / 'shallow.py')).head.encoder.layers) == 6
