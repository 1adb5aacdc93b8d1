"""Processor features are read from texts of several machines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from distilpose import processor

ZEN_4 = 'model name\t: AMD EPYC 9R14\nflags\t\t: fpu avx2 avx512f avx512_bf16 avx512_vnni\n'
ICE_LAKE = 'model name\t: Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz\nflags\t\t: fpu avx2 avx512f avx512_vnni\n'
SAPPHIRE_RAPIDS = 'model name\t: Intel(R) Xeon(R)\nflags\t\t: fpu avx512f avx512_bf16 amx_bf16 amx_tile amx_int8\n'
NEOVERSE_V1 = 'processor\t: 0\nBogoMIPS\t: 2100.00\nFeatures\t: fp asimd sve i8mm bf16 dgh\nCPU part\t: 0xd40\n'
GRAVITON_2 = 'processor\t: 0\nFeatures\t: fp asimd evtstrm aes asimddp\n'
APPLE_M2 = {'hw.optional.arm.FEAT_BF16': '1', 'hw.optional.arm.FEAT_I8MM': '1', 'hw.optional.avx2_0': '0',
            'machdep.cpu.brand_string': 'Apple M2'}


@pytest.fixture(autouse=True)
def unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A machine of which nothing can be read."""
    monkeypatch.setattr(processor, '_CPUINFO', tmp_path / 'cpuinfo')
    monkeypatch.setattr(processor, '_sysctl', dict)
    monkeypatch.setattr(torch.backends.mkldnn, 'is_available', lambda: True)
    monkeypatch.delenv('ONEDNN_MAX_CPU_ISA', raising=False)
    _forget()
    yield
    _forget()


def _forget() -> None:
    processor.cpu_features.cache_clear()
    processor.has_fast_bfloat16.cache_clear()


@pytest.mark.parametrize(('text', 'fast', 'feature'), [
    (ZEN_4, True, 'avx512_bf16'), (ICE_LAKE, False, 'avx512f'), (SAPPHIRE_RAPIDS, True, 'amx_bf16'),
    (NEOVERSE_V1, True, 'bf16'), (GRAVITON_2, False, 'asimddp')])
def test_cpuinfo(text: str, fast: bool, feature: str, tmp_path: Path) -> None:
    (tmp_path / 'cpuinfo').write_text(text)
    assert feature in processor.cpu_features()
    assert processor.has_fast_bfloat16() is fast


def test_macs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, '_sysctl', lambda: APPLE_M2)
    assert processor.cpu_features() == {'bf16', 'i8mm'}
    assert processor.has_fast_bfloat16() and processor.processor_name() == 'Apple M2'


def test_without_onednn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / 'cpuinfo').write_text(ZEN_4)
    monkeypatch.setattr(torch.backends.mkldnn, 'is_available', lambda: False)
    assert not processor.has_fast_bfloat16()


@pytest.mark.parametrize(('limit', 'fast'), [('avx512_core_vnni', False), ('AVX512_CORE_BF16', True)])
def test_a_limit_of_onednn(limit: str, fast: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / 'cpuinfo').write_text(SAPPHIRE_RAPIDS)
    monkeypatch.setenv('ONEDNN_MAX_CPU_ISA', limit)
    assert processor.has_fast_bfloat16() is fast


def test_an_unknown_machine() -> None:
    assert processor.cpu_features() == frozenset()
    assert not processor.has_fast_bfloat16()
    assert processor.processor_name()


@pytest.mark.parametrize(('major', 'fast'), [(7, False), (8, True)])
def test_gpus(major: int, fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    properties: Any = type('Properties', (), dict(major=major))
    monkeypatch.setattr(torch.version, 'hip', None)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'current_device', lambda: 0)
    monkeypatch.setattr(torch.cuda, 'get_device_properties', lambda device: properties)
    assert processor.has_fast_bfloat16('cuda') is fast
    assert not processor.has_fast_bfloat16('mps')


def test_the_processor_is_read_once(tmp_path: Path) -> None:
    (tmp_path / 'cpuinfo').write_text(ZEN_4)
    assert processor.processor_name() == 'AMD EPYC 9R14'
    found = processor.cpu_features()
    (tmp_path / 'cpuinfo').unlink()
    assert processor.cpu_features() == found
