"""Devices by name, their ceilings, and memory at the peak."""

from __future__ import annotations

import argparse
import sys
import time

import pytest
import torch

from distilpose.benchmark import machine as machines
from distilpose.benchmark.machine import Machine, added_at_peak, chosen_machine, find_device, measure_ceilings
from distilpose.errors import DistilPoseError

CPU = torch.device('cpu')


@pytest.mark.parametrize('name, words', [('gpu', 'expected cpu, cuda or cuda:N'), ('meta', 'cpu and cuda only')])
def test_a_device_that_cannot_be_measured_is_a_sentence(name: str, words: str) -> None:
    with pytest.raises(DistilPoseError, match=words):
        find_device(name)


def test_cuda_where_there_is_none_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    assert find_device(None) == CPU
    with pytest.raises(DistilPoseError, match='no CUDA device here; use --device cpu'):
        find_device('cuda')


def test_threads_are_those_asked_for_and_come_back() -> None:
    before = torch.get_num_threads()
    with chosen_machine(argparse.Namespace(device='cpu', threads=before + 1)) as machine:
        assert torch.get_num_threads() == before + 1 == machine.threads and 'elapsed' in machine.meaning
    assert torch.get_num_threads() == before
    with pytest.raises(DistilPoseError, match='--threads is 0'), chosen_machine(argparse.Namespace(threads=0)):
        pass


def test_with_one_thread_waiting_costs_nothing() -> None:
    alone, several = Machine(CPU, 1), Machine(CPU, 2)
    starts = alone.clock(), several.clock()
    time.sleep(0.2)  # other threads of this process may compute for some of it
    assert alone.clock() - starts[0] < 0.1 < several.clock() - starts[1]


def test_ceilings_are_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, '_SIZES', dict(cpu=(64, 128)))
    monkeypatch.setattr(machines, '_COPIED', dict(cpu=2**16))
    found = measure_ceilings(Machine(CPU, 1))
    assert found.matmul['float32'] > 0 and found.copy > 0
    assert found.share(dict(float32=found.matmul['float32']), seconds=2) == .5
    assert found.share(dict(float8=1.), seconds=1) is None and found.share({}, seconds=1) is None


@pytest.mark.skipif(sys.platform != 'linux', reason='reads /proc')
def test_memory_at_the_peak_is_what_the_run_took_and_gave_back() -> None:
    def take(megabytes: int):
        def work(run: int) -> int:
            torch.ones(megabytes, 2**20, dtype=torch.uint8)
            return 1
        return work

    found = added_at_peak(dict(small=take(20), large=take(80)), CPU)
    assert found is not None
    assert found['small'] == pytest.approx(20 * 2**20, rel=.1)
    assert found['large'] == pytest.approx(80 * 2**20, rel=.1)


def test_a_system_that_does_not_tell(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(machines, '_RESET', tmp_path / 'missing' / 'clear_refs')
    assert added_at_peak(dict(config=lambda run: 1), CPU) is None
