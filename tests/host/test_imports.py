"""Imports that fail in the host by themselves, and work with ``distilpose.host.imports``."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.registry import DefaultScope

import distilpose
from distilpose.host import imports
from tests.host.python import WITHOUT_APPLYING, run

SERVED = 'distilpose.host.xtcoco_annotations distilpose.host.xtcoco pycocotools.mask'


@pytest.mark.slow
def test_importing_the_package_is_quiet() -> None:
    result = run('import distilpose, mmpose.apis, mmpose.evaluation; print("fine")')
    assert result.returncode == 0, result.stderr
    assert result.stdout == 'fine\n'
    assert result.stderr == ''


@pytest.mark.slow
def test_mmcv_operations_import_and_say_that_they_are_missing() -> None:
    assert "No module named 'mmcv._ext'" in run('import mmcv.ops').stderr

    from mmcv.ops import DeformConv2d, get_compiler_version, nms  # noqa: F401

    with pytest.raises(NotImplementedError, match='operation nms of mmcv was called.*mmcv-lite'):
        nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    assert get_compiler_version() == 'n/a'
    assert importlib.util.find_spec('mmcv._ext') is not None


class TestWithoutMMDet:
    @pytest.mark.slow
    def test_mmpose_models_need_it(self) -> None:
        remedies = 'imports.stub_mmcv_ops(); imports.repair_torchvision(); imports.serve_xtcocotools()\n'
        broken = run(WITHOUT_APPLYING + remedies + 'import mmpose.models')
        assert "No module named 'mmdet'" in broken.stderr.splitlines()[-1]

    def test_it_stays_absent(self) -> None:
        from mmpose.models.heads import RTMOHead  # noqa: F401

        assert 'mmdet' not in sys.modules
        assert importlib.util.find_spec('mmdet') is None
        with pytest.raises(ImportError):
            importlib.import_module('mmdet.apis')

    def test_its_scope_builds_mmposes_own_part_without_a_warning(self, capfd: pytest.CaptureFixture) -> None:
        from mmpose.models.backbones import CSPNeXt
        from mmpose.registry import MODELS

        with DefaultScope.overwrite_default_scope('mmpose'):
            built = MODELS.build(dict(_scope_='mmdet', type='CSPNeXt', deepen_factor=0.17, widen_factor=0.25))
            assert isinstance(built, CSPNeXt)
            with pytest.raises(KeyError, match='NoSuchBackbone is not in'):
                MODELS.build(dict(_scope_='mmdet', type='NoSuchBackbone'))
        written = capfd.readouterr()
        assert 'mmdet' not in written.out + written.err

    def test_a_hook_and_a_transform_of_its_are_served_and_no_others(self) -> None:
        from mmengine.registry import HOOKS as HOOKS_OF_MMENGINE
        from mmpose.datasets.transforms import YOLOXHSVRandomAug
        from mmpose.registry import HOOKS, TRANSFORMS

        from distilpose.engine.hooks import PipelineSwitchHook

        for registry in (HOOKS, HOOKS_OF_MMENGINE):
            assert registry.get('mmdet.PipelineSwitchHook') is PipelineSwitchHook
        assert TRANSFORMS.get('mmdet.YOLOXHSVRandomAug') is YOLOXHSVRandomAug
        assert TRANSFORMS.get('RandomFlip') and TRANSFORMS.get('mmdet.RandomFlip') is None

    def test_mean_of_one_process_is_the_tensor(self) -> None:
        value = torch.tensor(3.0)
        assert imports.reduce_mean(value) is value


@pytest.mark.slow
def test_torchvision_imports() -> None:
    broken = run('import torchvision')
    if broken.returncode == 0:
        pytest.skip('this torchvision imports by itself')
    assert 'operator torchvision::nms does not exist' in broken.stderr

    from torchvision.transforms import ToPILImage

    picture = ToPILImage()(torch.ones(3, 4, 5))
    assert picture.size == (5, 4)
    assert picture.getpixel((0, 0)) == (255, 255, 255)


ASK_XTCOCOTOOLS = """
from xtcocotools.coco import COCO
from xtcocotools.cocoeval import COCOeval
import xtcocotools.mask as mask
print(COCO.__module__, COCOeval.__module__, mask.__name__)
"""


def package(folder: Path, content: str) -> Path:
    """A package named xtcocotools, whose three modules have this content."""
    (folder / 'xtcocotools').mkdir()
    for name in ('__init__', 'mask', 'coco', 'cocoeval'):
        (folder / 'xtcocotools' / f'{name}.py').write_text('' if name == '__init__' else content)
    return folder


@pytest.mark.slow
def test_xtcocotools_is_served_where_it_is_missing(tmp_path: Path) -> None:
    hidden = 'import sys\nsys.modules["xtcocotools"] = None\n' if importlib.util.find_spec('xtcocotools') else ''
    assert run(hidden + ASK_XTCOCOTOOLS).returncode != 0 or not hidden
    result = run(WITHOUT_APPLYING + hidden + 'imports.serve_xtcocotools()' + ASK_XTCOCOTOOLS)
    assert result.stdout.strip() == SERVED, result.stderr


@pytest.mark.slow
def test_xtcocotools_is_served_where_it_is_broken(tmp_path: Path) -> None:
    broken = package(tmp_path, 'raise ValueError("numpy.dtype size changed, may indicate binary incompatibility")')
    assert 'numpy.dtype size changed' in run(ASK_XTCOCOTOOLS, path=broken).stderr
    result = run(WITHOUT_APPLYING + 'imports.serve_xtcocotools()' + ASK_XTCOCOTOOLS, path=broken)
    assert result.stdout.strip() == SERVED, result.stderr


@pytest.mark.slow
def test_a_working_xtcocotools_is_used(tmp_path: Path) -> None:
    working = package(tmp_path, 'class COCO: pass\nclass COCOeval: pass')
    result = run(WITHOUT_APPLYING + 'imports.serve_xtcocotools()' + ASK_XTCOCOTOOLS, path=working)
    assert result.stdout.strip() == 'xtcocotools.coco xtcocotools.cocoeval xtcocotools.mask', result.stderr


@pytest.mark.parametrize('modules, is_used', [(('augmentations', 'transforms'), True), (('augmentations', ), False)])
def test_albumentations_is_used_where_mmpose_can(monkeypatch: pytest.MonkeyPatch, modules: tuple[str, ...],
                                                 is_used: bool) -> None:
    """Version 2 has no ``augmentations.transforms``, which mmpose reads."""
    from mmpose.datasets.transforms import common_transforms

    installed = innermost = SimpleNamespace()
    for name in modules:
        setattr(innermost, name, SimpleNamespace())
        innermost = getattr(innermost, name)
    monkeypatch.setattr(common_transforms, 'albumentations', installed)
    assert imports.serve_albumentations() is not is_used
    assert (common_transforms.albumentations is installed) is is_used


def test_mmpose_evaluates_with_what_is_served() -> None:
    from mmpose.evaluation.metrics import coco_metric, coco_wholebody_metric

    from distilpose.host.xtcoco import COCOeval

    if sys.modules['xtcocotools.cocoeval'].__name__ == 'distilpose.host.xtcoco':
        assert coco_metric.COCOeval is coco_wholebody_metric.COCOeval is COCOeval


def test_the_version_is_told() -> None:
    assert distilpose.__version__
