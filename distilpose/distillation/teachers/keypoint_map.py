"""Keypoint map: gathers a teacher's outputs in the order of the student's keypoints, or averages two keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from distilpose.errors import DistilPoseError
from distilpose.structures import PoseOutputs

ENTRY = 'model.teacher.keypoints'
HINT = f"{ENTRY}='auto' matches them by name, and a table {{student: teacher}} lists them"
_FILLERS = dict(heatmaps=0.0, coords=0.5, sigmas=1.0, error_scales=0.0, scores=0.0, simcc=0.0, keypoint_tokens=0.0)
"""Values for keypoints that the teacher does not predict: finite, and masked out."""
_SMALLEST = 1e-8  # of the highest value of a distribution whose logarithm is taken

Partners = tuple[int, ...]
"""Teacher keypoints of a student keypoint: none, one, or two for their mean."""


class KeypointMap(nn.Module):
    """Gathers a teacher's keypoints in the order of a student, and takes means of two.

    The heatmap and the distributions of a mean of two joints must be as wide as those of any other joint, since the
    student's labels are. The distribution of the mean of two independent positions is their convolution on half the
    grid, which is narrower by the square root of 2; so its square root is taken. Of two gaussians of one sigma this is
    the gaussian of that sigma at their midpoint, with the geometric mean of their heights. No peak is decoded:
    distributions with several modes keep them. Coordinates, sigmas and error scales are averaged; scores are geometric
    means, as heights are.

    Args:
        partners: the teacher keypoints of every student keypoint, see :data:`Partners`.
        simcc_beta: factor of the SimCC logits in the teacher's loss.
        student_names: of the student's keypoints in order, ``None`` if unknown.
        teacher_names: as ``student_names``.
    """

    first: Tensor
    has_partner: Tensor
    of_two: Tensor
    pairs: Tensor

    def __init__(self, partners: Sequence[Partners], *, simcc_beta: float = 1.0,
                 student_names: Sequence[str] | None = None, teacher_names: Sequence[str] | None = None) -> None:
        super().__init__()
        self.partners = tuple(map(tuple, partners))
        self.simcc_beta = simcc_beta
        self.student_names = None if student_names is None else tuple(student_names)
        self.teacher_names = None if teacher_names is None else tuple(teacher_names)
        of_two = [place for place, found in enumerate(self.partners) if len(found) == 2]
        buffers = dict(
            first=torch.tensor([found[0] if found else 0 for found in self.partners]),
            has_partner=torch.tensor([bool(found) for found in self.partners]),
            of_two=torch.tensor(of_two, dtype=torch.long),
            pairs=torch.tensor([self.partners[place] for place in of_two], dtype=torch.long).reshape(-1, 2).T)
        for name, value in buffers.items():
            self.register_buffer(name, value.contiguous(), persistent=False)

    @property
    def is_exact(self) -> bool:
        """Whether every student keypoint is one of the teacher's."""
        return all(len(found) == 1 for found in self.partners)

    def is_identity(self, count: int) -> bool:
        """Whether a teacher of that many keypoints has those of the student in its order."""
        return self.partners == tuple((index,) for index in range(count))

    def forward(self, outputs: PoseOutputs) -> PoseOutputs:
        """The outputs for the student's keypoints.

        ``mask`` is 0 where the student's keypoint has no partner, and the other fields are finite there. Keypoint
        tokens are gathered where every keypoint has exactly one partner, and left out otherwise: tokens
        cannot be averaged. Features, layers and visual tokens stay.
        """
        count = keypoint_count(outputs)
        if count is None or self.is_identity(count):
            return outputs
        fields: dict[str, Any] = dict(mask=self._mask(outputs))
        if outputs.heatmaps is not None:
            fields['heatmaps'] = tuple(self._map('heatmaps', maps, _midpoint_maps) for maps in outputs.heatmaps)
        if outputs.simcc is not None:
            fields['simcc'] = tuple(self._map('simcc', logits, self._midpoint_logits) for logits in outputs.simcc)
        for name, middle in (('coords', _mean), ('sigmas', _mean), ('error_scales', _mean_scale),
                             ('scores', _geometric_mean)):
            value = getattr(outputs, name)
            if value is not None:
                fields[name] = self._map(name, value, middle)
        if outputs.keypoint_tokens is not None:
            fields['keypoint_tokens'] = outputs.keypoint_tokens[:, self.first] if self.is_exact else None
        return outputs._replace(**fields)

    def _map(self, name: str, value: Tensor, middle: Any) -> Tensor:
        """(B, K_t, ...) to (B, K_s, ...)."""
        mapped = value[:, self.first]
        if len(self.of_two):
            mapped = mapped.index_copy(1, self.of_two, middle(*value[:, self.pairs].unbind(1)).to(value.dtype))
        if self.is_exact:
            return mapped
        return torch.where(self.has_partner.view(-1, *[1] * (value.dim() - 2)), mapped, _FILLERS[name])

    def _mask(self, outputs: PoseOutputs) -> Tensor | None:
        if outputs.mask is not None:
            pairs = outputs.mask[:, self.pairs]
            mask = outputs.mask[:, self.first].index_copy(1, self.of_two, pairs[:, 0] * pairs[:, 1])
            return mask * self.has_partner
        if all(self.partners):
            return None
        tensor = any_joints(outputs)
        return self.has_partner.to(tensor.dtype).expand(len(tensor), -1).contiguous()

    def _midpoint_logits(self, first: Tensor, second: Tensor) -> Tensor:
        """(B, P, N) logits of two joints to those of their middle."""
        one, two = ((logits.double() * self.simcc_beta).softmax(-1) for logits in (first, second))
        middle = _root_of_convolution(one, two, dims=(-1,))
        return middle.clamp(min=_SMALLEST).log() / self.simcc_beta

    def check_count(self, count: int | None) -> None:
        """Refuses a teacher without the keypoints of the map.

        Raises:
            DistilPoseError: an index is out of range, or there are other names than keypoints.
        """
        if count is None:
            return
        if self.teacher_names is not None and len(self.teacher_names) != count:
            raise DistilPoseError(f'{ENTRY} is for a teacher of {len(self.teacher_names)} keypoints, and this one '
                                  f'predicts {count}; name the definition that it was trained on')
        largest = max(index for found in self.partners for index in found)
        if largest >= count:
            raise DistilPoseError(f'{ENTRY} names keypoint {largest} of the teacher, which has {count}: expected '
                                  f'indices from 0 to {count - 1}')

    def describe(self) -> str:
        """Which teacher keypoint supervises which student keypoint, and which are not supervised, for the log."""
        same, other, unmatched = [], [], []
        for place, found in enumerate(self.partners):
            name, theirs = name_at(self.student_names, place), [name_at(self.teacher_names, index) for index in found]
            if not theirs:
                unmatched.append(name)
            elif theirs == [name]:
                same.append(name)
            else:
                other.append(f'{name} by {theirs[0]}' if len(theirs) == 1 else
                             f'{name} by the mean of {theirs[0]} and {theirs[1]}')
        clauses = [f'The teacher supervises {len(same) + len(other)} of {len(self.partners)} keypoints']
        clauses += [f'by the same name: {", ".join(same)}'] * bool(same) + other
        without = f' Without a partner, and not supervised: {", ".join(unmatched)}.' if unmatched else ''
        return f'{"; ".join(clauses)}.{without}'

    def not_exact(self) -> list[str]:
        """The student's keypoints that are not one of the teacher's."""
        return [name_at(self.student_names, place) for place, found in enumerate(self.partners) if len(found) != 1]


def keypoint_count(outputs: PoseOutputs) -> int | None:
    """Number of keypoints in the outputs of a network, ``None`` without heatmaps, SimCC and coordinates."""
    for maps in (outputs.heatmaps, outputs.simcc):
        if maps is not None:
            return maps[-1].shape[1]
    return None if outputs.coords is None else outputs.coords.shape[1]


def any_joints(outputs: PoseOutputs) -> Tensor:
    """A tensor (B, K, ...) of the outputs of a network with heatmaps, SimCC or coordinates."""
    found = next(value for value in (outputs.heatmaps, outputs.simcc, outputs.coords) if value is not None)
    return found if isinstance(found, Tensor) else found[-1]


def _mean(first: Tensor, second: Tensor) -> Tensor:
    return (first + second) / 2


def _mean_scale(first: Tensor, second: Tensor) -> Tensor:
    """Of logits of scales; errors of neighbours go together, so that they do not cancel."""
    return ((first.sigmoid() + second.sigmoid()) / 2).logit(eps=1e-6)


def _geometric_mean(first: Tensor, second: Tensor) -> Tensor:
    return (first.clamp(min=0) * second.clamp(min=0)).sqrt()


def _midpoint_maps(first: Tensor, second: Tensor) -> Tensor:
    """(B, P, H, W) heatmaps of two joints to those of their middle; what is below 0 counts as 0."""
    one, two = (maps.clamp(min=0).double() for maps in (first, second))
    return _root_of_convolution(one, two, dims=(-2, -1))


def _root_of_convolution(first: Tensor, second: Tensor, *, dims: tuple[int, ...]) -> Tensor:
    """``sqrt(sum_u a(x + u) b(x - u))``, scaled such that two gaussians of one sigma give one of it.

    Its height is the geometric mean of theirs, by ``sum_u a(x + u) b(x - u) <= |a| |b|`` with equality in the middle of
    two equal shapes. A Fourier transform takes the sums, in float64, since a square root magnifies what is near 0.
    """
    sizes = [2 * first.shape[dim] for dim in dims]
    spectra = [torch.fft.rfftn(values, s=sizes, dim=dims) for values in (first, second)]
    sums = torch.fft.irfftn(spectra[0] * spectra[1], s=sizes, dim=dims)
    sums = sums[..., ::2] if len(dims) == 1 else sums[..., ::2, ::2]
    norms = [torch.linalg.vector_norm(values, dim=dims, keepdim=True) for values in (first, second)]
    heights = first.amax(dims, keepdim=True) * second.amax(dims, keepdim=True)
    return (sums.clamp(min=0) * heights / (norms[0] * norms[1]).clamp(min=1e-12)).sqrt()


def name_at(names: Sequence[str] | None, index: int) -> str:
    return str(index) if names is None else names[index]
