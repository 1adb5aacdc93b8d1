# 21 keypoints: COCO's 17 in their order, then the four of MPII that COCO does not have. Sigmas are those of mmpose's
# COCO and MPII.
_names = ['nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear', 'left_shoulder', 'right_shoulder', 'left_elbow',
          'right_elbow', 'left_wrist', 'right_wrist', 'left_hip', 'right_hip', 'left_knee', 'right_knee', 'left_ankle',
          'right_ankle', 'pelvis', 'thorax', 'upper_neck', 'head_top']
_mirrors = dict(left_='right_', right_='left_')
_links = [(15, 13), (13, 11), (16, 14), (14, 12), (11, 17), (12, 17), (17, 18), (18, 19), (19, 20), (5, 18), (6, 18),
          (5, 7), (6, 8), (7, 9), (8, 10), (0, 1), (0, 2), (1, 3), (2, 4)]
dataset_info = dict(
    dataset_name='coco_mpii',
    paper_info=dict(author='Muhammad Saif Ullah Khan and others', year='2024', container='arXiv 2405.20084',
                    title='Estimating Human Poses Across Datasets: A Unified Skeleton and Multi-Teacher Distillation '
                          'Approach', homepage='https://arxiv.org/abs/2405.20084'),
    keypoint_info={
        index: dict(name=name, id=index, color=[0, 255, 0] if name.startswith('left') else [255, 128, 0],
                    type='lower' if 11 <= index <= 17 else 'upper',
                    swap=next((mirror + name[len(side):] for side, mirror in _mirrors.items()
                               if name.startswith(side)), '')) for index, name in enumerate(_names)},
    skeleton_info={index: dict(link=(_names[one], _names[other]), id=index, color=[51, 153, 255])
                   for index, (one, other) in enumerate(_links)},
    joint_weights=[1.0] * 7 + [1.2, 1.2, 1.5, 1.5, 1.0, 1.0, 1.2, 1.2, 1.5, 1.5] + [1.0] * 4,
    sigmas=[0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087,
            0.089, 0.089, 0.107, 0.026, 0.026, 0.026])
