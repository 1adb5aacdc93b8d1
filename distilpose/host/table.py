"""Table of all patches of the host, functions that are replaced in mmpose, mmengine, mmcv, torchvision and torch.

A *repair* is something without which the host does not work; it is applied only where the real thing is missing or
broken. A *speedup* gives the same results in less time; ``DISTILPOSE_SPEEDUPS=off`` turns all of them off.
``python -m distilpose.host`` prints the table.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Literal

from . import (
    array_conversion,
    checkpoint_loading,
    checkpoint_saving,
    config_paths,
    deprecations,
    distillation_configs,
    finite_predictions,
    image_paths,
    imports,
    lazy_compiler,
    lazy_imports,
    metainfo,
    packages,
    processes,
)
from .patching import replace, replace_everywhere, resolve
from .switch import SWITCH, speedups_are_on

Kind = Literal['repair', 'speedup']
State = Literal['applied', 'not needed', 'off', 'not applied']


@dataclass(frozen=True)
class Replacement:
    """Something of the host that is replaced when ``distilpose`` is imported."""

    targets: tuple[str, ...]
    """What is replaced, as ``module:name`` or, for a whole module, its name."""
    kind: Kind
    why: str
    """What goes wrong, or takes long, without it."""
    until: str
    """When the replacement can go."""
    install: Callable[[], bool | None]
    """Replaces the targets; False where that is not needed here."""


@dataclass(frozen=True)
class Row:
    """A replacement and what became of it in this process."""

    replacement: Replacement
    state: State


def _repair(*targets: str, why: str, until: str, install: Callable[[], bool | None]) -> Replacement:
    return Replacement(targets, 'repair', why, until, install)


def _speedup(target: str, function: str, *, why: str, until: str) -> Replacement:
    """A function of a class or module that is replaced by one of :mod:`distilpose.host.speedups`."""
    return Replacement((target, ), 'speedup', why, until,
                       partial(replace, target, f'distilpose.host.speedups.{function}'))


def _function_everywhere(target: str, function: str, *, why: str, until: str) -> Replacement:
    """The same of a function that other modules of its package have by name."""
    def install() -> None:
        new = resolve(f'distilpose.host.speedups.{function}')
        replace_everywhere(resolve(target), new, target.partition('.')[0])

    return Replacement((target, ), 'speedup', why, until, install)


def _accuracy_of_heads(*, why: str, until: str, **heads: tuple[str, ...]) -> Replacement:
    """What modules of heads log: ``kind_pck_accuracy`` by the kind of head, and the conversion before it."""
    targets = tuple(f'mmpose.models.heads.{head}:{name}' for kind, modules in heads.items() for head in modules
                    for name in ('to_numpy', f'{kind}_pck_accuracy'))
    return Replacement(targets, 'speedup', why, until,
                       lambda: resolve('distilpose.host.speedups.pose_accuracy:install')(targets))


def _part_of_xtcocotools(target: str, function: str, *, why: str, until: str) -> Replacement:
    """A faster way in :mod:`distilpose.host.xtcoco`, which a function of that module turns on."""
    return Replacement((target, ), 'speedup', why, until, lambda: resolve(f'distilpose.host.xtcoco:{function}')())


def _read_stored_annotations() -> None:
    """Lets data sets read stored annotations, which a room above this one does."""
    resolve('distilpose.annotation_store.data_sets:install')()


def _make_figures_later() -> None:
    resolve('distilpose.host.speedups.figures:install')()


def _not_in_this_process() -> bool:
    """Leaves a function alone that is replaced in other processes only: the launcher's, or a data worker's."""
    return False


REPLACEMENTS: tuple[Replacement, ...] = (
    Replacement(
        (*sorted({module for module, _ in lazy_imports.PASSED_ON.values()}),
         *(f'{module}:{"plt" if name == "pyplot" else name}' for module, (_, name) in lazy_imports.USED.items()),
         ), 'speedup',
        why='FSDP, sympy, scipy.stats, matplotlib and torchvision are imported by every process for names that a '
            'training does not use; they are imported when they are used (distilpose/host/lazy_imports.py)',
        until='mmengine and mmpose import them where they use them', install=lazy_imports.import_lazily),
    _repair(
        'mmengine.utils.package_utils:is_installed', 'mmengine.utils.package_utils:get_installed_path',
        why='they import pkg_resources, which warns since setuptools 67 and is gone since 82',
        until='mmengine asks importlib.metadata', install=packages.ask_importlib_for_packages),
    _repair(
        'mmcv._ext', why='`import mmcv.ops` needs compiled operations, which mmcv-lite does not have',
        until='the full mmcv has a wheel for the torch in use', install=imports.stub_mmcv_ops),
    _repair(
        'torchvision', why='the wheel of PyPI does not import on a torch without CUDA: no operator torchvision::nms',
        until='torchvision imports there', install=imports.repair_torchvision),
    _repair(
        'xtcocotools', 'xtcocotools.coco', 'xtcocotools.cocoeval', 'xtcocotools.mask',
        why='no wheel of xtcocotools works with numpy 2; pycocotools does its work (distilpose/host/xtcoco.py)',
        until='xtcocotools has such a wheel', install=imports.serve_xtcocotools),
    _repair(
        'mmpose.utils.tensor_utils:to_numpy', why='it raises a TypeError for bfloat16, which numpy does not have',
        until='mmpose converts bfloat16', install=array_conversion.convert_bfloat16_for_numpy),
    _repair(
        'mmengine.dist.utils:_init_dist_pytorch', 'mmengine.dist.utils:_init_dist_mpi',
        'mmengine.dist.utils:_init_dist_slurm',
        'mmengine.model.wrappers.distributed:MMDistributedDataParallel.__init__',
        why='they insist on CUDA devices, SyncBN on GPUs; a gloo process now and then aborts at its end; a renamed '
            'argument of DistributedDataParallel warns',
        until='mmengine starts and wraps on the CPU, and torch ends gloo cleanly',
        install=processes.allow_processes_without_cuda),
    _repair(
        'torch.distributed.elastic.multiprocessing.api:_get_default_signal',
        why='torchrun ends the other processes of a dead one with SIGTERM, on which a training saves and stops; '
            "tools/run_processes.py replaces it in the launcher's own process, which does not import distilpose",
        until='torchrun takes the signal as an option', install=_not_in_this_process),
    _repair(
        'torch.utils.data._utils.fetch:_MapDatasetFetcher.fetch',
        why="torch passes on nothing of a data worker's exception but its text, which does not name the image; "
            'distilpose/engine/workers.py replaces it in worker processes when they start',
        until='torch says which index failed', install=_not_in_this_process),
    _repair(
        'mmengine.runner.checkpoint:load_from_local', 'mmengine.runner.checkpoint:load_from_http',
        why='mmengine runs code that a downloaded checkpoint carries, and refuses its own training checkpoints',
        until='mmengine reads with weights_only=True and writes what that can read',
        install=checkpoint_loading.load_checkpoints_safely),
    _repair(
        'mmengine.runner.checkpoint:save_checkpoint',
        why='mmengine writes into the file that it replaces, so that a killed run, or a full disk, leaves half of it',
        until='mmengine writes beside it and renames', install=checkpoint_saving.save_checkpoints_atomically),
    _repair(
        'mmdet', 'mmdet.utils', 'mmengine.registry.registry:Registry.switch_scope_and_registry',
        'mmengine.registry.registry:Registry.get', 'mmpose.models.heads.hybrid_heads.rtmo_head:reduce_mean',
        why='`import mmpose.models` needs two names of mmdet (a module for the time of that import), and no mmdet '
            "accepts mmcv 2.2; `_scope_='mmdet'` warns twice at every build, and recipes of RTMPose name a hook and a "
            'transform of mmdet, which mmpose and distilpose have too',
        until='mmpose imports, and its recipes train, without mmdet', install=imports.import_mmpose_without_mmdet),
    _repair(
        'mmpose.datasets.transforms.common_transforms:albumentations',
        why='recipes of RTMPose name Blur, MedianBlur and CoarseDropout of albumentations, which is not installed',
        until='the recipes name transforms of mmpose', install=imports.serve_albumentations),
    _repair(
        'mmpose.visualization.opencv_backend_visualizer:OpencvBackendVisualizer.draw_circles',
        why='numpy 2.4 refuses the radius of keypoints (--show-dir), an array of one element, as a number',
        until='mmpose passes a number', install=array_conversion.draw_circles_with_numbers),
    _repair(
        'mmpose.datasets.transforms.converting:KeypointConverter.transform',
        why='it takes keypoints_3d for an array where CocoWholeBodyDataset sets None',
        until='mmpose leaves keypoints_3d out of two-dimensional samples, or looks at it',
        install=array_conversion.convert_keypoints_without_depth),
    _repair(
        'mmengine.config.config:Config._get_cfg_path',
        why="it looks for `_base_ = 'distilpose::...'` in a folder that a checkout does not have, and marks what it "
            'finds with a scope that no registry has',
        until='mmengine lets a package say where its configs are', install=config_paths.install),
    _repair(
        'mmpose.datasets.datasets.utils:parse_pose_metainfo',
        why='data sets of mmpose name their keypoints by a path that only a checkout of mmpose has, and every use of '
            'the file in the package warns',
        until='mmpose names the file in its package', install=metainfo.find_metainfo_of_mmpose),
    _repair(
        'mmpose.datasets.datasets.base.base_coco_style_dataset:BaseCocoStyleDataset.load_data_list',
        why='annotations may name any file of the machine, or an address, as an image '
            '(DISTILPOSE_ALLOWED_FOLDERS allows folders)',
        until='mmpose looks where images are', install=image_paths.keep_images_inside),
    *(_repair(
        f'mmpose.{module}:load',
        why='mmengine runs code that a file of boxes or annotations may contain, if it is called .pkl or .yaml; only '
            'JSON is read (distilpose/host/data_files.py)',
        until="mmengine's load reads plain data only",
        install=partial(replace, f'mmpose.{module}:load', 'distilpose.host.data_files:load'))
      for module in ('datasets.datasets.base.base_coco_style_dataset',
                     'datasets.datasets.body.posetrack18_video_dataset', 'evaluation.metrics.coco_metric',
                     'evaluation.metrics.posetrack18_metric')),
    _repair(
        'mmpose.evaluation.metrics.coco_metric:CocoMetric.compute_metrics',
        why="COCO's matching takes NaN for a match: a network whose weights are NaN gets AP 88; predictions that are "
            'not finite are left out, with a warning',
        until='mmpose refuses them', install=finite_predictions.drop_non_finite_predictions),
    _repair(
        'mmpose.models.utils.csp_layer:ChannelAttention.forward',
        'mmpose.models.backbones.csp_darknet:SPPBottleneck.forward',
        'mmengine.optim.optimizer.amp_optimizer_wrapper:GradScaler',
        why='they call torch.cuda.amp, which warns that it will be removed, in every run of RTMPose or with '
            'AmpOptimWrapper',
        until='mmpose and mmengine call torch.amp', install=deprecations.call_autocast_by_its_new_name),
    _repair(
        'mmpose.apis.inference:init_model', 'mmengine.infer.infer:BaseInferencer._init_model',
        why='given the config of a distillation they look for model.backbone, or build the teacher, whose file a user '
            'of the student does not have; they build the student',
        until='mmpose asks a model for what predicts', install=distillation_configs.predict_with_students),

    Replacement(
        tuple(f'torch.optim.{name.lower()}:{name}.step' for name in lazy_compiler.OPTIMIZERS), 'speedup',
        why='every optimizer imports the compiler, and sympy with it, for marks that the compiler reads; until it is '
            'imported, steps do without (distilpose/host/lazy_compiler.py)',
        until='torch imports it where something is compiled', install=lazy_compiler.optimize_without_compiler),
    _function_everywhere(
        'mmengine.utils.dl_utils.collect_env:collect_env', 'environment:collect_env',
        why='it imports torchvision and setuptools for a version and an exception',
        until='mmengine asks importlib.metadata'),
    Replacement(
        ('mmengine.visualization.visualizer:Visualizer._initialize_fig', ), 'speedup',
        why='every visualizer makes a figure of matplotlib, also where OpenCV draws; fig_save, ax_save and dpi make it '
            'when they are first read',
        until='mmengine makes figures where it draws', install=_make_figures_later),
    _speedup(
        'mmpose.models.pose_estimators.topdown:TopdownPoseEstimator.predict', 'tta:predict',
        why='the flip test runs the network twice; one batch of images and mirror images is faster on accelerators '
            'and for a single image',
        until='mmpose does so'),
    _speedup(
        'mmpose.models.pose_estimators.base:BasePoseEstimator.forward', 'sample_metainfo:forward',
        why="the estimator's metainfo is deep-copied for every predicted sample, 0.25 ms each",
        until='mmpose copies it once for a batch'),
    _speedup(
        'mmpose.models.heads.base_head:BaseHead.decode', 'head_decoding:decode',
        why='heatmaps of MSRAHeatmap and UDPHeatmap are decoded sample by sample and keypoint by keypoint',
        until='these codecs have a batch_decode'),
    _speedup(
        'mmpose.models.data_preprocessors.data_preprocessor:PoseDataPreprocessor.cast_data',
        'sample_transfer:cast_data', why='every tensor of every sample is moved to the device by itself',
        until='mmengine packs them'),
    _speedup(
        'mmengine.model.base_model.data_preprocessor:ImgDataPreprocessor.forward', 'image_batches:forward',
        why='every image is moved to the device, reordered and normalised by itself, and a GPU waited for twice an '
            'image', until='mmengine stacks them first'),
    _accuracy_of_heads(
        pose=('heatmap_heads.heatmap_head', 'heatmap_heads.cpm_head', 'heatmap_heads.mspn_head'),
        simcc=('coord_cls_heads.simcc_head', 'coord_cls_heads.rtmcc_head', 'coord_cls_heads.rtmw_head'),
        keypoint=('regression_heads.regression_head', 'regression_heads.rle_head', 'regression_heads.dsnt_head',
                  'regression_heads.integral_regression_head'),
        why='in each iteration heads copy their predictions and targets from the GPU, and wait for them, to compute '
            'acc_pose in numpy', until='mmpose computes it in torch'),
    _speedup(
        'mmpose.models.utils.realnvp:RealNVP.prior', 'realnvp:prior',
        why="the prior of RLE's flow never changes and is checked in every iteration, for which a GPU is waited for "
            'five times', until='mmpose builds it with validate_args=False'),
    _speedup(
        'mmengine.logging.history_buffer:HistoryBuffer.update', 'history_buffer:update',
        why='it copies the history to append a value', until='mmengine appends in place'),
    _speedup(
        'mmengine.config.config:FormatCode', 'config_text:format_code',
        why='a config is laid out anew for every copy of it, five times before a training and for each checkpoint, '
            'by yapf in a second each; the syntax tree gives lines as short in 15 ms',
        until='mmengine keeps the text'),
    *(_speedup(f'mmpose.datasets.{module}:deepcopy', 'deep_copies:deepcopy',
               why='the metainfo of a data set is copied entry by entry for every sample',
               until='mmpose shares it, or copies lists as lists')
      for module in ('dataset_wrappers', 'datasets.base.base_coco_style_dataset')),
    *(_function_everywhere(
        f'mmpose.codecs.utils.gaussian_heatmap:{function}', f'gaussian_heatmaps:{function}',
        why='it draws keypoint by keypoint', until='mmpose draws all keypoints of a person at once')
      for function in ('generate_gaussian_heatmaps', 'generate_unbiased_gaussian_heatmaps',
                       'generate_udp_gaussian_heatmaps')),
    _function_everywhere(
        'mmpose.evaluation.functional.nms:oks_iou', 'coco_metric:oks_iou', why='it computes OKS pair by pair',
        until='mmpose computes it in one go'),
    _function_everywhere(
        'mmpose.evaluation.functional.nms:oks_nms', 'coco_metric:oks_nms',
        why='it computes OKS of each kept person with those that are left', until='mmpose computes all pairs at once'),
    *(_speedup(f'mmpose.evaluation.metrics.{metric}:dump', 'coco_metric:dump',
               why='results are written with indentation, for which JSON has no compiled encoder',
               until='mmpose writes them without')
      for metric in ('coco_metric', 'coco_wholebody_metric')),
    Replacement(
        ('mmengine.dataset.base_dataset:BaseDataset.get_data_info',
         *(f'mmpose.datasets.datasets.base.base_coco_style_dataset:BaseCocoStyleDataset.{method}'
           for method in ('_serialize_data', '_get_serialized_subset'))), 'speedup',
        why="every process parses COCO's annotations at every start and pickles all people, in 30 s and 2 GB; what "
            'training reads of a large file is stored as arrays in a cache folder (DISTILPOSE_ANNOTATION_CACHE; '
            'distilpose/annotation_store/) and mapped into memory; load_data_list, see above, looks there',
        until='mmpose keeps annotations as arrays', install=_read_stored_annotations),
    _part_of_xtcocotools(
        'xtcocotools.coco:COCO.loadRes', 'allow_arrays',
        why='mmpose scores and suppresses people one by one, writes them as JSON and reads that again; '
            'CocoMetric.compute_metrics, see above, has them in arrays, and writes files where outfile_prefix is set',
        until="mmpose's metric keeps arrays"),
    _part_of_xtcocotools(
        'xtcocotools.cocoeval:COCOeval.evaluate', 'allow_hotcoco',
        why='pycocotools takes a second for what hotcoco does in tens of milliseconds, where hotcoco is installed '
            '(DISTILPOSE_COCO_EVALUATION=pycocotools turns this one off)', until='pycocotools is as fast'),
)
_STATES: dict[Replacement, State] = {}


def apply() -> None:
    """Applies the table from top to bottom; a second call does nothing.

    Raises:
        ImportError: A package of the host is missing.
        DistilPoseError: ``DISTILPOSE_SPEEDUPS`` is neither on nor off.
    """
    if _STATES:
        return
    packages.require_packages()
    is_on = speedups_are_on()
    for replacement in REPLACEMENTS:
        if replacement.kind == 'speedup' and not is_on:
            _STATES[replacement] = 'off'
        else:
            _STATES[replacement] = 'not needed' if replacement.install() is False else 'applied'


def rows() -> list[Row]:
    """The table, with what became of every replacement in this process."""
    return [Row(replacement, _STATES.get(replacement, 'not applied')) for replacement in REPLACEMENTS]


def table_text() -> str:
    """The table as text, repairs first."""
    titles = {'repair': 'Repairs: without them the host does not work',
              'speedup': f'Speedups: the same results in less time ({SWITCH}=off turns them off)'}
    lines: list[str] = []
    for kind, title in titles.items():
        lines += ['', title, '=' * len(title)]
        for row in rows():
            if row.replacement.kind == kind:
                lines += ['', *_lines(row)]
    return '\n'.join(lines[1:])


def _lines(row: Row) -> list[str]:
    texts = dict(why=row.replacement.why, until=row.replacement.until, here=row.state)
    return [*row.replacement.targets,
            *chain.from_iterable(textwrap.wrap(text, width=118, initial_indent=f'    {name:<5} ',
                                               subsequent_indent=' ' * 10) for name, text in texts.items())]
