"""Every remedy of ``distilpose.host.repairs``: what breaks without it, and what works with it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from torch import nn

import distilpose
from distilpose.host import repairs

ROOT = Path(__file__).resolve().parents[2]
# A process in which distilpose.host.repairs can be imported without being applied, as `import distilpose` would do.
WITHOUT_APPLYING = f"""
import sys, types
package = types.ModuleType('distilpose')
package.__path__ = [{str(ROOT / 'distilpose')!r}]
sys.modules['distilpose'] = package
from distilpose.host import repairs
"""


def run(code: str, *, path: Path | None = None, **environment: str) -> subprocess.CompletedProcess:
    """Run code in a Python of its own."""
    variables = {**os.environ, 'PYTHONPATH': str(path or ROOT), 'OMP_NUM_THREADS': '1', **environment}
    return subprocess.run(
        [sys.executable, '-c', textwrap.dedent(code)], env=variables, capture_output=True, text=True, timeout=600
    )


@pytest.mark.slow
def test_importing_the_package_is_quiet() -> None:
    result = run('import distilpose, mmpose.apis, mmpose.evaluation; print("fine")')
    assert result.returncode == 0, result.stderr
    assert result.stdout == 'fine\n'
    assert result.stderr == ''


def test_applying_twice_changes_nothing() -> None:
    from mmengine.model import MMDistributedDataParallel
    from mmpose.utils import tensor_utils

    before = (tensor_utils.to_numpy, MMDistributedDataParallel.__init__, sys.modules['xtcocotools'])
    repairs.apply()
    assert before == (tensor_utils.to_numpy, MMDistributedDataParallel.__init__, sys.modules['xtcocotools'])


def test_missing_package_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, 'munkres', raising=False)
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None if name == 'munkres' else find_spec(name))
    with pytest.raises(ImportError, match='needs munkres.*setup_env.sh.*pip install munkres') as caught:
        repairs.require_packages()
    assert caught.value.name == 'munkres'


# --- mmengine asks for packages


@pytest.mark.slow
def test_mmengine_finds_packages_without_pkg_resources() -> None:
    hidden = 'import sys; sys.modules["pkg_resources"] = None\n'
    question = 'from mmengine.utils import get_installed_path as path, is_installed as has\nprint(path("mmpose"))\n'
    broken = run(hidden + question)
    assert 'pkg_resources' in broken.stderr.splitlines()[-1]

    more = 'print(has("mmpose"), has("opencv-python-headless"), has("json"), has("nothing-like-this"))'
    mended = run(hidden + WITHOUT_APPLYING + 'repairs.ask_importlib_for_packages()\n' + question + more)
    import mmpose

    assert mended.stdout.splitlines() == [str(Path(mmpose.__file__).parent), 'True True True False'], mended.stderr


def test_configs_inherit_from_an_installed_mmpose() -> None:
    from mmengine.config import Config

    config = Config.fromstring('_base_ = "mmpose::_base_/default_runtime.py"', '.py')
    assert config.default_scope == 'mmpose'


# --- mmcv's compiled operations


@pytest.mark.slow
@pytest.mark.skipif('mmcv._ext' not in sys.modules or hasattr(sys.modules['mmcv._ext'], '__file__'), reason='real mmcv')
def test_mmcv_operations_import_and_say_that_they_are_missing() -> None:
    assert "No module named 'mmcv._ext'" in run('import mmcv.ops').stderr

    from mmcv.ops import DeformConv2d, get_compiler_version, nms  # noqa: F401

    with pytest.raises(NotImplementedError, match='operation nms of mmcv was called.*mmcv-lite'):
        nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    assert get_compiler_version() == 'n/a'
    assert importlib.util.find_spec('mmcv._ext') is not None


# --- mmdet


@pytest.mark.skipif(importlib.util.find_spec('mmdet') is not None, reason='real mmdet')
class TestWithoutMMDet:
    @pytest.mark.slow
    def test_mmpose_models_need_it(self) -> None:
        remedies = 'repairs.stub_mmcv_ops(); repairs.repair_torchvision(); repairs.serve_xtcocotools()\n'
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

    def test_mean_of_one_process_is_the_tensor(self) -> None:
        value = torch.tensor(3.0)
        assert repairs.reduce_mean(value) is value


# --- circles


CIRCLE = """
import numpy as np
from mmpose.visualization import PoseLocalVisualizer
visualizer = PoseLocalVisualizer(backend='opencv')
visualizer.set_image(np.zeros((9, 9, 3), np.uint8))
visualizer.draw_circles(np.array([4.0, 4.0]), radius=np.array([2]), face_colors=(255, 255, 255))
print((visualizer.get_image() > 0).all(-1).sum())
"""


class TestCircles:
    @pytest.mark.slow
    def test_numpy_refuses_mmposes_radius(self) -> None:
        if np.lib.NumpyVersion(np.__version__) < '2.4.0':
            pytest.skip('this numpy takes arrays of one element for numbers')
        remove = ('from distilpose.host import repairs; repairs.draw_circles_with_numbers = lambda: None; '
                  'repairs.apply()\n')
        broken = run(WITHOUT_APPLYING + remove + CIRCLE)
        assert broken.stderr.splitlines()[-1].startswith('TypeError: only 0-dimensional arrays can be converted')

    @pytest.mark.slow
    def test_keypoints_are_drawn(self) -> None:
        mended = run('import distilpose\n' + CIRCLE)
        assert mended.stdout.strip().isdigit(), mended.stderr
        assert 9 <= int(mended.stdout) <= 25  # a disc of radius 2

    @pytest.mark.parametrize('backend', ['opencv', 'matplotlib'])
    @pytest.mark.parametrize('radius', [np.array([2]), torch.tensor([2])])
    def test_any_radius_and_backend_draws(self, backend: str, radius: np.ndarray | torch.Tensor) -> None:
        from mmpose.visualization import PoseLocalVisualizer

        visualizer = PoseLocalVisualizer(backend=backend)
        visualizer.set_image(np.zeros((9, 9, 3), np.uint8))
        visualizer.draw_circles(np.array([4.0, 4.0]), radius=radius, face_colors='red')
        assert visualizer.get_image().any()


# --- torchvision


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


# --- xtcocotools


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
    result = run(WITHOUT_APPLYING + hidden + 'repairs.serve_xtcocotools()' + ASK_XTCOCOTOOLS)
    assert result.stdout.strip() == 'distilpose.host.xtcoco distilpose.host.xtcoco pycocotools.mask', result.stderr


@pytest.mark.slow
def test_xtcocotools_is_served_where_it_is_broken(tmp_path: Path) -> None:
    broken = package(tmp_path, 'raise ValueError("numpy.dtype size changed, may indicate binary incompatibility")')
    assert 'numpy.dtype size changed' in run(ASK_XTCOCOTOOLS, path=broken).stderr
    result = run(WITHOUT_APPLYING + 'repairs.serve_xtcocotools()' + ASK_XTCOCOTOOLS, path=broken)
    assert result.stdout.strip() == 'distilpose.host.xtcoco distilpose.host.xtcoco pycocotools.mask', result.stderr


@pytest.mark.slow
def test_a_working_xtcocotools_is_used(tmp_path: Path) -> None:
    working = package(tmp_path, 'class COCO: pass\nclass COCOeval: pass')
    result = run(WITHOUT_APPLYING + 'repairs.serve_xtcocotools()' + ASK_XTCOCOTOOLS, path=working)
    assert result.stdout.strip() == 'xtcocotools.coco xtcocotools.cocoeval xtcocotools.mask', result.stderr


def test_mmpose_evaluates_with_what_is_served() -> None:
    from mmpose.evaluation.metrics import coco_metric, coco_wholebody_metric

    from distilpose.host.xtcoco import COCOeval

    if sys.modules['xtcocotools.cocoeval'].__name__ == 'distilpose.host.xtcoco':
        assert coco_metric.COCOeval is coco_wholebody_metric.COCOeval is COCOeval


# --- bfloat16


class TestBfloat16:
    def test_mmpose_alone_cannot_turn_it_into_numpy(self) -> None:
        from mmpose.utils import tensor_utils

        with pytest.raises(TypeError, match='BFloat16'):
            tensor_utils.to_numpy.__wrapped__(torch.zeros(2, dtype=torch.bfloat16))

    def test_it_becomes_float32(self) -> None:
        from mmpose.utils.tensor_utils import to_numpy

        value = torch.arange(3, dtype=torch.bfloat16)
        assert to_numpy(value).dtype == np.float32
        assert [entry.tolist() for entry in to_numpy((value, value))] == [[0, 1, 2], [0, 1, 2]]
        pairs, device = to_numpy((value[:, None], value[:, None]), return_device=True, unzip=True)
        assert [(one.tolist(), two.tolist()) for one, two in pairs] == [([[i]], [[i]]) for i in range(3)]
        assert device.type == 'cpu'

    def test_other_input_is_as_before(self) -> None:
        from mmpose.utils.tensor_utils import to_numpy

        assert to_numpy(torch.zeros(2, dtype=torch.float64)).dtype == np.float64
        array = np.zeros(2)
        assert to_numpy(array) is array
        with pytest.raises(ValueError, match='Invalid input type'):
            to_numpy('text')

    def test_every_head_has_the_mended_function(self) -> None:
        from mmpose.models.heads.coord_cls_heads import rtmcc_head
        from mmpose.models.heads.heatmap_heads import heatmap_head
        from mmpose.utils import tensor_utils

        assert heatmap_head.to_numpy is rtmcc_head.to_numpy is tensor_utils.to_numpy

    def test_a_head_of_mmpose_takes_a_loss_under_autocast(self, device: torch.device) -> None:
        from mmengine.structures import InstanceData, PixelData
        from mmpose.models.heads import HeatmapHead
        from mmpose.structures import PoseDataSample

        head = HeatmapHead(8, 3, deconv_out_channels=None, loss=dict(type='KeypointMSELoss', use_target_weight=True))
        sample = PoseDataSample(gt_fields=PixelData(heatmaps=torch.rand(3, 4, 4)))
        sample.gt_instance_labels = InstanceData(keypoint_weights=torch.ones(1, 3))
        with torch.autocast(device.type, dtype=torch.bfloat16):
            losses = head.to(device).loss([torch.rand(1, 8, 4, 4, device=device)], [sample.to(device)])
        assert torch.isfinite(losses['loss_kpt'])
        assert 'acc_pose' in losses


# --- several processes on the CPU


TRAINING = """
import sys
import distilpose
import torch
import torch.distributed as dist
from mmengine.model import BaseModel
from mmengine.runner import Runner


class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def forward(self, inputs, mode='tensor'):
        output = self.layer(inputs)
        return dict(loss=(output - inputs.sum(1, keepdim=True)).square().mean()) if mode == 'loss' else output


class Data(torch.utils.data.Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        return dict(inputs=torch.tensor([index / 8, 1.0]))


wrapper = dict(model_wrapper_cfg=dict(type='MMDistributedDataParallel', static_graph=True)) if sys.argv[3:] else {}
runner = Runner(
    Model(), sys.argv[1], launcher='pytorch', env_cfg=dict(dist_cfg=dict(backend=sys.argv[2])), log_level='WARNING',
    train_dataloader=dict(dataset=Data(), batch_size=2, sampler=dict(type='DefaultSampler', shuffle=True),
                          collate_fn=dict(type='default_collate')),
    train_cfg=dict(by_epoch=True, max_epochs=1), optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
    randomness=dict(seed=0), cfg=wrapper)
runner.train()
rank = dist.get_rank()
mean = distilpose.host.repairs.reduce_mean(torch.tensor(float(rank)))
weights = [torch.zeros(1, 2) for _ in range(2)]
dist.all_gather(weights, runner.model.module.layer.weight.detach())
if rank == 0:
    print(type(runner.model).__name__, dist.get_backend(), float(mean), torch.equal(*weights))
"""


def torchrun(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess:
    script = tmp_path / 'training.py'
    script.write_text(TRAINING)
    return subprocess.run(
        [
            *(sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node=2', '--rdzv-backend=c10d'),
            *('--rdzv-endpoint=localhost:0', str(script), str(tmp_path / 'work'), *arguments),
        ],
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': ''},
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_synchronised_normalisation_becomes_plain_on_the_cpu(tmp_path: Path) -> None:
    """torch refuses to wrap such a model; the same weights and buffers then work as plain BN's."""
    from mmengine.model import MMDistributedDataParallel

    images, plain = torch.randn(3, 4, 5, 5), nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
    model = nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)))
    model.load_state_dict(plain.state_dict())
    torch.distributed.init_process_group('gloo', init_method=f'file://{tmp_path}/store', rank=0, world_size=1)
    try:
        with pytest.raises(ValueError, match='SyncBatchNorm layers only work with GPU modules'):
            nn.parallel.DistributedDataParallel(model)
        wrapped = MMDistributedDataParallel(model, device_ids=[0])
        assert torch.equal(nn.Module.__call__(wrapped.module, images), plain(images))
    finally:
        torch.distributed.destroy_process_group()
    assert not any(isinstance(module, nn.SyncBatchNorm) for module in wrapped.modules())
    assert wrapped.module.state_dict().keys() == plain.state_dict().keys()
    for name, value in plain.state_dict().items():
        assert torch.equal(wrapped.module.state_dict()[name], value)


@pytest.mark.slow
@pytest.mark.parametrize('arguments', [('gloo',), ('nccl', 'wrapper')], ids=['gloo', 'nccl-becomes-gloo'])
def test_two_processes_train_one_model_on_the_cpu(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = torchrun(tmp_path, *arguments)
    assert result.returncode == 0, result.stderr[-3000:]
    assert 'MMDistributedDataParallel gloo 0.5 True' in result.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason='the breakage is that of a torch without CUDA')
def test_mmengine_alone_cannot_start_processes_without_cuda() -> None:
    start = "import os\nfrom mmengine.dist import init_dist\ninit_dist('pytorch', backend='gloo')\nprint('started')"
    environment = dict(RANK='0', LOCAL_RANK='0', WORLD_SIZE='1', MASTER_ADDR='127.0.0.1', MASTER_PORT='0')
    assert '_cuda_setDevice' in run(start, **environment).stderr
    mended = run(WITHOUT_APPLYING + 'repairs.allow_processes_without_cuda()\n' + start, **environment)
    assert 'started' in mended.stdout, mended.stderr


def test_a_model_on_the_cpu_is_wrapped_without_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    from mmengine.model import MMDistributedDataParallel

    seen = {}
    monkeypatch.setattr(
        nn.parallel.DistributedDataParallel, '__init__', lambda self, module, **kwargs: seen.update(kwargs)
    )
    MMDistributedDataParallel(module=nn.Linear(1, 1), device_ids=[0], broadcast_buffers=False)
    assert seen == {'device_ids': None, 'broadcast_buffers': False}
    MMDistributedDataParallel(nn.Linear(1, 1, device='meta'), device_ids=[0])
    assert seen['device_ids'] == [0]


# --- downloads


def test_downloads_are_read_safely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import argparse

    from mmengine.runner.checkpoint import CheckpointLoader

    from distilpose.checkpoints import UntrustedCheckpoint

    calls = []

    def download(url: str, target: str, progress: bool) -> None:
        calls.append(url)
        torch.save(dict(state_dict=dict(a=torch.ones(1)), extra=contents), target)

    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, 'download_url_to_file', download)
    contents: object = 1
    for _ in range(2):
        loaded = CheckpointLoader.load_checkpoint('https://example.org/plain-20200101.pth', map_location='cpu')
        assert loaded['state_dict']['a'] == 1
    assert calls == ['https://example.org/plain-20200101.pth']
    contents = argparse.Namespace()
    with pytest.raises(UntrustedCheckpoint, match='argparse.Namespace'):
        CheckpointLoader.load_checkpoint('https://example.org/evil.pth', map_location='cpu')


def test_the_version_is_told() -> None:
    assert distilpose.__version__
