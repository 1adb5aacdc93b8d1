"""Conversions of mmpose that fail by themselves: bfloat16 and the radius of circles."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.host.python import WITHOUT_APPLYING, run

CIRCLE = """
import numpy as np
from mmpose.visualization import PoseLocalVisualizer
visualizer = PoseLocalVisualizer(backend='opencv')
visualizer.set_image(np.zeros((9, 9, 3), np.uint8))
visualizer.draw_circles(np.array([4.0, 4.0]), radius=np.array([2]), face_colors=(255, 255, 255))
print((visualizer.get_image() > 0).all(-1).sum())
"""


class TestCircles:
    @pytest.mark.slow
    def test_numpy_refuses_mmposes_radius(self) -> None:
        if np.lib.NumpyVersion(np.__version__) < '2.4.0':
            pytest.skip('this numpy takes arrays of one element for numbers')
        remove = ("table.REPLACEMENTS = [row for row in table.REPLACEMENTS if 'draw_circles' not in row.targets[0]]\n"
                  'table.apply()\n')
        broken = run(WITHOUT_APPLYING + remove + CIRCLE)
        assert broken.stderr.splitlines()[-1].startswith('TypeError: only 0-dimensional arrays can be converted')

    @pytest.mark.slow
    def test_keypoints_are_drawn(self) -> None:
        mended = run('import distilpose\n' + CIRCLE)
        assert mended.stdout.strip().isdigit(), mended.stderr
        assert 9 <= int(mended.stdout) <= 25  # a disc of radius 2

    @pytest.mark.parametrize('backend', ['opencv', 'matplotlib'])
    @pytest.mark.parametrize('radius', [np.array([2]), torch.tensor([2])])
    def test_any_radius_and_backend_draws(self, backend: str, radius: np.ndarray | torch.Tensor) -> None:
        from mmpose.visualization import PoseLocalVisualizer

        visualizer = PoseLocalVisualizer(backend=backend)
        visualizer.set_image(np.zeros((9, 9, 3), np.uint8))
        visualizer.draw_circles(np.array([4.0, 4.0]), radius=radius, face_colors='red')
        assert visualizer.get_image().any()


class TestBfloat16:
    def test_mmpose_alone_cannot_turn_it_into_numpy(self) -> None:
        from mmpose.utils import tensor_utils

        with pytest.raises(TypeError, match='BFloat16'):
            tensor_utils.to_numpy.__wrapped__(torch.zeros(2, dtype=torch.bfloat16))

    def test_it_becomes_float32(self) -> None:
        from mmpose.utils.tensor_utils import to_numpy

        value = torch.arange(3, dtype=torch.bfloat16)
        assert to_numpy(value).dtype == np.float32
        assert [entry.tolist() for entry in to_numpy((value, value))] == [[0, 1, 2], [0, 1, 2]]
        pairs, device = to_numpy((value[:, None], value[:, None]), return_device=True, unzip=True)
        assert [(one.tolist(), two.tolist()) for one, two in pairs] == [([[i]], [[i]]) for i in range(3)]
        assert device.type == 'cpu'

    def test_other_input_is_as_before(self) -> None:
        from mmpose.utils.tensor_utils import to_numpy

        assert to_numpy(torch.zeros(2, dtype=torch.float64)).dtype == np.float64
        array = np.zeros(2)
        assert to_numpy(array) is array
        with pytest.raises(ValueError, match='Invalid input type'):
            to_numpy('text')

    def test_every_head_has_the_mended_function(self) -> None:
        from mmpose.models.heads.coord_cls_heads import rtmcc_head
        from mmpose.models.heads.heatmap_heads import heatmap_head
        from mmpose.utils import tensor_utils

        for module in (heatmap_head, rtmcc_head, tensor_utils):
            assert module.to_numpy(torch.ones(1, dtype=torch.bfloat16)).dtype == np.float32

    def test_a_head_of_mmpose_takes_a_loss_under_autocast(self, device: torch.device) -> None:
        from mmengine.structures import InstanceData, PixelData
        from mmpose.models.heads import HeatmapHead
        from mmpose.structures import PoseDataSample

        head = HeatmapHead(8, 3, deconv_out_channels=None, loss=dict(type='KeypointMSELoss', use_target_weight=True))
        sample = PoseDataSample(gt_fields=PixelData(heatmaps=torch.rand(3, 4, 4)))
        sample.gt_instance_labels = InstanceData(keypoint_weights=torch.ones(1, 3))
        with torch.autocast(device.type, dtype=torch.bfloat16):
            losses = head.to(device).loss([torch.rand(1, 8, 4, 4, device=device)], [sample.to(device)])
        assert torch.isfinite(losses['loss_kpt'])
        assert 'acc_pose' in losses


def test_keypoints_of_the_whole_body_are_converted() -> None:
    from mmpose.datasets.transforms import KeypointConverter

    keypoints = np.arange(6.0).reshape(1, 3, 2)
    found = KeypointConverter(2, [(2, 0), (1, 1)]).transform(
        dict(keypoints=keypoints, keypoints_visible=np.ones((1, 3)), keypoints_3d=None))
    assert (found['keypoints'] == keypoints[:, [2, 1]]).all() and 'keypoints_3d' not in found
