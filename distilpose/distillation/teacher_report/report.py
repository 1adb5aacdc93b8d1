"""Teacher report: metrics and findings about a teacher, as lines of the log and as a JSON file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from distilpose.checkpoints.writing import write_atomically
from distilpose.config.named_teachers import errors_named, title_of, with_entry
from distilpose.structures import ONLY_TEACHER

from ..supervision import COMBINED
from .causes import LEAST_PEOPLE, Finding, judge, other_readings
from .metrics import measure
from .predictions import Predictions, choose_people, collect, with_one_teacher

VERSION = 2
"""Of the file's format; a file of another version is written anew."""
FILE = 'teacher_report.json'
"""In the work directory of a training; that of the only teacher."""


def file_of(name: str, file: str = FILE) -> str:
    """``'teacher_report_hands.json'`` for the teacher ``hands``; :data:`FILE` for the only one."""
    return file if name == ONLY_TEACHER else str(Path(file).with_stem(f'{Path(file).stem}_{name.replace(" ", "_")}'))


def title_of_report(name: str) -> str:
    """Whose report it is, at the beginning of a sentence."""
    return 'The combination of all teachers' if name == COMBINED else title_of(name)


def names_of(distiller: Any) -> list[str]:
    """The teachers that have a report, and :data:`~distilpose.distillation.supervision.COMBINED` for the combination of
    several."""
    return [*distiller.teachers, *[COMBINED] * (distiller.combination is not None and len(distiller.teachers) > 1)]


@dataclass(frozen=True)
class TeacherReport:
    """Metrics of a teacher on the validation people of a training, and what is wrong with it."""

    figures: dict[str, Any]
    """See :func:`~distilpose.distillation.teacher_report.measure`."""
    findings: tuple[Finding, ...]
    """What is wrong, the worst first."""
    teacher: str
    """Its network and size."""
    name: str = ONLY_TEACHER
    """In the config."""

    @property
    def refusal(self) -> str | None:
        """Why a strict training does not take this teacher; ``None`` where it does."""
        severe = [finding.text for finding in self.findings if finding.is_severe]
        named = '' if self.name == ONLY_TEACHER else f'{title_of(self.name)}: '
        return f'{named}{". ".join(severe)}' if severe else None

    @property
    def too_few(self) -> str | None:
        """Why there are too few people to judge the teacher; ``None`` where there are enough."""
        found = self.figures['people_with_joints']
        if found >= LEAST_PEOPLE:
            return None
        return (f'{found} validation {"person has" if found == 1 else "people have"} joints that it predicts, too few '
                f'to judge whether something is wrong with it ({LEAST_PEOPLE} would)')

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TeacherReport:
        """The report of :meth:`to_dict`."""
        return cls(data['figures'], tuple(Finding(**entry) for entry in data['findings']), data['teacher'],
                   data.get('name', ONLY_TEACHER))

    def lines(self) -> Iterator[str]:
        """The table for the log, without the findings."""
        figures = self.figures
        mean, bias, sides = figures['mean_pose'], figures['bias'], figures['sides']
        evaluated, chosen = figures['people'], figures['people_chosen']
        some = f'{evaluated} of {chosen} (more would take too long)' if evaluated < chosen else str(evaluated)
        place = 'a crop of its own' if figures.get('own_crop') else "the student's crop"
        yield (f'{title_of_report(self.name)} on {some} validation people ({figures["joints"]} labelled joints) in '
               f'{place}: {self.teacher}')
        yield (f'  AP {_points(figures["ap"])}, PCK@0.1 of the box {_points(figures["pck"])} (mean pose: AP '
               f'{_points(mean["ap"])}, PCK {_points(mean["pck"])}), {_milliseconds(figures)} an image')
        yield f'  PCK of {"; ".join(_by_keypoint(figures["keypoints"]))}'
        yield (f'  mean error of right joints {_signed(bias["x"])} and {_signed(bias["y"])} cells along x and y (of '
               f'{bias["cells"][0]}x{bias["cells"][1]})')
        if sides['joints']:
            yield (f'  nearer to the other side {_points(sides["swapped"])} % of the joints; PCK with mirrored labels '
                   f'{_points(sides["pck_mirrored"])} instead of {_points(sides["pck"])}')
        yield f'  {_certainty(figures["certainty"])}'
        if figures['left_out']:
            yield f'  not predicted by it: {", ".join(figures["left_out"])}'
        if figures['masked']:
            yield (f'  {_points(figures["masked"])} % of the labelled joints are left out, which lie outside '
                   "of the teacher's crop or are predicted outside of the student's")
        if self.too_few:
            yield f'  {self.too_few}'


def make_report(distiller: Any, dataset: Any, *, people: int, batch_size: int, seconds: float,
                keep_crops: int = 0, name: str | None = None) -> tuple[TeacherReport, Predictions] | str:
    """Evaluates a teacher of a distiller.

    Args:
        distiller: a :class:`~distilpose.distillation.PoseDistiller`.
        dataset: validation data, whose pipeline makes the student's crops.
        people: evaluates at most so many.
        batch_size: of the teacher.
        seconds: that this may take, about; half as many again are for other readings of its input.
        keep_crops: of how many people the crops are kept.
        name: of the teacher, or :data:`~distilpose.distillation.supervision.COMBINED`; by default the only one.

    Returns:
        The report and the predictions, or why there is none.

    Raises:
        DistilPoseError: the teacher's numbers are not finite.
    """
    indices = choose_people(dataset, people)
    if not indices:
        return 'there are no people in the validation data'
    if name is not None and name in distiller.teachers:
        distiller = with_one_teacher(distiller, name)
    with errors_named(ONLY_TEACHER if name in (None, COMBINED) else name):
        predictions = collect(distiller, dataset, indices, batch_size=batch_size, seconds=seconds,
                              keep_crops=keep_crops)
    names, flip = _keypoints(dataset.metainfo)
    if predictions.coords.shape[1] != len(names):
        return f'it predicts {predictions.coords.shape[1]} keypoints, and the validation data has {len(names)}'
    if not predictions.counted.any():
        return 'no joint that it predicts is labelled in the validation data'
    figures = measure(predictions, sigmas=dataset.metainfo['sigmas'], flip=flip, names=names)
    is_combined = name == COMBINED
    figures.update(people_chosen=len(indices), own_crop=not is_combined and distiller.own_crop is not None)
    described = f'combined by {distiller.combination.rule!r}' if is_combined else distiller.teacher.describe()
    report = TeacherReport(figures, (), described, name or ONLY_TEACHER)
    if report.too_few or is_combined:
        return report, predictions
    readings = other_readings(distiller, dataset, indices[:len(predictions.coords)], predictions, batch_size=batch_size,
                              seconds=seconds / 2)
    findings = judge(figures, predictions, names=names, flip=flip, readings=readings)
    named = tuple(replace(finding, text=with_entry(report.name, finding.text)) for finding in findings)
    return replace(report, findings=named), predictions


def write_report(file: Path, report: TeacherReport, *, made_for: str) -> None:
    """Writes a report as JSON, atomically, with a digest of what it was made for."""
    text = json.dumps({**report.to_dict(), 'made_for': made_for}, indent=2, allow_nan=False)
    write_atomically(file, f'{text}\n')


def read_report(file: Path, *, made_for: str | None = None) -> TeacherReport | None:
    """The report in a file; ``None`` where there is none, or one that was made for something else."""
    try:
        stored = json.loads(file.read_text(encoding='utf-8'))
        is_other = made_for is not None and stored.get('made_for') != made_for
        return None if is_other else TeacherReport.from_dict(stored)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # no report, or not one of this version
        return None


def _keypoints(metainfo: dict[str, Any]) -> tuple[list[str], list[int]]:
    names = metainfo['keypoint_id2name']
    return [names[index] for index in range(len(names))], list(metainfo['flip_indices'])


def _by_keypoint(keypoints: dict[str, Any]) -> Iterator[str]:
    """``'ankle 61.2'`` where left and right are one line, ``'nose 90.1'``; not those that are nowhere labelled."""
    joined: dict[str, list[dict]] = {}
    for name, entry in keypoints.items():
        if entry['labelled']:
            joined.setdefault(name.replace('left_', '').replace('right_', ''), []).append(entry)
    groups = sorted(((sum(entry['labelled'] * entry['pck'] for entry in entries)
                      / sum(entry['labelled'] for entry in entries), name) for name, entries in joined.items()))
    listed = groups if len(groups) <= 17 else groups[:8]
    yield from (f'{name} {_points(share)}' for share, name in listed)
    if len(listed) < len(groups):
        yield f'{len(groups) - len(listed)} more are better'


def _certainty(bins: list[dict] | None) -> str:
    if bins is None:
        return 'it predicts no certainty'
    shares = (f'{_range(entry)} {_points(entry["right"])} % of {entry["joints"]}' for entry in bins if entry['joints'])
    return f'right by certainty: {", ".join(shares)}'


def _range(entry: dict[str, Any]) -> str:
    return f'{entry["above"]:.1f}-{entry["below"]:.1f}'


def _milliseconds(figures: dict[str, Any]) -> str:
    value = figures['milliseconds_an_image']
    return 'an unknown time' if value is None else f'{value:.1f} ms'


def _signed(value: float | None) -> str:
    return 'unknown' if value is None else f'{value:+.2f}'


def _points(value: float | None) -> str:
    return '-' if value is None else f'{100 * value:.1f}'
