"""Table of distillation methods: which terms a method has for which kinds of student and teacher."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from distilpose.config import load_config

ANY = 'any'
"""Instead of a kind in a rule whose terms do not depend on it, such as those on feature maps."""

_FILES = {
    'heatmaps': ('fpd', 'fpd.terms.heatmaps'),
    'simcc': ('simcc', 'terms.simcc'),
    'marginals': ('simcc', 'terms.marginals'),
    'feature': ('dwpose_s1', 'dwpose.terms.feature'),
    'logit': ('dwpose_s1', 'dwpose.terms.logit'),
    'simulated_heatmap': ('any_heatmap_teacher', 'terms.simulated_heatmap'),
    'score': ('any_heatmap_teacher', 'terms.score'),
    'visual_tokens': ('distilpose', 'terms.visual_tokens'),
    'keypoint_tokens': ('distilpose', 'terms.keypoint_tokens'),
    'coordinates': ('coordinates', 'terms.coordinates'),
    'attention': ('attention', 'terms.attention'),
    'relations': ('rkd', 'terms.relations'),
    'joint_relations': ('rkd_joints', 'terms.joint_relations'),
    'bones': ('bones', 'terms.bones'),
    'channels': ('cwd', 'terms.channels'),
    'channels_of_features': ('cwd', 'terms.channels_of_features'),
    'pixels': ('pixel_kl', 'terms.pixels'),
    'pearson': ('pkd', 'terms.pearson'),
    'correlation': ('dist', 'terms.correlation'),
    'decoupled': ('dkd', 'terms.decoupled'),
    'standardised': ('standardised', 'terms.standardised'),
}
"""Where the options and weights of a term come from: a file of ``configs/_base_/methods/`` and the entry in it."""


@dataclass(frozen=True)
class Rule:
    """The terms of a method for one kind of student and one kind of teacher."""

    method: str
    student: str
    teacher: str
    terms: tuple[str, ...]
    """The terms without which it is not this method."""
    optional: tuple[str, ...] = ()
    """Terms that are added where both networks have the fields that they compare."""
    draws: bool = False
    """Whether the teacher, a coordinate classifier, draws heatmaps."""
    task_weight: float = 1.0
    relative: bool = False
    """Whether its weights were chosen by the gradient of RTMPose's loss."""
    needs_labels: bool = False
    """Whether its terms do not say where keypoints are, such as those on feature maps."""

    def fits(self, student: str, teacher: str) -> bool:
        """Whether it is for these kinds."""
        return self.student in (ANY, student) and self.teacher in (ANY, teacher)

    @property
    def title(self) -> str:
        """For messages."""
        optional = ''.join(f' [+ {name}]' for name in self.optional)
        drawn = ', which it draws as heatmaps' if self.draws else ''
        return f'{self.student} <- {self.teacher}{drawn}: {" + ".join(self.terms)}{optional}'


_DISTILPOSE = ('score', 'visual_tokens', 'keypoint_tokens')

RULES = (
    Rule('fpd', 'heatmaps', 'heatmaps', ('heatmaps',), task_weight=0.5),
    Rule('fpd', 'heatmaps', 'simcc', ('heatmaps',), draws=True, task_weight=0.5),
    Rule('simcc', 'simcc', 'simcc', ('simcc',)),
    Rule('simcc', 'simcc', 'heatmaps', ('marginals',)),
    Rule('dwpose', 'simcc', 'simcc', ('logit',), ('feature',)),
    Rule('distilpose', 'coordinates', 'heatmaps', ('simulated_heatmap',), _DISTILPOSE),
    Rule('distilpose', 'coordinates', 'simcc', ('simulated_heatmap',), _DISTILPOSE, draws=True),
    Rule('coordinates', 'coordinates', 'coordinates', ('coordinates',)),
    Rule('coordinates', 'simcc', 'coordinates', ('coordinates',)),
    Rule('coordinates', 'heatmaps', 'coordinates', ('coordinates',)),
    Rule('coordinates', 'coordinates', 'heatmaps', ('coordinates',)),
    Rule('coordinates', 'coordinates', 'simcc', ('coordinates',)),
    Rule('coordinates', 'simcc', 'heatmaps', ('coordinates',)),
    Rule('coordinates', 'simcc', 'simcc', ('coordinates',)),
    Rule('coordinates', 'heatmaps', 'heatmaps', ('coordinates',)),
    Rule('coordinates', 'heatmaps', 'simcc', ('coordinates',)),
    Rule('attention', ANY, ANY, ('attention',), relative=True, needs_labels=True),
    Rule('rkd', ANY, ANY, ('relations',), relative=True, needs_labels=True),
    Rule('rkd_joints', ANY, ANY, ('joint_relations',), relative=True, needs_labels=True),
    Rule('bones', ANY, ANY, ('bones',), relative=True, needs_labels=True),
    Rule('cwd', 'heatmaps', 'heatmaps', ('channels',)),
    Rule('cwd', 'heatmaps', 'simcc', ('channels',), draws=True),
    Rule('cwd', ANY, ANY, ('channels_of_features',), relative=True, needs_labels=True),
    Rule('pixel_kl', 'heatmaps', 'heatmaps', ('pixels',), needs_labels=True),
    Rule('pixel_kl', 'heatmaps', 'simcc', ('pixels',), draws=True, needs_labels=True),
    Rule('pkd', ANY, ANY, ('pearson',), relative=True, needs_labels=True),
    Rule('dist', 'simcc', 'simcc', ('correlation',), relative=True),
    Rule('dkd', 'simcc', 'simcc', ('decoupled',), relative=True),
    Rule('standardised', 'simcc', 'simcc', ('standardised',), relative=True),
)
"""In the order of preference: of the rows that fit, ``auto`` takes the first."""
METHODS = ('auto', *dict.fromkeys(rule.method for rule in RULES))


def describe_rules() -> str:
    """The table of rules, one row a line."""
    width = max(len(rule.method) for rule in RULES)
    rows = [f'{rule.method.ljust(width)}  {rule.title}' for rule in RULES]
    return '\n'.join(['auto takes the first row that fits: METHOD  STUDENT <- TEACHER: terms [+ where both have it]',
                      *rows])


def read_term(name: str) -> dict[str, Any]:
    """Options of a term as its file in ``configs/_base_/methods/`` has them."""
    file, entry = _FILES[name]
    found: Any = load_config(f'distilpose::_base_/methods/{file}.py')
    for key in entry.split('.'):
        found = found[key]
    return copy.deepcopy(found.to_dict())
