# The runtime of every training: hooks, log, seed. The training sets the backends of processes and of the log.
default_scope = 'mmpose'
custom_imports = dict(imports=['distilpose'], allow_failed_imports=False)

default_hooks = dict(
    randomness=dict(type='ResumableRandomnessHook'),
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='SafeCheckpointHook', interval=1, save_best='auto', rule='greater', max_keep_ckpts=3),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='PoseVisualizationHook', enable=False),
    teacher_check=dict(type='TeacherCheckHook'),
    teacher_cache=dict(type='TeacherCacheHook', folder=None),
    start_weights=dict(type='StartWeightsHook'),
    skipped_images=dict(type='SkippedImagesHook'),
    finite_check=dict(type='FiniteCheckHook', action='stop'),
    resume_position=dict(type='ResumePositionHook'),
    strict_loading=dict(type='StrictResumeHook'),
    progress=dict(type='ProgressHook'),
    plain_checkpoint=dict(type='PlainCheckpointHook'))
custom_hooks = []

env_cfg = dict(cudnn_benchmark=False, mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0), dist_cfg=dict())
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='PoseLocalVisualizer', vis_backends=vis_backends, name='visualizer')
log_processor = dict(type='LogProcessor', window_size=50, by_epoch=True, num_digits=6)
log_level = 'INFO'
load_from = None
resume = False
backend_args = dict(backend='local')
randomness = dict(seed=0, deterministic=False)

val_cfg = dict()
test_cfg = dict()
