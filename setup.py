"""Installs the package ``distilpose``; the whole environment is the work of tools/setup_env.sh."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
README = ROOT / 'README.md'

# What pip can resolve without a compiler. mmpose, mmengine, mmcv-lite, torchvision and OpenCV are not among it, because
# pip would then look at what they ask for: packages that do not build, or need libGL (docs/dependencies.md).
REQUIRES = [
    'addict>=2.4',
    'json-tricks>=3.16',
    'matplotlib>=3.8',
    'munkres>=1.1.4',
    'numpy>=2.0,<3',
    'pillow>=10',
    'platformdirs>=3',
    'pycocotools>=2.0.8',
    'pyyaml>=6',
    'rich>=13',
    'scipy>=1.13',
    'six>=1.16',
    'termcolor>=2',
    'torch>=2.6',
    'yapf>=0.40',
]

setup(
    name='distilpose',
    version=re.search(r"__version__ = '(.+?)'", (ROOT / 'distilpose' / '__init__.py').read_text())[1],
    description='Distilling 2D human pose estimators: a plug-in to mmpose.',
    long_description=README.read_text() if README.exists() else '',
    long_description_content_type='text/markdown',
    packages=find_packages(include=['distilpose', 'distilpose.*']),
    python_requires='>=3.10',
    install_requires=REQUIRES,
    extras_require={
        'fast': ['hotcoco==1.3.0', 'simplejpeg>=1.9'],
        'tensorboard': ['tensorboard>=2.15'],
        'test': ['pytest>=8', 'pytest-xdist>=3.5', 'ruff>=0.8', 'mypy>=1.13'],
    },
    classifiers=[
        'Programming Language :: Python :: 3',
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
)
