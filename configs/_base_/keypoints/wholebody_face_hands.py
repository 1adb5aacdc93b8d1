# COCO-WholeBody's 110 keypoints of face and hands, the last ones of 133, in its order.
_base_ = 'mmpose::_base_/datasets/coco_wholebody.py'

kept = list(range(23, 133))
whole = _base_.dataset_info
names = [whole.keypoint_info[index].name for index in kept]
links = [link for link in whole.skeleton_info.values() if set(link.link) <= set(names)]
dataset_info = dict(
    _delete_=True,
    dataset_name='coco_face_hands',
    paper_info=dict(whole.paper_info),
    keypoint_info={place: dict(whole.keypoint_info[index], id=place) for place, index in enumerate(kept)},
    skeleton_info={place: dict(link, id=place) for place, link in enumerate(links)},
    joint_weights=[whole.joint_weights[index] for index in kept],
    sigmas=[whole.sigmas[index] for index in kept])
