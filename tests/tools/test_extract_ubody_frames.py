"""The command line of tools/extract_ubody_frames.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.datasets.test_ubody_frames import add_video, ffmpeg, images  # noqa: F401  (a fixture)


@pytest.mark.slow
def test_extracts_and_says_what_it_did(tmp_path: Path, ffmpeg: Path, tool: Callable[[str], ModuleType],  # noqa: F811
                                       capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / 'UBody'
    add_video(root, 'Speech/one.mp4', frames=3)
    add_video(root, 'Movie/two.mp4', frames=3)
    arguments = [str(root), '--scenes', 'Speech', '--jobs', '2', '--ffmpeg', str(ffmpeg)]
    assert tool('extract_ubody_frames').main(arguments) == 0
    printed = capsys.readouterr()
    assert printed.out == '1 videos extracted, 3 images; 0 were finished before\n'
    assert printed.err.startswith('videos: 1 of 1, ') and 'videos/s, 00:00 left' in printed.err  # not a terminal
    assert images(root) == [f'Speech/one/00000{number}.png' for number in (1, 2, 3)]


def test_wrong_input_is_a_sentence_and_a_code(tmp_path: Path, tool: Callable[[str], ModuleType],
                                              capsys: pytest.CaptureFixture[str]) -> None:
    assert tool('extract_ubody_frames').main([str(tmp_path)]) == 2
    assert "expected UBody's folder with videos/SCENE/VIDEO.mp4" in capsys.readouterr().err
