"""Checkpoints that mmengine loads: local files and downloads."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch


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
