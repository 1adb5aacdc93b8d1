"""What depends on the machine: processes and open files."""

from __future__ import annotations

import pytest
from mmengine.config import Config
from torch.distributed import TCPStore

from distilpose.engine import environment
from distilpose.engine.environment import check_launcher, follow_the_first, is_first_process
from distilpose.errors import DistilPoseError, LostProcess

SLURM = dict(SLURM_PROCID='1', SLURM_NTASKS='2', SLURM_NODELIST='one', MASTER_ADDR='one')


def test_workers_need_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = Config(dict(train_dataloader=dict(num_workers=8), val_dataloader=dict(num_workers=2)))
    monkeypatch.setattr(environment.resource, 'getrlimit', lambda kind: (143, 143))
    with pytest.raises(DistilPoseError, match='may open 143 files here, and one with 10 workers .* about 144; raise'):
        environment._check_descriptors(cfg)
    monkeypatch.setattr(environment.resource, 'getrlimit', lambda kind: (144, 144))
    environment._check_descriptors(cfg)
    environment._check_descriptors(Config(dict(train_dataloader=dict(), val_dataloader=None)))


@pytest.mark.parametrize(('variables', 'sentence'), [
    (dict(SLURM_PROCID='2'), 'SLURM_PROCID is 2, and of SLURM_NTASKS=2 processes the last has 1'),
    (dict(SLURM_NTASKS='two'), "the variable SLURM_NTASKS is 'two'; expected a whole number"),
    (dict(SLURM_LOCALID=''), "the variable SLURM_LOCALID is ''"),
    (dict(MASTER_ADDR=None), 'scontrol, which names the first machine, is not on the PATH; set MASTER_ADDR'),
])
def test_variables_of_slurm(variables: dict[str, str | None], sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('PATH', '')
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    check_launcher('slurm')
    for name, changed in variables.items():
        monkeypatch.delenv(name) if changed is None else monkeypatch.setenv(name, changed)
    with pytest.raises(DistilPoseError, match=sentence):
        check_launcher('slurm')


def test_the_first_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('RANK', '1')
    monkeypatch.setenv('SLURM_PROCID', '0')
    assert is_first_process('none') and is_first_process('slurm') and not is_first_process('pytorch')


@pytest.mark.parametrize('comes', [True, False])
def test_the_others_follow_the_first(comes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    server = TCPStore('127.0.0.1', 0, is_master=True, wait_for_workers=False)
    for name, value in dict(TORCHELASTIC_USE_AGENT_STORE='True', MASTER_ADDR='127.0.0.1',
                            MASTER_PORT=str(server.port), RANK='0').items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(environment, '_SECONDS_FOR_THE_FIRST', 20 if comes else 1)
    if comes:
        follow_the_first('pytorch')
    monkeypatch.setenv('RANK', '1')
    if comes:
        follow_the_first('pytorch')
        return
    with pytest.raises(LostProcess, match='the first process of this run did not begin'):
        follow_the_first('pytorch')
    follow_the_first('none')
