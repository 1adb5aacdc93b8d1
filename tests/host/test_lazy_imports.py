"""Lazy imports of the host: what is not used is not imported, and what is used is the real thing."""

from __future__ import annotations

import pickle
import sys
from types import ModuleType
from typing import Any

import pytest

from distilpose.host import lazy_imports
from distilpose.host.lazy_imports import LazyObject, lazy_modules
from tests.host.python import run

UNUSED = ('scipy', 'sympy', 'matplotlib', 'munkres', 'torchvision', 'torch._dynamo', 'torch.onnx',
          'torch.distributed.fsdp')


class TestLazyObject:
    def test_it_is_used_as_what_it_stands_for(self) -> None:
        lazy: Any = LazyObject('fractions', 'Fraction')
        assert lazy(1, 2) + lazy(1, 2) == 1
        assert lazy.from_float(0.5) == lazy(1, 2)
        assert isinstance(lazy(1, 2), lazy) and issubclass(type(lazy(1, 2)), lazy)

        class Part(lazy):
            pass

        assert Part(1, 2).denominator == 2 and Part.__bases__ == (type(lazy(1, 2)), )

    def test_it_may_be_a_module(self) -> None:
        assert LazyObject('json', 'decoder').JSONDecodeError is not None

    def test_it_is_pickled(self) -> None:
        assert pickle.loads(pickle.dumps(LazyObject('fractions', 'Fraction')))(1, 2).denominator == 2


class TestLazyModules:
    def test_they_are_gone_afterwards(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delitem(sys.modules, 'this', raising=False)
        with lazy_modules({'this': dict(s='text'), 'json': dict(loads=None)}):
            from this import s
            assert s == 'text'
            assert callable(sys.modules['json'].loads)  # loaded already
        assert 'this' not in sys.modules

    def test_other_names_import_the_module(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delitem(sys.modules, 'colorsys', raising=False)
        with lazy_modules({'colorsys': dict(rgb_to_hsv='lazy')}):
            from colorsys import rgb_to_hls
            assert rgb_to_hls(0, 0, 0) == (0, 0, 0)
            real = sys.modules['colorsys']
        assert sys.modules['colorsys'] is real and callable(real.rgb_to_hsv)

    def test_modules_of_their_package_import_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ('wsgiref', 'wsgiref.headers'):
            monkeypatch.delitem(sys.modules, name, raising=False)
        with lazy_modules({'wsgiref': dict(util='lazy')}):
            from wsgiref.headers import Headers
        assert Headers([]).items() == [] and hasattr(sys.modules['wsgiref'], '__file__')


def test_a_package_passes_on_a_class_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    package = ModuleType('package_of_this_test')
    monkeypatch.setitem(sys.modules, package.__name__, package)
    monkeypatch.setitem(lazy_imports.PASSED_ON, package.__name__, ('fractions', 'Fraction'))

    def execute(module: ModuleType) -> None:
        with lazy_modules({'fractions': {}}):
            vars(module)['Fraction'] = LazyObject('fractions', 'Fraction')

    lazy_imports._execute(execute, package)
    assert 'Fraction' not in vars(package)
    assert package.Fraction(1, 2).denominator == 2 and 'Fraction' in vars(package)
    with pytest.raises(AttributeError, match="module 'package_of_this_test' has no attribute 'Other'"):
        package.Other


def test_classes_are_registered_and_passed_on_as_without() -> None:
    from mmengine.registry import MODEL_WRAPPERS, OPTIMIZERS, RUNNERS, STRATEGIES
    from mmpose.registry import RUNNERS as RUNNERS_OF_MMPOSE

    flexible = RUNNERS_OF_MMPOSE.get('FlexibleRunner')
    from mmengine.model import MMFullyShardedDataParallel
    from mmengine.optim import ZeroRedundancyOptimizer
    from mmengine.runner import FlexibleRunner

    assert flexible is FlexibleRunner is RUNNERS.get('mmengine.runner.FlexibleRunner')
    assert MODEL_WRAPPERS.get('MMFullyShardedDataParallel') is MMFullyShardedDataParallel
    assert OPTIMIZERS.get('ZeroRedundancyOptimizer') is ZeroRedundancyOptimizer
    assert STRATEGIES.get('DDPStrategy').__name__ == 'DDPStrategy'
    assert OPTIMIZERS.get('NoSuchOptimizer') is None


def test_modules_of_a_package_are_its_attributes_as_without() -> None:
    import mmengine.model.wrappers
    import mmengine.runner

    assert mmengine.runner._flexible_runner is sys.modules['mmengine.runner._flexible_runner']
    assert mmengine.model.wrappers.fully_sharded_distributed.MMFullyShardedDataParallel is not None


def test_a_registry_below_has_the_classes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from mmengine.registry import OPTIMIZERS, Registry

    monkeypatch.setattr(OPTIMIZERS, '_children', {})
    below = Registry('optimizers of this test', parent=OPTIMIZERS, scope='this_test')
    assert below.get('ZeroRedundancyOptimizer') is not None


def test_names_that_functions_use_are_the_real_ones() -> None:
    from mmpose.codecs.associative_embedding import Munkres
    from mmpose.datasets.transforms.common_transforms import truncnorm

    assert truncnorm.rvs(-1, 1, size=3).min() >= -1
    assert list(Munkres().compute([[1.0, 2.0], [2.0, 1.0]])) == [(0, 0), (1, 1)]


@pytest.mark.slow
@pytest.mark.parametrize('switch', ['on', 'off'])
def test_the_package_imports_nothing_of_it(switch: str) -> None:
    code = f"""
        import gc, sys
        import distilpose
        assert gc.isenabled()
        print(sorted(set({UNUSED}) & set(sys.modules)))
    """
    result = run(code, DISTILPOSE_SPEEDUPS=switch)
    assert result.returncode == 0, result.stderr
    assert (result.stdout == '[]\n') == (switch == 'on'), result.stdout
