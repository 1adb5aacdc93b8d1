# A head that regresses coordinates and scores from pooled features.
direct_regression = dict(
    head=dict(
        _delete_=True,
        type='DirectRegressionHead',
        in_channels=2048,
        num_keypoints=17,
        with_sigmas=False,
        loss=dict(type='SmoothL1Loss', use_target_weight=True),
        decoder=dict(type='RegressionLabel', input_size=(192, 256))),
    test_cfg=dict(_delete_=True, flip_test=True, shift_coords=True, permute_scores=True))
