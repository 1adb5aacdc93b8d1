"""Writes docs/recipes.md, the table of all shipped recipes: ``python docs/make_recipes.py`` (minutes on a CPU).

Teachers, input sizes, parameters and multiply-adds are read from the configs. Published figures stand in
:data:`PUBLISHED`, and what tests and benchmarks cover in :data:`CHECKED`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePath

import torch

import distilpose  # noqa: F401  (registers the networks)
from distilpose.complexity import STYLES, measure
from distilpose.config import PROJECT_ROOT, read_config
from distilpose.config.named_teachers import named_teachers

PAGE = PROJECT_ROOT / 'docs' / 'recipes.md'
CONFIGS = PROJECT_ROOT / 'configs'
BODY, WHOLE_BODY = 'body/2d_kpt_sview_rgb_img', 'wholebody_2d_keypoint'

GROUPS = {
    f'{BODY}/distilpose': ('DistilPose', '[methods](methods.md#distilpose), [student, teacher and losses](pairs.md)'),
    f'{BODY}/tokenpose': ('TokenPose', '[methods](methods.md#simdr-and-tokenpose)'),
    f'{BODY}/sdpose': ('SDPose', '[methods](methods.md#sdpose)'),
    f'{BODY}/simdr': ('SimDR, SimDR* and heatmaps', '[methods](methods.md#simdr-and-tokenpose)'),
    f'{BODY}/fpd': ('FPD', '[FPD](fpd.md)'),
    f'{BODY}/several_teachers': ('Several teachers', '[teachers](teachers.md#several-teachers)'),
    f'{BODY}/movenet': ('MoveNet as the teacher', '[a good teacher](benchmarks/lspet.md), '
                        '[labels](benchmarks/labels.md), [best student](benchmarks/best_student.md)'),
    f'{BODY}/dwpose': ('DWPose, body', '[DWPose](dwpose.md)'),
    f'{BODY}/methods': ('Attention transfer, RKD, bones, CWD, PKD, DIST, DKD and standardised logits',
                        '[methods](methods.md#attention-transfer)'),
    f'{BODY}/rtmpose': ('RTMPose, body', '[DWPose](dwpose.md)'),
    f'{WHOLE_BODY}/dwpose': ('DWPose, whole body', '[DWPose](dwpose.md), [whole body](wholebody.md)'),
    f'{WHOLE_BODY}/experts': ('Part experts, whole body', '[part experts](teachers.md#part-experts)'),
    f'{WHOLE_BODY}/rtmpose': ('RTMPose, whole body', '[DWPose](dwpose.md), [whole body](wholebody.md)'),
    'quickstart': ('Quickstart', '[quickstart](benchmarks/quickstart.md), [FPD](benchmarks/fpd.md)'),
    'own_data': ('Your own data', '[your own data](own_data.md)'),
}
"""Folder in configs/ -> heading, and the pages about its recipes."""

PUBLISHED = {
    'DistilPose_S_coco_256x192': ('71.6 AP', 'methods.md'),
    'DistilPose_L_coco_256x192': ('74.4 AP', 'methods.md'),
    'sdpose_t_coco_256x192': ('69.7 AP', 'methods.md'),
    'sdpose_s_v1_stemnet_coco_256x192': ('72.3 AP', 'methods.md'),
    'sdpose_s_v2_stemnet_coco_256x192': ('73.5 AP', 'methods.md'),
    'sdpose_b_hr32_coco_256x192': ('73.7 AP', 'methods.md'),
    'sdpose_s_v1_stemnet_crowdpose_256x192': ('57.3 AP', 'methods.md'),
    'sdpose_s_v2_stemnet_crowdpose_256x192': ('64.5 AP', 'methods.md'),
    'fpd/mpii/hourglass_4x128_mpii_256x256': ('87.934 PCKh@0.5', 'fpd.md'),
    'fpd/mpii/fpd_hourglass_8x256_to_4x128_mpii_256x256': ('89.040 PCKh@0.5', 'fpd.md'),
    'fpd/coco/hrnet_w48_coco_256x192': ('75.0 AP', 'fpd.md'),
    'fpd/coco/hrnet_w32_coco_256x192': ('74.4 AP', 'fpd.md'),
    'fpd/coco/fpd_hrnet_w48_to_w32_coco_256x192': ('75.1 AP', 'fpd.md'),
    'ubody/s2_dis/dwpose_t-tt_coco-ubody-256x192': ('0.485 AP', 'dwpose.md'),
    'ubody/s2_dis/dwpose_s-ss_coco-ubody-256x192': ('0.538 AP', 'dwpose.md'),
    'ubody/s2_dis/dwpose_m-mm_coco-ubody-256x192': ('0.606 AP', 'dwpose.md'),
    'ubody/s2_dis/dwpose_l-ll_coco-ubody-256x192': ('0.631 AP', 'dwpose.md'),
    'ubody/s2_dis/dwpose_l-ll_coco-ubody-384x288': ('0.665 AP', 'dwpose.md'),
    'simdr/coco/simdr_res50_coco_64x64': ('40.8 AP', 'benchmarks/simdr.md'),
    'simdr/coco/heatmap_res50_coco_64x64': ('34.4 AP', 'benchmarks/simdr.md'),
    'simdr/coco/simdr_res50_coco_128x128': ('62.6 AP', 'benchmarks/simdr.md'),
    'simdr/coco/heatmap_res50_coco_128x128': ('60.3 AP', 'benchmarks/simdr.md'),
}
"""End of a config's path without its suffix -> the figure of its publication, and the page that has it."""

CHECKED = (
    ('outputs', r'/DistilPose_S_coco|/(teacher_)?stemnet_coco|coco/(simdr_hrnet_w32|simdr_res50)_coco_(256x192|64x64)'
                r'|/heatmap_hrnet_w32_coco_256x192|/tokenpose_s_v1_|fpd/mpii/hourglass_4x128'
                r'|/sdpose_(t|s_v1_stemnet|s_v2_stemnet)_coco'),
    ('losses', r'/DistilPose_S_coco|simdr/(coco|mpii|crowdpose)/(sa_)?simdr_(?!.*_from_)'
               r'|fpd/(coco|mpii)/fpd_(?!.*unlabelled)|/dwpose/.*/s[12]_dis/'
               r'|/sdpose_(t|s_v1_stemnet|s_v2_stemnet)_coco'),
    ('counts', r'/DistilPose_[SL]_coco|/(teacher_)?stemnet_coco|/(hr48_3stage|teacher_hr48)_coco|/tokenpose_[tsbl]'
               r'|/sdpose_\w+_coco'
               r'|/(heatmap|simdr|sa_simdr)_(?!.*(_from_|lspet))|fpd/(mpii|coco)/(hourglass|hrnet)'
               r'|/fpd_hourglass_8x256_to_4x128_mpii|rtmpose/ubody/rtmpose-(?!.*wide)'),
    ('[trained](benchmarks/distilpose_terms.md)', r'/(distilpose|tokenpose)/lspet/'
                                                 r'|/movenet/lspet/(fpd_thunder_to|distilpose)_tokenpose'),
    ('[trained](benchmarks/lspet.md)', r'/movenet/lspet/((heatmap|fpd_thunder_to)_resnet18_(pseudo_)?lspet_96'
                                       r'|tokens_resnet18_|distilpose_thunder_)'),
    ('[trained](benchmarks/labels.md)', r'/movenet/lspet/(heatmap_resnet18_pseudo|fpd_thunder_to_resnet18'
                                        r'|moving_average_resnet18)_(unlabelled|quarter|no_labels)_lspet_96'),
    ('[trained](benchmarks/best_student.md)', r'/movenet/lspet/fpd_thunder_to_resnet18_(w48|unlabelled_lspet_128)'),
    ('[trained](benchmarks/fpd.md)', r'fpd/lspet/(?!moving_average)|quickstart/fpd_'),
    ('[trained](benchmarks/simdr.md)', r'simdr/lspet/'),
    ('[trained](benchmarks/dwpose.md)', r'/synthetic/(?!.*(body-feet|face-hands))'
                                        r'|/movenet/lspet/(simcc_(resnet18_lspet|thunder)|dwpose_)'),
    ('[trained](benchmarks/quickstart.md)', r'quickstart/(?!fpd_)'),
)
"""What is checked beside building the recipe, and the paths for which it is; the words are explained on the page."""

HEAD = """# All recipes

Every config in `configs/` that is trained, without the files in `_base_` folders. `docs/make_recipes.py` writes this
page from the configs, and a test compares both.

- **parameters, MACs**: of the student, for one image without flip test; a multiply-add is one MAC. `distilpose flops
  CONFIG` prints the same, and `--by-module` the table for each module.
- **published**: the figure of the publication, on the validation images of the data set in the name (DWPose: whole
  body, COCO-WholeBody). None of them was reproduced here: that takes the data sets and days of GPUs.
- **checked here**: every recipe is built and takes one step, or is traced if it is large. In addition:
  - *outputs*: outputs equal those of the published code, for the same weights;
  - *losses*: losses equal those of the published code, for the same outputs;
  - *counts*: parameters and multiply-adds equal the published table or the published code's counter;
  - *trained*: a training on a small data set is described on the linked page.

  How close, and by which test: [parity](parity.md).
"""


def recipes() -> list[Path]:
    """Paths of all configs that are trained, in order; plans of trainings are none."""
    return sorted(path for path in CONFIGS.rglob('*.py')
                  if not {'_base_', 'plans'} & set(path.relative_to(CONFIGS).parts))


def row(path: Path) -> str:
    """The line of the table about a config."""
    cfg = read_config(path)
    with torch.device('meta'):
        cost = measure(cfg, style=STYLES['mmcv'])
    width, height = cost.input_size
    cells = (f'[{path.stem}]({PurePath("..", path.relative_to(PROJECT_ROOT))})', f'{height}x{width}',
             f'{cost.params.all / 1e6:.3f}', f'{cost.macs / 1e9:.3f}', _published(path), _checked(path),
             _teacher(cfg.model))
    return f'| {" | ".join(cells)} |'


def _teacher(model: dict) -> str:
    return ', '.join(PurePath(str(spec.get('config') or spec.get('file') or spec.get('type'))).stem
                     for _, spec in named_teachers(model).values())


def _published(path: Path) -> str:
    name = str(path.with_suffix(''))
    return next((f'[{figure}]({page})' for end, (figure, page) in PUBLISHED.items() if name.endswith(end)), '')


def _checked(path: Path) -> str:
    if '_fast_' in path.stem:  # rounds otherwise
        return ''
    return ', '.join(word for word, where in CHECKED if re.search(where, str(path.with_suffix(''))))


def page() -> Iterator[str]:
    """The page, in pieces."""
    yield HEAD
    paths = recipes()
    for folder, (title, more) in GROUPS.items():
        yield f'\n## {title}\n\n`configs/{folder}/`: {more}.\n\n'
        yield '| config | height x width | parameters (M) | MACs (G) | published | checked here | teacher |\n'
        yield '|---|---|---:|---:|---|---|---|\n'
        yield from (f'{row(path)}\n' for path in paths if path.is_relative_to(CONFIGS / folder))


if __name__ == '__main__':
    PAGE.write_text(''.join(page()))
