"""Lazy imports of the host: what its modules import at the top, and a training does not use, loads at its first use.

``mmengine.runner`` imports torch's FSDP, and sympy with it; mmpose imports scipy.stats, matplotlib and munkres, each
for a name or two. While such a module is imported, a lazy module is in ``sys.modules`` for what it imports, unless that
is loaded already. Afterwards the lazy module is removed: the module has a :class:`LazyObject` for a name that its
functions use, and a ``__getattr__`` (PEP 562) for a class that it only re-exports.
"""

from __future__ import annotations

import functools
import importlib
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from types import ModuleType
from typing import Any

USED: dict[str, tuple[str, str]] = {
    'mmpose.codecs.associative_embedding': ('munkres', 'Munkres'),
    'mmpose.datasets.datasets.body.mpii_dataset': ('scipy.io', 'loadmat'),
    'mmpose.datasets.transforms.bottomup_transforms': ('scipy.stats', 'truncnorm'),
    'mmpose.datasets.transforms.common_transforms': ('scipy.stats', 'truncnorm'),
    'mmpose.visualization.local_visualizer_3d': ('matplotlib', 'pyplot'),
    'mmpose.visualization.simcc_vis': ('torchvision.transforms', 'ToPILImage'),
}
"""Module -> what it imports, and the name of it that its functions use."""
PASSED_ON: dict[str, tuple[str, str]] = {
    'mmengine.model': ('mmengine.model.wrappers.fully_sharded_distributed', 'MMFullyShardedDataParallel'),
    'mmengine.model.wrappers': ('mmengine.model.wrappers.fully_sharded_distributed', 'MMFullyShardedDataParallel'),
    'mmengine.optim': ('mmengine.optim.optimizer.zero_optimizer', 'ZeroRedundancyOptimizer'),
    'mmengine.optim.optimizer': ('mmengine.optim.optimizer.zero_optimizer', 'ZeroRedundancyOptimizer'),
    'mmengine.runner': ('mmengine.runner._flexible_runner', 'FlexibleRunner'),
}
"""Package -> a module, and the class of it that the package passes on."""
_REGISTRIES = ('model_wrapper', 'optimizer', 'optim_wrapper', 'optimizer_wrapper', 'runner', 'strategy')
"""Names of registries in which the modules of :data:`PASSED_ON`, and what they import, register types."""
_REGISTER_IN_PLACE_OF_OTHERS = ('colossalai', 'deepspeed')
"""Packages whose optimizers mmengine registers when it imports FlexibleRunner."""
_IMPORTING = threading.local()


class LazyObject:
    """An object of a module that is imported when the object is first used.

    Args:
        module: that has the object.
        name: of the object in it.
    """

    def __init__(self, module: str, name: str) -> None:
        self._place = module, name

    def _load(self) -> Any:
        module, name = self._place
        loaded = importlib.import_module(module)
        return getattr(loaded, name) if hasattr(loaded, name) else importlib.import_module(f'{module}.{name}')

    def __getattr__(self, name: str) -> Any:
        if name == '_place':  # of an object that copy or pickle makes
            raise AttributeError(name)
        return getattr(self._load(), name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._load()(*args, **kwargs)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self._load())

    def __subclasscheck__(self, subclass: type) -> bool:
        return issubclass(subclass, self._load())

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self._load(), )

    def __reduce__(self) -> tuple[Any, ...]:
        return LazyObject, self._place

    def __repr__(self) -> str:
        return f'<{".".join(self._place)}, not used yet>'


class _LazyModule(ModuleType):
    """A module with one or more lazy objects; reading any other name imports the module."""

    def __init__(self, name: str, **objects: Any) -> None:
        super().__init__(name)
        self.__dict__.update(objects, __path__=_Path(self))

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__'):
            raise AttributeError(name)
        self._give_way()
        return LazyObject(self.__name__, name)._load()

    def _give_way(self) -> ModuleType:
        """Imports the module."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return importlib.import_module(self.__name__)


class _Path(list[str]):
    """``__path__`` of a lazy module, which is read when another module of the package is imported."""

    def __init__(self, module: _LazyModule) -> None:
        super().__init__()
        self._module = module

    def __iter__(self) -> Iterator[str]:
        return iter(self._module._give_way().__path__)


class _PassedOn:
    """``__getattr__`` of a package that passes on a class of a module, which is imported when it is asked for."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._module, self._name = PASSED_ON[package]

    def __call__(self, name: str) -> Any:
        if f'{self._package}.{name}' == self._module:
            return importlib.import_module(self._module)
        if name != self._name:
            raise AttributeError(f'module {self._package!r} has no attribute {name!r}')
        lazy = LazyObject(self._module, name)
        if getattr(_IMPORTING, 'package', None) in PASSED_ON:  # a package above this one, which passes it on too
            return lazy
        value = lazy._load()
        setattr(sys.modules[self._package], name, value)
        return value


@contextmanager
def lazy_modules(objects: Mapping[str, Mapping[str, Any]]) -> Iterator[None]:
    """While open, modules that are not loaded are lazy modules with these objects.

    Args:
        objects: module -> name -> object.
    """
    made = {name: _LazyModule(name, **of_module) for name, of_module in objects.items() if name not in sys.modules}
    sys.modules.update(made)
    try:
        yield
    finally:
        for name, module in made.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


class _Finder(MetaPathFinder):
    """Wraps the execution of some modules.

    Args:
        names: of the modules.
        execute: is called with the loader's ``exec_module`` and the module.
    """

    def __init__(self, names: Iterable[str], execute: Callable[[Callable[[ModuleType], None], ModuleType], None]
                 ) -> None:
        self.names, self.execute = frozenset(names), execute

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in self.names:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = functools.partial(  # type: ignore[method-assign]
                self.execute, spec.loader.exec_module)
        return spec


def when_imported(names: Iterable[str], execute: Callable[[Callable[[ModuleType], None], ModuleType], None]) -> None:
    """Has modules executed by a function, when they are imported from now on.

    Args:
        names: of the modules.
        execute: is called with a function that executes a module, and the module.
    """
    sys.meta_path.insert(0, _Finder(names, execute))


def import_lazily() -> None:
    """Lets the modules of :data:`USED` and :data:`PASSED_ON` that are not imported yet import lazily."""
    registers_others = any(find_spec(name) is not None for name in _REGISTER_IN_PLACE_OF_OTHERS)
    names = {*USED, *PASSED_ON} - ({'mmengine.runner'} if registers_others else set())
    when_imported(names, _execute)
    from mmengine.registry import Registry

    original = Registry.get

    @functools.wraps(original)
    def get(self: Registry, key: str) -> Any:
        found = original(self, key)
        if found is None and self._get_root_registry().name in _REGISTRIES and _load_passed_on():
            found = original(self, key)
        return found

    Registry.get = get


def _load_passed_on() -> bool:
    """Imports all modules of :data:`PASSED_ON`; False if they were."""
    missing = [module for module, _ in PASSED_ON.values() if module not in sys.modules]
    for module in missing:
        importlib.import_module(module)
    return bool(missing)


def _execute(execute: Callable[[ModuleType], None], module: ModuleType) -> None:
    """Executes a module of :data:`USED` or :data:`PASSED_ON`."""
    package, name = (PASSED_ON if module.__name__ in PASSED_ON else USED)[module.__name__]
    outer, _IMPORTING.package = getattr(_IMPORTING, 'package', None), module.__name__
    try:
        with lazy_modules({package: {name: LazyObject(package, name)}}):
            execute(module)
    finally:
        _IMPORTING.package = outer
    if module.__name__ in PASSED_ON and isinstance(vars(module).get(name), LazyObject):
        delattr(module, name)
        module.__getattr__ = _PassedOn(module.__name__)  # type: ignore[method-assign]
