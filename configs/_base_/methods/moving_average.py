# Mean Teacher for poses: on images without labels, the student follows a moving average of itself, which sees them
# without the steps of `strong` (a clean view), once the student has learnt from labels. The loss of a joint is
# multiplied with the teacher's peak: what the teacher does not find is not a target.
strong = [dict(type='PhotometricDistortion'), dict(type='CoarseDropout', prob=0.5, side=(0.1, 0.3), holes=(1, 3))]
moving_average = dict(
    teacher=dict(type='MovingAverageTeacher', momentum=0.999, start=0.1, view='clean'),
    terms=dict(heatmaps=dict(type='HeatmapTerm', labelled_weight=0.0, unlabelled_weight=1.0, certainty='soft')))
