"""Knowledge distillation: a student with its task loss, a frozen teacher and a dict of distillation terms."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from mmpose.registry import MODELS
from torch import Tensor, nn

from distilpose.checkpoints import load_strict, read_weights
from distilpose.config import build_estimator, checkpoint_source, read_model_source
from distilpose.errors import DistilPoseError
from distilpose.models import read_labels, read_outputs
from distilpose.models.compiling import compiled
from distilpose.models.optimised import check_speed
from distilpose.models.recording import recorded_pass
from distilpose.structures import ONLY_TEACHER, PoseOutputs

from . import student_modules
from .freezing import freeze_modules, freeze_untrained, set_frozen_to_eval
from .layers import Layers, with_layers
from .paired_teacher import PairedTeacher
from .schedules import current_progress, require_numbers
from .supervision import COMBINED, supervise
from .supervision import build_terms as build_terms
from .teachers import Teacher
from .terms import DistillationTerm

TERMS_PREFIX = 'distillation'


def _of_the_only_teacher(name: str) -> Any:
    """An attribute of the pair with a single teacher; a distiller with several teachers does not have it."""
    return property(lambda distiller: getattr(distiller.only_teacher(), name),
                    lambda distiller, value: setattr(distiller.only_teacher(), name, value))


@MODELS.register_module()
class PoseDistiller(BaseModel):
    """Trains a plain mmpose top-down student with its own task loss and with terms against a frozen teacher.

    The student's children (backbone, neck, head) are the distiller's own children under the same names, and
    the teacher is outside of the module tree. So the state dict *is* the student's, plus the parameters of
    terms that have some, under ``distillation.``. Prediction is the student's and never runs the teacher.

    Args:
        student: a model dict, or ``dict(config=path, checkpoint=None)`` whose further keys change that config's model.
        teacher: ``dict(config=path or model dict, checkpoint=path, dtype=None, heatmaps=None, mode='eval')`` whose
            further keys change that model (see :func:`~distilpose.distillation.teachers.load_teacher`), or a teacher
            made elsewhere. It may take other means, other channels or a larger crop than the student. With
            ``crop='own'`` its input is a crop of its own, which the pipeline adds to the samples
            (:func:`~distilpose.config.with_teacher_crop`); with ``'student'`` it is the student's crop. By default it
            has its own where the aspect ratios differ or the student's crop is smaller than half of it. With
            ``keypoints`` it may have other keypoints, see
            :func:`~distilpose.distillation.teachers.keypoints.build_keypoint_map`.
        teachers: several teachers instead of ``teacher``: name -> as ``teacher``, ``None`` to drop an inherited one.
            Beside the keys of ``teacher`` each may have ``terms`` against its outputs alone, logged as
            ``loss_<teacher>_<term>``, and a ``weight`` with a ``schedule`` (and ``by_epoch``): its share of the
            combined outputs and a factor of its own terms. Where that is 0 it does not run. ``joints`` are those that
            it is the expert of (:func:`~distilpose.distillation.expert_joints.read_joints`).
        combine: of several teachers, how ``terms`` read their outputs: ``'mean'`` (by default), ``'confidence'`` or
            ``'expert'``, see :mod:`~distilpose.distillation.combining`.
        terms: name -> term config; ``None`` drops an inherited term. A term is logged as ``loss_<name>``. Where its
            weight times its schedule is 0 it is logged as 0 and not computed; the teacher's forward pass is skipped
            in iterations where that holds for all terms.
        task_weight: factor of the student's own losses; 0 skips them and freezes what only they would train, such as
            the flow of ``RLELoss``.
        init_from_teacher: children of the student (``'backbone'``) that start from the teacher's weights.
        share_backbone: the student's backbone and neck are the teacher's, frozen; both heads take their feature maps,
            and the student's head is trained from scratch (DWPose's second stage).
        freeze: modules of the student (``'backbone'``) that are not trained; their running statistics stay too.
        compile_student: ``None``, or a mode of ``torch.compile`` in which the student runs in training, forward and
            backward. ``'reduce-overhead'`` (CUDA graphs) is for GPUs that wait for Python; batches then have one size,
            and gradients are not accumulated over iterations. Prediction is not compiled.

    Raises:
        DistilPoseError: when student, teacher and terms do not fit each other.
    """

    teacher = _of_the_only_teacher('teacher')
    teacher_cache = _of_the_only_teacher('cache')
    keypoint_map = _of_the_only_teacher('keypoint_map')
    own_crop = _of_the_only_teacher('own_crop')
    to_teacher = _of_the_only_teacher('to_teacher')
    grids = _of_the_only_teacher('grids')

    def __init__(self, student: dict, teacher: dict | Teacher | None = None, *,
                 teachers: dict[str, dict | Teacher | None] | None = None, combine: str | None = None,
                 terms: dict[str, dict | None] | None = None, task_weight: float = 1.0,
                 init_from_teacher: Sequence[str] = (), share_backbone: bool = False, freeze: Sequence[str] = (),
                 compile_student: str | None = None) -> None:
        require_numbers('model', task_weight=task_weight)
        check_speed(dtype=None, compile=compile_student, entry='model.compile_student')
        source = read_model_source({key: value for key, value in student.items() if key != 'checkpoint'},
                                   entry='model.student')
        network = build_estimator(source.model)
        super().__init__(data_preprocessor=network.data_preprocessor)
        student_modules.adopt_children(self, network, reserved=TERMS_PREFIX)
        # Not a child: its children are the distiller's already. `object` keeps nn.Module from registering it.
        object.__setattr__(self, 'student', network)
        self.student_checkpoint = student.get('checkpoint')
        with torch.random.fork_rng(devices=[]):  # the student is initialised as it would be without a teacher
            self.teachers, self.terms, self.owners, self.combination, self.layers = supervise(
                network, teacher, teachers, terms, rule=combine, student_names=source.keypoint_names,
                share_backbone=share_backbone)
        self.paired_teachers = nn.ModuleList(self.teachers.values())  # for the device of their buffers
        self.distillation = nn.ModuleDict(self.terms)  # for the parameters that terms may have
        self.task_weight = task_weight
        self.init_from_teacher = tuple(init_from_teacher)
        if self.init_from_teacher or share_backbone:
            self._check_weights_of_teacher('init_from_teacher' if self.init_from_teacher else 'share_backbone')
        self.shared = self._share_backbone() if share_backbone else ()
        self.frozen = (*self.shared, *freeze)
        freeze_modules(network, self.frozen)
        if not task_weight:
            freeze_untrained(self)
        self._student_pass = (recorded_pass if compile_student is None  # in one function, so that it is one graph
                              else compiled(recorded_pass, mode=compile_student))

    def forward(self, inputs: Tensor, data_samples: list | None = None, mode: str = 'tensor') -> Any:
        """``'loss'`` distils; ``'predict'`` and ``'tensor'`` are the plain student's."""
        if mode == 'loss':
            return self.loss(inputs, data_samples or [])
        return self.student(inputs, data_samples, mode)

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """The student's own losses and one entry for every term.

        Args:
            inputs: (B, 3, H, W) preprocessed images.
            data_samples: mmpose's data samples with ground truth.

        Raises:
            DistilPoseError: a term has the name of a loss of the student.
        """
        head = self.student.head
        (features, prediction), layers = self.layers.record(lambda: self._student_pass(self.student, inputs))
        losses = self._task_losses(features, prediction, data_samples) if self.task_weight else {}
        further = self._further_predictions(prediction)
        for number, each in enumerate(further if self.task_weight else (), 2):
            losses.update(self._further_task_losses(features, each, data_samples, cycle=number))
        _refuse_same_names(losses, self.terms)
        outputs = [with_layers(read_outputs(head, each, features), layers)
                   for each in (prediction, *further)] if self.terms else []
        teachers: Sequence[PoseOutputs | None] = outputs[1:] or [None]
        for student, teacher in zip(outputs, teachers, strict=False):  # the last cycle has none
            for name, value in self._term_losses(student, inputs, features, data_samples, teacher=teacher).items():
                losses[name] = losses[name] + value if name in losses else value
        return losses

    def _further_predictions(self, prediction: Any) -> tuple[Any, ...]:
        """Those of a student that is its own teacher; see :meth:`Teacher.further_predictions`."""
        return tuple(each for paired in self.teachers.values()
                     for each in paired.teacher.further_predictions(self.student.head, prediction))

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets attributes of the only teacher there; ``nn.Module`` would keep modules for itself."""
        if isinstance(getattr(type(self), name, None), property):
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def only_teacher(self) -> PairedTeacher:
        """The pair with the teacher, where there is a single one.

        Raises:
            AttributeError: there are several.
        """
        if len(self.teachers) != 1:
            raise AttributeError(f'the student has the teachers {", ".join(self.teachers)}; expected one')
        return next(iter(self.teachers.values()))

    def run_teacher(self, inputs: Tensor, data_samples: list | None = None, *, widened: bool = True) -> PoseOutputs:
        """Runs the teacher on a batch, see :meth:`~distilpose.distillation.paired_teacher.PairedTeacher.run`.

        Several teachers all run, and their outputs are combined.
        """
        if self.combination is None:
            return self.only_teacher().run(inputs, data_samples, widened=widened)
        return self.run_teachers(inputs, data_samples, widened=widened)[COMBINED]

    def run_teachers(self, inputs: Tensor, data_samples: list | None = None, *,
                     widened: bool = True) -> dict[str, PoseOutputs]:
        """Runs all teachers on a batch, whatever their schedules; those of weight 0 have no share in the combination.

        Args:
            inputs: as in :meth:`run_teacher`.
            data_samples: as in :meth:`run_teacher`.
            widened: as in :meth:`run_teacher`.

        Returns:
            The outputs of each by its name, and the combined ones as
            :data:`~distilpose.distillation.supervision.COMBINED` where terms read those.
        """
        adapted: dict[nn.Module, Tensor] = {}
        outputs = {name: paired.run(inputs, data_samples, adapted=adapted, widened=widened)
                   for name, paired in self.teachers.items()}
        if self.combination is not None:
            weights = {name: paired.weight for name, paired in self.teachers.items()}
            active = [name for name in weights if weights[name] != 0] or list(weights)
            outputs[COMBINED] = self.combination({name: outputs[name] for name in active}, weights)
        return outputs

    def ask_teacher(self, *args: Any, **kwargs: Any) -> PoseOutputs:
        """The old name of :meth:`run_teacher`."""
        warnings.warn('PoseDistiller.ask_teacher is now run_teacher', DeprecationWarning, stacklevel=2)
        return self.run_teacher(*args, **kwargs)

    def factor(self, name: str) -> float:
        """Weight of a term times its schedule at the current iteration; at the first one without a Runner.

        For a term against one of several teachers, times that of the teacher; for one against their combination it is
        0 while no teacher is active.
        """
        term, owner = self.terms[name], self.owners[name]
        own = term.weight * term.schedule(current_progress(by_epoch=term.by_epoch))
        if owner != COMBINED:
            return own * self.teachers[owner].factor()
        return own if any(paired.factor() != 0 for paired in self.teachers.values()) else 0.0

    def _task_losses(self, features: tuple[Tensor, ...], prediction: Any, data_samples: list) -> dict[str, Tensor]:
        head = student_modules.replayed(self.student.head, prediction)
        losses = head.loss(features, data_samples, train_cfg=self.student.train_cfg)
        return {name: value * self.task_weight if 'loss' in name else value for name, value in losses.items()}

    def _further_task_losses(self, features: tuple[Tensor, ...], prediction: Any, data_samples: list, *,
                             cycle: int) -> dict[str, Tensor]:
        """``loss_kpt_cycle2`` and its like, with the weight of the teacher."""
        losses, weight = self._task_losses(features, prediction, data_samples), self.teacher.task_weight
        return {f'{name}_cycle{cycle}': value * weight if 'loss' in name else value for name, value in losses.items()}

    def _term_losses(self, student: PoseOutputs, inputs: Tensor, features: tuple[Tensor, ...], data_samples: list, *,
                     teacher: PoseOutputs | None = None) -> dict[str, Tensor]:
        """One entry for every term; a teacher that no term of non-zero factor reads does not run.

        ``teacher`` are the student's outputs in its next cycle where it is its own teacher.
        """
        factors = {name: self.factor(name) for name in self.terms}
        read = {self.owners[name] for name, factor in factors.items() if factor != 0}
        if teacher is None:
            outputs = self._teacher_outputs(read, inputs, features, student.layers, data_samples)
        else:
            outputs = {ONLY_TEACHER: self.only_teacher().supervise(teacher)}
        labels = read_labels(data_samples)
        losses = {}
        with torch.autocast(inputs.device.type, enabled=False):
            student = student.float()
            for name, term in self.terms.items():
                if factors[name] == 0:
                    losses[f'loss_{name}'] = _zero_loss(term, student, start=inputs.new_zeros(()))
                    continue
                teacher = outputs[self.owners[name]]
                weighed = term.weigh(labels._replace(mask=teacher.mask), teacher)
                losses[f'loss_{name}'] = factors[name] * term(student, teacher, weighed)
        return losses

    def _teacher_outputs(self, read: Collection[str], inputs: Tensor, features: tuple[Tensor, ...],
                         layers: Mapping[str, Tensor] | None, data_samples: list) -> dict[str, PoseOutputs]:
        """Outputs by the owner of terms, of the active teachers that are in ``read``, or of all for the combined."""
        outputs: dict[str, PoseOutputs] = {}
        factors = {name: paired.factor() for name, paired in self.teachers.items()}
        adapted: dict[nn.Module, Tensor] = {}
        names = self.teacher.layers.inside(self.shared) if self.shared else ()
        given = {name: value for name, value in (layers or {}).items() if name in names}
        for name, paired in self.teachers.items():
            if factors[name] != 0 and (name in read or COMBINED in read):
                outputs[name] = (paired.run_head(features, given) if self.shared else
                                 paired.outputs(inputs, data_samples, adapted=adapted))
        if COMBINED in read and self.combination is not None:
            outputs[COMBINED] = self.combination(outputs, factors)
        return outputs

    def train(self, mode: bool = True) -> PoseDistiller:
        """Also sets the mode of the student, whose ``train`` may freeze modules, and of a teacher with a train mode."""
        super().train(mode)
        self.student.train(mode)
        set_frozen_to_eval(self.student, self.frozen)
        self.layers.tap(self.student)
        for paired in self.teachers.values():  # last, since shared modules are the teacher's
            paired.teacher.train(mode)
        return self

    def init_weights(self) -> None:
        """Initialises the student by its config, then from its checkpoint, then from the teacher."""
        if self.shared:
            self.student.head.init_weights()
        else:
            self.student.init_weights()
        if self.student_checkpoint is not None:
            source = str(self.student_checkpoint)
            state = read_weights(checkpoint_source(source)).state
            load_strict(self.student, state, source=source, ignore_prefixes=(f'{TERMS_PREFIX}.',))
        for name in self.init_from_teacher:
            student_modules.copy_module(name, source=self.teacher.model, target=self.student)

    def _check_weights_of_teacher(self, option: str) -> None:
        """Refuses to take weights from a teacher that has none, or from several."""
        if len(self.teachers) > 1:
            raise DistilPoseError(f'model.{option} takes weights from the teacher, and model.teachers has '
                                  f'{", ".join(self.teachers)}; drop the option. To start the student from trained '
                                  'weights, set model.student.checkpoint')
        if not hasattr(self.teacher, 'model'):
            reason = 'is a file that only predicts' if self.teacher.is_frozen else 'is made of the student'
            raise DistilPoseError(f'model.{option} takes weights from the teacher, and {self.teacher.name} {reason}; '
                                  'drop the option, or name a config and a checkpoint')

    def _share_backbone(self) -> tuple[str, ...]:
        if self.student_checkpoint is not None:
            raise DistilPoseError(f'share_backbone takes the backbone from the teacher, and model.student.checkpoint '
                                  f'({self.student_checkpoint}) would replace it; drop one of them. To start the head '
                                  "from the teacher's, use init_from_teacher=('head',)")
        shared = student_modules.share_backbone(self.student, self.teacher.model, to_teacher=self.to_teacher)
        names = (*self.layers.names, *self.teacher.layers.inside(shared))  # which runs its head only
        self.layers = Layers(self.student, names, size=self.layers.size)
        return shared


def _refuse_same_names(losses: Mapping[str, Any], terms: Iterable[str]) -> None:
    for name in terms:
        if f'loss_{name}' in losses:
            raise DistilPoseError(f'the term {name!r} would be logged as loss_{name}, which is a loss of the student; '
                                  'give the term another name')


def _zero_loss(term: DistillationTerm, student: PoseOutputs, *, start: Tensor) -> Tensor:
    """The value of a term whose factor is 0, which is not computed.

    It depends on the term's parameters and on the student's outputs that the term reads, with gradients of 0.
    ``DistributedDataParallel`` needs that of parameters which only this term trains.
    """
    tensors = [tensor for name in term.student_fields for tensor in student.tensors(name)]
    trained = [parameter for parameter in term.parameters() if parameter.requires_grad]
    return sum((tensor.sum() * 0 for tensor in (*tensors, *trained)), start=start)
