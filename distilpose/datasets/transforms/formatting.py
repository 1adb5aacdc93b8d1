"""What a pipeline hands to a model."""

from __future__ import annotations

from mmpose.datasets.transforms import PackPoseInputs
from mmpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PackMixedPoseInputs(PackPoseInputs):
    """mmpose's ``PackPoseInputs`` that also packs ``labelled``: whether an image has annotations (yes where absent).

    Args:
        pack_transformed: as in mmpose.
    """

    def __init__(self, *, pack_transformed: bool = False) -> None:
        super().__init__(pack_transformed=pack_transformed)
        self.meta_keys: tuple[str, ...] = (*self.meta_keys, 'labelled')
