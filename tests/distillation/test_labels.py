from __future__ import annotations

import torch

from distilpose.distillation.labels import read_labels
from distilpose.structures import Labels
from tests.networks import batch, distiller


def test_an_image_is_labelled_unless_it_says_otherwise() -> None:
    _, samples = batch(3)
    samples[1].set_metainfo(dict(labelled=False))
    assert read_labels(samples).labelled.tolist() == [True, False, True]


def test_a_teacher_speaks_of_labelled_joints_and_of_all_where_there_are_no_annotations() -> None:
    labels = Labels(torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]), torch.tensor([True, True, False]))
    assert labels.taught().tolist() == [[1, 0], [0, 0], [1, 1]]


def test_images_without_annotations_teach_through_every_term_and_have_no_task_loss() -> None:
    model = distiller()
    images, samples = batch()
    for sample in samples:
        sample.gt_instance_labels.keypoint_weights.zero_()
    silent = model(images, samples, mode='loss')
    for sample in samples:
        sample.set_metainfo(dict(labelled=False))
    taught = model(images, samples, mode='loss')
    assert silent['loss_kpt'] == taught['loss_kpt'] == 0
    for name in ('loss_simulated_heatmap', 'loss_score'):
        assert silent[name] == 0 and taught[name] > 0
