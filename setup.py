"""Installs the package ``distilpose``; the whole environment is the work of tools/setup_env.sh."""

import re
import shutil
import tempfile
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build import build
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
README = ROOT / 'README.md'

# What pip can resolve without a compiler. mmpose, mmengine, mmcv-lite, torchvision and OpenCV are not among it, because
# pip would then look at what they ask for: packages that do not build, or need libGL (docs/dependencies.md).
REQUIRES = [
    'addict>=2.4',
    'jinja2>=3.1',
    'json-tricks>=3.16',
    'matplotlib>=3.8',
    'munkres>=1.1.4',
    'numpy>=2.0,<3',
    'pillow>=10',
    'platformdirs>=3',
    'pycocotools>=2.0.8',
    'pyyaml>=6',
    'rich>=13',
    'safetensors>=0.4.3',
    'scipy>=1.13',
    'six>=1.16',
    'termcolor>=2',
    'torch>=2.6',
    'yapf>=0.40',
]

# Kept until this process ends, then deleted: what is built lies outside of the checkout, so that no wheel contains
# files of an earlier one.
BUILD = tempfile.TemporaryDirectory(prefix='distilpose-build-')


class BuildElsewhere(build):
    """Builds in a temporary folder."""

    def initialize_options(self):
        super().initialize_options()
        self.build_base = BUILD.name


class BuildWithConfigs(build_py):
    """Copies what a checkout has beside the package into its folder ``.mim``, where mmpose's wheel has the same."""

    def run(self):
        super().run()
        if self.editable_mode:  # the checkout itself is imported
            return
        folder = Path(self.build_lib, 'distilpose', '.mim')
        ignored = shutil.ignore_patterns('__pycache__', '*.pyc')
        shutil.copytree(ROOT / 'configs', folder / 'configs', ignore=ignored, dirs_exist_ok=True)
        shutil.copy(ROOT / 'requirements.txt', folder)


setup(
    name='distilpose',
    version=re.search(r"__version__ = '(.+?)'", (ROOT / 'distilpose' / '__init__.py').read_text())[1],
    description='Distilling 2D human pose estimators: a plug-in to mmpose.',
    author='The distilpose authors',
    license='Apache-2.0',
    license_files=['LICENSE'],
    keywords='human pose estimation, keypoint detection, knowledge distillation, mmpose, pytorch',
    project_urls={
        'Host (mmpose)': 'https://github.com/open-mmlab/mmpose',
        'DistilPose (CVPR 2023)': 'https://arxiv.org/abs/2303.02455',
        'FPD (CVPR 2019)': 'https://arxiv.org/abs/1811.05419',
        'DWPose (ICCVW 2023)': 'https://arxiv.org/abs/2307.15880',
        'SimDR (2021)': 'https://arxiv.org/abs/2107.03332',
    },
    long_description=README.read_text() if README.exists() else '',
    long_description_content_type='text/markdown',
    packages=find_packages(include=['distilpose', 'distilpose.*', 'distilpose_cli']),
    package_data={'distilpose': ['py.typed']},
    entry_points=dict(console_scripts=['distilpose = distilpose_cli.console:main']),
    cmdclass=dict(build=BuildElsewhere, build_py=BuildWithConfigs),
    python_requires='>=3.10',
    install_requires=REQUIRES,
    extras_require={
        'docs': ['furo>=2024.8', 'myst-parser>=4', 'sphinx>=8'],
        'fast': ['hotcoco==1.3.0', 'simplejpeg>=1.9'],
        'onnx': ['onnx>=1.16', 'onnxruntime>=1.17'],
        'onnx-gpu': ['onnx>=1.16', 'onnxruntime-gpu>=1.17'],  # the same module: never beside the one above
        'mlflow': ['mlflow>=3'],
        'tensorboard': ['tensorboard>=2.15'],
        'test': ['pytest>=8', 'pytest-xdist>=3.5', 'ruff>=0.8', 'mypy>=1.13'],
        'wandb': ['wandb>=0.16'],
    },
    classifiers=[
        'Development Status :: 4 - Beta',
        'Environment :: Console',
        'Environment :: GPU :: NVIDIA CUDA',
        'Intended Audience :: Developers',
        'Intended Audience :: Science/Research',
        'Operating System :: MacOS',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3 :: Only',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Programming Language :: Python :: 3.13',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
        'Topic :: Scientific/Engineering :: Image Recognition',
        'Typing :: Typed',
    ],
)
