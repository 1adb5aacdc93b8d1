"""Default hooks that a config already names, under their key, under another one or among its custom hooks."""

from __future__ import annotations

from typing import Any

import pytest
from mmengine.config import Config

from distilpose.engine.default_hooks import add_default_hooks, change_hook, find_hook
from distilpose.engine.hooks import TeacherReportHook

NAMED = dict(type='TeacherReportHook', people=7)


@pytest.mark.parametrize('hooks', [
    dict(default_hooks=dict(teacher_report=NAMED)),
    dict(default_hooks=dict(report_of_mine=NAMED)),
    dict(custom_hooks=[dict(type='EMAHook'), NAMED]),
    dict(custom_hooks=[dict(NAMED, type=TeacherReportHook)]),
    dict(custom_hooks=[dict(NAMED, type='mmpose.TeacherReportHook')]),
], ids=['its key', 'another key', 'custom', 'a class', 'a scope'])
def test_a_named_hook_gets_the_arguments_and_stays_the_only_one(hooks: dict[str, Any]) -> None:
    cfg = Config(hooks)
    change_hook(cfg, 'teacher_report', strict=True)
    add_default_hooks(cfg)
    every = [*cfg.default_hooks.values(), *(cfg.get('custom_hooks') or ())]
    found = [hook for hook in every if 'Report' in str(hook['type'])]
    assert found == [find_hook(cfg, 'teacher_report')]
    assert (found[0]['people'], found[0]['strict']) == (7, True)


def test_a_hook_that_is_not_named_is_added_with_the_arguments() -> None:
    for default_hooks in (None, {}, dict(teacher_report=None)):
        cfg = Config(dict(default_hooks=default_hooks))
        assert find_hook(cfg, 'teacher_report') is None
        change_hook(cfg, 'teacher_report', strict=True)
        assert find_hook(cfg, 'teacher_report') == dict(type='TeacherReportHook', strict=True)
