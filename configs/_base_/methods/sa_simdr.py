# SimDR*, the space-aware SimDR: gaussians as targets, another loss, score and flip test; the network is the same.
sa_simdr = dict(
    loss=dict(_delete_=True, type='KLDiscretMeanLoss'),
    test_cfg=dict(flip_test=True, score='smaller', average='logits', shift='one_bin'))
