"""A cache says what the teacher said."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from mmpose.structures import PoseDataSample
from torch import Tensor

from distilpose.distillation.teacher_cache import RecordLayout, SlotStore, TeacherCache
from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs
from tests.devices import on_device

FIELDS = ('heatmaps', 'visual_tokens')


class Teacher:
    """Its answer depends on the image, and it counts what it was asked for."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor
        self.asked: list[int] = []

    def __call__(self, images: Tensor, data_samples: Any = None) -> PoseOutputs:
        self.asked.append(len(images))
        tokens = images.flatten(1)[:, :10].reshape(-1, 2, 5) / 3 * self.factor
        return PoseOutputs(heatmaps=(images[:, :2] / 7,), visual_tokens=tokens)


def images(count: int = 4) -> Tensor:
    return torch.randn(count, 3, 6, 4, generator=torch.Generator().manual_seed(0))


def samples(slots: list[int]) -> list[PoseDataSample]:
    return [PoseDataSample(metainfo=dict(teacher_slot=(slot, dict(teacher=100 + slot)))) for slot in slots]


def opened(folder: Path, teacher: Any, *, dtype: str = 'float16', fields: tuple[str, ...] = FIELDS) -> TeacherCache:
    layout = RecordLayout.of(Teacher()(images(1)), FIELDS)
    store = SlotStore(folder, slots=8, values=layout.values, dtype=dtype, salt=0)
    return TeacherCache(teacher, store=store, layout=layout, fields=fields, tolerance=5e-3)


def assert_equal(one: PoseOutputs, other: PoseOutputs) -> None:
    assert one.produced() == other.produced()
    assert torch.equal(one.heatmaps[-1], other.heatmaps[-1])
    assert torch.equal(one.visual_tokens, other.visual_tokens)


@on_device
def test_the_first_answer_is_the_second_one(tmp_path: Path) -> None:
    teacher = Teacher()
    first = opened(tmp_path, teacher).outputs(images(), samples([0, 5, 2, 1]))
    second = opened(tmp_path, teacher).outputs(images(), samples([0, 5, 2, 1]))
    assert_equal(first, second)
    assert teacher.asked == [4, 4]  # the second time only to compare
    assert first.heatmaps[-1].dtype == torch.float32
    assert_equal(first, PoseOutputs(heatmaps=((images()[:, :2] / 7).half().float(),),
                                    visual_tokens=Teacher()(images()).visual_tokens.half().float()))


@on_device
def test_in_float32_it_is_the_teachers_to_the_bit(tmp_path: Path) -> None:
    assert_equal(opened(tmp_path, Teacher(), dtype='float32').outputs(images(), samples([0, 1, 2, 3])),
                 Teacher()(images()))


@on_device
def test_what_is_missing_is_added_and_what_is_there_stays(tmp_path: Path) -> None:
    teacher = Teacher()
    cache = opened(tmp_path, teacher)
    cache.outputs(images()[[0, 2]], samples([0, 2]))
    answer = cache.outputs(images(), samples([0, 1, 2, 3]))
    assert teacher.asked == [2, 4, 4]  # to compare, and to fill
    assert_equal(answer, opened(tmp_path, Teacher()).outputs(images(), samples([0, 1, 2, 3])))
    assert (cache.images_computed, cache.read_cost.images) == (4, 6)


@on_device
def test_some_fields_of_a_richer_cache(tmp_path: Path) -> None:
    everything = opened(tmp_path, Teacher()).outputs(images(), samples([0, 1, 2, 3]))
    tokens = opened(tmp_path, Teacher(), fields=('visual_tokens',)).outputs(images(), samples([0, 1, 2, 3]))
    assert tokens.produced() == ('visual_tokens',)
    assert torch.equal(tokens.visual_tokens, everything.visual_tokens)


@on_device
def test_a_teacher_that_says_something_else_is_noticed(tmp_path: Path) -> None:
    opened(tmp_path, Teacher()).outputs(images(), samples([0, 1, 2, 3]))
    with pytest.raises(DistilPoseError, match='contradicts the teacher: its visual_tokens in slot 1 are 0.0099 away'):
        opened(tmp_path, Teacher(factor=1 / 1.01)).outputs(images()[1:2], samples([1]))


@on_device
def test_now_and_then_it_compares_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('distilpose.distillation.teacher_cache.cache.CHECK_EVERY', 3)
    teacher = Teacher()
    cache = opened(tmp_path, teacher)
    for _ in range(8):
        cache.outputs(images(), samples([0, 1, 2, 3]))
    assert teacher.asked == [4, 4, 4, 4]


@on_device
@pytest.mark.parametrize('value, words', [
    (-1e5, "visual_tokens have values up to 100000, which .* dtype='float32'"),
    (float('nan'), 'visual_tokens are not all numbers'),
    (-float('inf'), 'visual_tokens are not all numbers'),
])
def test_what_a_float16_cannot_hold_is_refused(tmp_path: Path, value: float, words: str) -> None:
    def teacher(images: Tensor, data_samples: Any) -> PoseOutputs:
        outputs = Teacher()(images)
        outputs.visual_tokens[1, 0, 0] = value
        return outputs

    cache = opened(tmp_path, teacher)
    with pytest.raises(DistilPoseError, match=words):
        cache.outputs(images(), samples([0, 1, 2, 3]))
    assert cache.store.filled == 0


@on_device
def test_a_copy_of_a_distiller_reads_the_same_cache(tmp_path: Path) -> None:
    cache = opened(tmp_path, Teacher())
    assert copy.deepcopy(cache) is cache
