import json
import random

import numpy as np
import pytest
import torch

from distilpose.datasets import TeacherCrop
from distilpose.distillation import PoseDistiller
from distilpose.distillation.heatmap_grid import HeatmapGrid
from distilpose.distillation.teacher_report import TeacherReport, choose_people, collect, draw_sheet, make_report
from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs
from tests.networks import HEATMAP_SIZE, INPUT_SIZE, TEACHER, changed

from .oracle import CELLS, PEOPLE, Oracle, distiller, heatmaps, poses, read_dataset, write_people


@pytest.fixture(scope='module')
def dataset(tmp_path_factory):
    return read_dataset(write_people(tmp_path_factory.mktemp('people') / 'data'))


def report_on(teacher, dataset, **options):
    return make_report(distiller(teacher), dataset, **dict(dict(people=500, batch_size=5, seconds=60), **options))[0]


def kinds(report):
    return [finding.kind for finding in report.findings]


def flipped(dataset):
    indices = dataset.metainfo['flip_indices']
    return lambda coords: coords[:, indices]


def test_a_teacher_that_knows_is_right(dataset):
    report = report_on(Oracle(), dataset)
    figures = report.figures
    assert kinds(report) == [] and report.refusal is None
    assert figures['people'] == PEOPLE and figures['joints'] == 17 * PEOPLE
    assert figures['ap'] == pytest.approx(1) and figures['pck'] == 1
    assert figures['mean_pose']['pck'] < 0.2
    assert abs(figures['bias']['x']) < 0.01 and figures['bias']['cells'] == list(CELLS)
    assert figures['sides']['swapped'] == 0 and figures['left_out'] == []
    assert [entry['joints'] for entry in figures['certainty']] == [0, 0, 0, 17 * PEOPLE, 0]
    text = '\n'.join(report.lines())
    assert 'AP 100.0, PCK@0.1 of the box 100.0' in text and 'right by certainty: 0.6-0.8 100.0 % of 408' in text
    assert TeacherReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report


@pytest.mark.parametrize('shift', [0.5, -0.5])
def test_half_a_cell_is_a_wrong_grid(dataset, shift):
    report = report_on(Oracle(lambda coords: coords + shift / torch.tensor(CELLS)), dataset)
    assert report.figures['bias']['x'] == pytest.approx(shift, abs=0.02)
    assert kinds(report) == ['grid'] and 'half a cell along both' in report.findings[0].text
    assert report.refusal is None  # joints may be defined otherwise


class UDPOracle(Oracle):
    """Draws on the grid of UDPHeatmap."""

    heatmap_grid = HeatmapGrid('udp', INPUT_SIZE)

    def outputs(self, images, *, own_grid=False):
        assert own_grid
        self.show = lambda coords: heatmaps(coords * torch.tensor(self.heatmap_grid.reach(CELLS)) / torch.tensor(CELLS))
        return super().outputs(images)


def test_heatmaps_that_stay_on_another_grid_are_read_on_it(dataset):
    codec = dict(type='UDPHeatmap', input_size=INPUT_SIZE, heatmap_size=HEATMAP_SIZE, sigma=1)
    terms = dict(heatmaps=dict(type='HeatmapTerm'))
    model = PoseDistiller(changed(TEACHER, decoder=codec), UDPOracle(), terms=terms)
    report = make_report(model, dataset, people=500, batch_size=5, seconds=60)[0]
    assert kinds(report) == [] and abs(report.figures['bias']['x']) < 0.01 and abs(report.figures['bias']['y']) < 0.01


def test_mirrored_keypoints(dataset):
    report = report_on(Oracle(flipped(dataset)), dataset)
    sides = report.figures['sides']
    assert 'mirrored' in kinds(report) and 'order' not in kinds(report) and 'grid' not in kinds(report)
    assert sides['pck_mirrored'] == 1 and sides['pck'] < 0.2 and sides['swapped'] > 0.95
    assert 'exchanges left and right' in report.refusal


def test_chance_is_not_mirrored(dataset):
    """Of predictions that mean nothing a few more are right by mirrored labels, or by others."""
    seeds = [report_on(Oracle(lambda coords, seed=seed: torch.rand(
        coords.shape, generator=torch.Generator().manual_seed(seed))), dataset) for seed in range(8)]
    assert any(report.figures['sides']['pck_mirrored'] > report.figures['sides']['pck'] for report in seeds)
    assert all(kinds(report) == ['chance'] for report in seeds)


def test_another_order_of_keypoints(dataset):
    report = report_on(Oracle(lambda coords: coords.roll(3, 1)), dataset)
    text = next(finding.text for finding in report.findings if finding.kind == 'order')
    assert 'left_ear lies on nose' in text and 'mirrored' not in kinds(report)
    assert 'model.teacher.keypoints' in report.refusal


def test_a_teacher_that_has_learnt_nothing(dataset):
    report = report_on(Oracle(lambda coords: torch.full_like(coords, 0.05)), dataset)
    assert kinds(report) == ['chance']
    assert 'no better than the mean pose' in report.refusal and 'mean and std' in report.refusal


@pytest.mark.parametrize('place', [0.4, 0.5])
def test_another_pose_that_needs_no_image_is_no_better_by_a_joint(dataset, place):
    report = report_on(Oracle(lambda coords: torch.full_like(coords, place)), dataset)
    assert report.figures['pck'] > report.figures['mean_pose']['pck']
    assert kinds(report) == ['chance'] and 'hardly better than the mean pose' in report.refusal


def test_channels_in_the_other_order(dataset):
    report = report_on(Oracle(rgb=False), dataset)
    assert 'channels' in kinds(report)
    assert ('With its channels as red, green, blue instead of blue, green, red it is right in 100.0% of the joints'
            in report.refusal)


def test_wrong_mean_and_std(dataset):
    report = report_on(Oracle(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)), dataset)
    assert 'With pixel / 127.5 - 1 it is right in 100.0%' in report.refusal


def test_joints_that_are_left_out(dataset):
    mask = torch.ones(17)
    mask[[0, 4]] = 0

    def show(coords):
        wrong = torch.where(mask[:, None] > 0, coords, 0)
        return heatmaps(wrong)._replace(mask=mask.expand(len(coords), -1))
    figures = report_on(Oracle(show=show), dataset).figures
    assert figures['left_out'] == ['nose', 'right_ear'] and figures['joints'] == 15 * PEOPLE
    assert figures['ap'] == pytest.approx(1) and figures['keypoints']['nose'] == dict(labelled=0, pck=None)


def test_coordinates_alone(dataset):
    report = report_on(Oracle(show=lambda coords: PoseOutputs(coords=coords)), dataset)
    assert report.figures['certainty'] is None and report.figures['pck'] == 1
    assert report.figures['bias']['cells'] == [12, 16]  # of 4 pixels
    assert 'it predicts no certainty' in '\n'.join(report.lines())


def test_numbers_that_are_none_are_refused(dataset):
    def show(coords):
        maps = heatmaps(coords).heatmaps[0]
        maps[1:2, 0, 0, 0] = torch.nan
        return PoseOutputs(heatmaps=(maps,))
    with pytest.raises(DistilPoseError, match='certainties are not finite for 1 of 4 people of a batch .the images '):
        report_on(Oracle(show=show), dataset)


def test_without_labels_there_is_no_report(tmp_path):
    dataset = read_dataset(write_people(tmp_path / 'data', labelled=False))
    assert len(dataset) == PEOPLE
    reason = make_report(distiller(Oracle()), dataset, people=9, batch_size=3, seconds=60)
    assert reason == 'no joint that it predicts is labelled in the validation data'


def test_without_people_there_is_no_report():
    assert 'no people' in make_report(None, [], people=9, batch_size=3, seconds=60)


def test_validation_data_with_other_keypoints(dataset, monkeypatch):
    monkeypatch.setattr(dataset, '_metainfo', {**dataset.metainfo, 'keypoint_id2name': {0: 'nose'}})
    reason = make_report(distiller(Oracle()), dataset, people=9, batch_size=3, seconds=60)
    assert reason == 'it predicts 17 keypoints, and the validation data has 1'


def test_no_random_number_and_no_mode_changes(dataset):
    model = distiller(Oracle()).train()
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    modes, teacher = [part.training for part in model.modules()], model.teacher
    make_report(model, dataset, people=7, batch_size=3, seconds=60)
    assert random.getstate() == before[0] and np.random.get_state()[1].tolist() == before[1]
    assert torch.equal(torch.get_rng_state(), before[2])
    assert [part.training for part in model.modules()] == modes and model.teacher is teacher


def test_people_and_seconds_are_limits(dataset):
    model, indices = distiller(Oracle()), choose_people(dataset, 10)
    model.teacher.asked = 0
    assert len(set(indices)) == 10 and indices == choose_people(dataset, 10) == choose_people(dataset, 500)[:10]
    assert len(collect(model, dataset, indices, batch_size=4).coords) == 10 == model.teacher.asked
    assert len(collect(model, dataset, indices, batch_size=4, seconds=0).coords) == 4
    report = make_report(model, dataset, people=10, batch_size=4, seconds=0)[0]
    assert 'The teacher on 4 of 10 (more would take too long) validation people' in next(report.lines())


class Slow(Oracle):
    """Takes 20 ms for an image, by a clock of its own."""

    now = 0.0

    def outputs(self, images):
        Slow.now += 0.02 * len(images)
        return super().outputs(images)


def test_a_slow_teacher_is_asked_about_as_many_as_there_is_time_for(dataset, monkeypatch):
    from distilpose.distillation.teacher_report import predictions
    monkeypatch.setattr(predictions.time, 'perf_counter', lambda: Slow.now)
    model = distiller(Slow())
    for seconds, expected in ((0.2, 10), (0.01, 4), (60, PEOPLE)):
        assert len(collect(model, dataset, range(PEOPLE), batch_size=PEOPLE, seconds=seconds).coords) == expected
    Slow.now = began = 0.0
    make_report(model, dataset, people=500, batch_size=PEOPLE, seconds=0.3)
    assert Slow.now - began < 0.3 + 0.15 + 4 * 0.02 * 4  # every other reading begins with four people


@pytest.mark.parametrize('people', [1, 2, 9])
@pytest.mark.parametrize('edit', [lambda coords: coords, lambda coords: 1 - coords, lambda coords: coords.flip(1)])
def test_a_few_people_say_nothing_of_a_teacher(dataset, people, edit):
    report = report_on(Oracle(edit), dataset, people=people)
    assert kinds(report) == [] and report.refusal is None
    assert f'{people} validation {"person has" if people == 1 else "people have"} joints' in report.too_few
    assert report.too_few in '\n'.join(report.lines())
    assert report_on(Oracle(edit), dataset, people=10).too_few is None


def test_data_without_sigmas_have_no_precision(dataset, monkeypatch):
    monkeypatch.setattr(dataset, '_metainfo', {**dataset.metainfo, 'sigmas': np.zeros(0)})
    report = report_on(Oracle(), dataset)
    assert report.figures['ap'] is None and report.figures['pck'] == 1 and kinds(report) == []
    assert 'AP -, PCK@0.1 of the box 100.0 (mean pose: AP -' in '\n'.join(report.lines())
    found = report_on(Oracle(lambda coords: torch.full_like(coords, 0.05)), dataset)
    assert kinds(found) == ['chance'] and 'AP unknown against unknown, PCK@0.1 0.' in found.refusal


@pytest.mark.parametrize('own', [False, True])
def test_labels_are_on_the_grid_of_crops_by_udp(tmp_path, own):
    """Also where a step that crops for the teacher too is around the student's."""
    data = read_dataset(write_people(tmp_path / 'data'))
    data.pipeline.transforms[2].use_udp = True
    if own:
        data.pipeline.transforms[2] = TeacherCrop(data.pipeline.transforms[2], size=(64, 64))
    predictions = collect(distiller(Oracle()), data, range(2), batch_size=2)
    size = np.array(INPUT_SIZE)
    np.testing.assert_allclose(predictions.truth, poses()[:2] * (size - 1) / size, atol=1e-4)
    np.testing.assert_allclose(predictions.to_image(predictions.truth), predictions.people.keypoints)


def test_crops_and_labels_on_a_sheet(dataset, tmp_path):
    predictions = collect(distiller(Oracle()), dataset, choose_people(dataset, 9), batch_size=4, keep_crops=8)
    assert len(predictions.crops) == 8
    np.testing.assert_allclose(predictions.truth, poses()[choose_people(dataset, 9)], atol=1e-4)
    draw_sheet(tmp_path / 'sheet.png', predictions, metainfo=dataset.metainfo)
    import cv2
    image = cv2.imread(str(tmp_path / 'sheet.png'))
    assert image.shape[1] == 6 * (240 + 16) and image.shape[0] == 34 + 2 * (320 + 26)
