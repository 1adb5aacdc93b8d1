# SimDR*, the space-aware SimDR: Gaussian targets, another loss, other scores and flip test for the same network.
sa_simdr = dict(
    loss=dict(_delete_=True, type='KLDiscretMeanLoss'),
    test_cfg=dict(flip_test=True, score='smaller', average='logits', shift='one_bin'))
