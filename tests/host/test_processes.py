"""Several processes on the CPU."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.host.python import ROOT, WITHOUT_APPLYING, run

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
mean = distilpose.host.imports.reduce_mean(torch.tensor(float(rank)))
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
@pytest.mark.slow
def test_two_processes_train_one_model_on_the_cpu(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = torchrun(tmp_path, *arguments)
    assert result.returncode == 0, result.stderr[-3000:]
    assert 'MMDistributedDataParallel gloo 0.5 True' in result.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason='the breakage is that of a torch without CUDA')
@pytest.mark.slow
def test_mmengine_alone_cannot_start_processes_without_cuda() -> None:
    start = "import os\nfrom mmengine.dist import init_dist\ninit_dist('pytorch', backend='gloo')\nprint('started')"
    environment = dict(RANK='0', LOCAL_RANK='0', WORLD_SIZE='1', MASTER_ADDR='127.0.0.1', MASTER_PORT='0')
    assert '_cuda_setDevice' in run(start, **environment).stderr
    mended = run(WITHOUT_APPLYING + 'processes.allow_processes_without_cuda()\n' + start, **environment)
    assert 'started' in mended.stdout, mended.stderr


def test_a_model_on_the_cpu_is_wrapped_without_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    from mmengine.model import MMDistributedDataParallel

    seen = {}
    arguments = inspect.signature(nn.parallel.DistributedDataParallel).parameters
    renamed = 'forward_sync_buffers' if 'forward_sync_buffers' in arguments else 'broadcast_buffers'  # torch 2.13
    monkeypatch.setattr(
        nn.parallel.DistributedDataParallel, '__init__', lambda self, module, **kwargs: seen.update(kwargs)
    )
    MMDistributedDataParallel(module=nn.Linear(1, 1), device_ids=[0], broadcast_buffers=False)
    assert seen == {'device_ids': None, renamed: False}
    MMDistributedDataParallel(nn.Linear(1, 1, device='meta'), device_ids=[0])
    assert seen['device_ids'] == [0]
