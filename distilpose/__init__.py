"""distilpose: distilling human pose estimators, as a plug-in to mmpose.

Importing the package makes the host stack usable (:mod:`distilpose.host`) and registers
every part with mmpose's registries, so ``custom_imports = dict(imports=['distilpose'])`` is
all that a config needs.
"""

import gc

_collects = gc.isenabled()
gc.disable()  # imports make many objects and hardly any garbage: the collector takes a fifth of their time
try:
    from . import host, renamed

    host.apply()
    renamed.forward_modules()

    from . import codecs, datasets, distillation, engine, evaluation, models
finally:
    if _collects:
        gc.enable()

__all__ = ['codecs', 'datasets', 'distillation', 'engine', 'evaluation', 'host', 'models']
__version__ = '0.2.0'
