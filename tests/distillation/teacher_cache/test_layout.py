"""Records: what goes in comes out."""

from __future__ import annotations

import json

import pytest
import torch

from distilpose.distillation.teacher_cache import RecordLayout
from distilpose.distillation.teacher_cache.layout import OnlyLast, field_names
from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs
from tests.devices import on_device


def outputs(batch: int = 3) -> PoseOutputs:
    torch.manual_seed(0)
    return PoseOutputs(
        heatmaps=(torch.randn(batch, 2, 4, 3), torch.randn(batch, 2, 4, 3)),
        simcc=(torch.randn(batch, 2, 6), torch.randn(batch, 2, 8)), visual_tokens=torch.randn(batch, 5, 7),
        features=(torch.randn(batch, 9, 2, 2),))


ALL = ('features', 'visual_tokens', 'simcc', 'heatmaps')


@on_device
def test_unpacking_undoes_packing() -> None:
    shown = outputs()
    layout = RecordLayout.of(shown, ALL)
    records = layout.pack(shown)
    assert records.shape == (3, layout.values)
    found = layout.unpack(lambda columns: records[:, columns], ALL)
    assert found.produced() == shown.produced()
    assert torch.equal(found.heatmaps[-1], shown.heatmaps[-1])
    assert torch.equal(found.visual_tokens, shown.visual_tokens)
    assert all(map(torch.equal, found.simcc, shown.simcc))
    assert all(map(torch.equal, found.features, shown.features))


@on_device
def test_only_what_is_read_is_kept() -> None:
    shown = outputs()
    layout = RecordLayout.of(shown, ['heatmaps'])
    assert layout.values == 2 * 4 * 3
    assert torch.equal(layout.pack(shown), shown.heatmaps[-1].flatten(1))


@on_device
def test_some_of_the_fields_can_be_read() -> None:
    shown = outputs()
    layout = RecordLayout.of(shown, ALL)
    records = layout.pack(shown)
    asked: list[slice] = []

    def read(columns: slice) -> torch.Tensor:
        asked.append(columns)
        return records[:, columns]

    assert layout.unpack(read, ['simcc']).produced() == ('simcc',)
    assert sum(columns.stop - columns.start for columns in asked) == 2 * (6 + 8)


@on_device
def test_maps_that_are_not_kept_are_an_error() -> None:
    shown = outputs()
    layout = RecordLayout.of(shown, ALL)
    records = layout.pack(shown)
    found = layout.unpack(lambda columns: records[:, columns], ALL)
    assert isinstance(found.heatmaps, OnlyLast) and not isinstance(found.features, OnlyLast)
    for read in (lambda: found.heatmaps[0], lambda: found.heatmaps[:], lambda: list(found.heatmaps)):
        with pytest.raises(DistilPoseError, match='more than the last'):
            read()


@on_device
def test_a_layout_survives_json() -> None:
    layout = RecordLayout.of(outputs(), ALL)
    assert RecordLayout.from_json(json.loads(json.dumps(layout.to_json()))) == layout


@on_device
def test_layers_are_kept_by_name_and_some_of_them_can_be_read() -> None:
    shown = outputs()._replace(layers={'neck': torch.randn(3, 4, 2, 2), 'backbone.layer3': torch.randn(3, 6)})
    names = field_names(shown, ('simcc', 'layers'))
    assert names == ('simcc', 'layers.backbone.layer3', 'layers.neck')
    layout = RecordLayout.from_json(RecordLayout.of(shown, names).to_json())
    records = layout.pack(shown)
    found = layout.unpack(lambda columns: records[:, columns], names)
    assert found.produced() == ('simcc', 'layers')
    assert set(found.layers) == set(shown.layers)
    assert all(torch.equal(found.layers[name], value) for name, value in shown.layers.items())
    only = layout.unpack(lambda columns: records[:, columns], ['layers.neck'])
    assert only.produced() == ('layers',) and list(only.layers) == ['neck']
