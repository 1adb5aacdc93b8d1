"""The compiler, imported when something is compiled."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from distilpose.host import lazy_compiler
from tests.host.python import run

STEPS = """
    import sys
    import distilpose, torch
    from distilpose.host.views import view_of
    from torch import nn

    def train(kind, compiled):
        torch.manual_seed(0)
        model = nn.Linear(3, 2)
        optimizer = kind(model.parameters(), lr=0.1)
        step = optimizer.step
        if compiled:
            step = torch.compile(lambda: optimizer.step(), backend='eager')
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(4, 3)).square().sum().backward()
            step()
        return model.weight.detach().clone()

    kinds = [torch.optim.SGD, torch.optim.AdamW]
    plain = [train(kind, compiled=False) for kind in kinds]
    assert view_of(nn.Linear(3, 2), extra=3).extra == 3
    assert 'torch._dynamo' not in sys.modules
    import torch._dynamo
    again = [train(kind, compiled=False) for kind in kinds]
    compiled = [train(kind, compiled=True) for kind in kinds]
    assert all(map(torch.equal, plain, again))
    torch.testing.assert_close(compiled, plain, rtol=1e-4, atol=1e-5)
    assert torch.compile(lambda: view_of(nn.Linear(3, 2), extra=3), backend='eager')().extra == 3
    print('fine')
"""


@pytest.mark.slow
def test_optimizers_work_without_it_and_compile_with_it() -> None:
    result = run(STEPS)
    assert result.stdout == 'fine\n', result.stderr


def test_functions_are_marked_once_also_after_an_import_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def function() -> None:
        pass

    def fail(module: ModuleType) -> None:
        raise ImportError('no sympy')

    module: Any = SimpleNamespace(disable=lambda function, *_, **__: 'marked')
    monkeypatch.setattr(lazy_compiler, '_MARKED', [function])
    lazy_compiler._call_directly(function)
    for _ in range(2):
        with pytest.raises(ImportError, match='no sympy'):
            lazy_compiler._mark_when_executed(fail, module)
    lazy_compiler._mark_when_executed(lambda module: None, module)
    assert vars(function) == {'__dynamo_disable': 'marked'}
