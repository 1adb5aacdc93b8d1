"""All checks of a config before anything is built: the table ``CHECKS``, and ``check``, which applies it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mmengine.config import Config

from .annotations import check_annotations
from .evaluator_checks import check_evaluators
from .file_checks import check_checkpoint_files, check_data_files
from .image_checks import check_image_files
from .keypoint_checks import check_keypoints
from .loop_checks import check_loaders, check_loops
from .mixing_checks import check_mixed_data
from .model_checks import check_flip_test, check_input_sizes, check_networks, check_schedules, check_targets
from .option_names import check_names
from .pipeline_checks import check_pipelines
from .tree import ConfigTree
from .value_checks import check_numbers, check_values

CHECKS: dict[Callable[[ConfigTree], None], str] = {
    check_names: 'Every key is one that a class or the Runner reads.',
    check_values: 'Every value has the type and the range of its argument.',
    check_networks: 'A distillation has a student, a teacher and terms.',
    check_loops: 'Loop, intervals and learning rate schedules count in the same unit, epochs or iterations.',
    check_loaders: 'Loaders, samplers and workers fit each other.',
    check_data_files: 'Annotation files, image folders and detected boxes exist.',
    check_keypoints: 'Data sets, head and evaluators define the same keypoints.',
    check_evaluators: 'Evaluators read the annotations of the data set that they evaluate.',
    check_input_sizes: 'Pipelines, codecs and decoder have the same image size.',
    check_pipelines: 'Steps of a top-down pipeline are complete and in order.',
    check_targets: 'The pipeline generates the targets that the head is trained on.',
    check_flip_test: 'The option of the flip test is a known one.',
    check_schedules: 'Term weights that change by epoch are in a loop that counts epochs.',
    check_numbers: 'Losses, optimizer and learning rates have no NaN and no infinite factor.',
    check_mixed_data: 'Batches of labelled and unlabelled images collate, and losses weigh joints.',
    check_checkpoint_files: 'Checkpoints and ONNX files exist.',
    check_annotations: 'Annotation and detection files have usable content.',
    check_image_files: 'Images exist, can be decoded and have the annotated size.',
}
"""Check -> what it verifies, in the order in which they run."""

NEED_FILES = (check_data_files, check_checkpoint_files, check_annotations, check_image_files)
"""Those of :data:`CHECKS` that read files of data and weights; the others need the config only."""


def check(cfg: Config, loaders: Sequence[str]) -> ConfigTree:
    """Applies all of :data:`CHECKS` to a config; the first that finds something wrong raises.

    The config is walked once, for all of them. A new check is a function of a
    :class:`~distilpose.config.tree.ConfigTree` and a line in :data:`CHECKS`. Findings that are only unusual go
    to the tree's ``warnings``.

    Args:
        cfg: the config, with its final values.
        loaders: which of ``'train'``, ``'val'``, ``'test'`` will be used.

    Returns:
        The config's tree, with ``warnings`` for the log and the ``findings`` in annotation files.

    Raises:
        DistilPoseError: of the first check that fails: the entry, what was found and expected, what to change.
    """
    tree = ConfigTree(cfg, loaders)
    for apply in CHECKS:
        apply(tree)
    return tree
