"""From arguments to an exit code, without a command of the project."""

from __future__ import annotations

import argparse
import os
import signal
import time
import weakref
from typing import Any

import pytest

from distilpose.errors import DistilPoseError, Interrupted, MachineFailed
from distilpose_cli.command import (
    COMMAND_VARIABLE,
    LAUNCHERS,
    Command,
    WrongInput,
    add_cfg_options,
    is_first_local_process,
    read_options,
    resuming,
    run_tool,
)
from distilpose_cli.training import TRAIN


def command(run: Any, **more: Any) -> Command:
    return Command('Does it.', script='python tools/it.py', add_arguments=add_cfg_options, run=run, **more)


def options(*words: str) -> argparse.Namespace:
    return command(None).build_parser().parse_args(['--cfg-options', *words])


def test_the_launchers_are_those_of_the_package() -> None:
    from distilpose.engine import environment

    assert environment.LAUNCHERS == LAUNCHERS


def test_options_are_read_like_python_and_keep_spaces() -> None:
    found = read_options(options('a.b=1', 'c=None', 'd=(1,2)', 'e=[x,y]', 'f=my folder/x', 'g=True', 'h=a=b'))
    assert found == {'a.b': 1, 'c': None, 'd': (1, 2), 'e': ['x', 'y'], 'f': 'my folder/x', 'g': True, 'h': 'a=b'}
    assert read_options(argparse.Namespace(cfg_options=None)) == {}


def test_options_of_two_uses_are_collected() -> None:
    assert read_options(options('a=1', '--cfg-options', 'b=2', 'a=3')) == dict(a=3, b=2)


@pytest.mark.parametrize('word', ['model.depth', '=1'])
def test_a_word_without_a_value_is_refused(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        options(word)
    assert exit_.value.code == 2
    assert f'takes KEY=VALUE, for instance train_dataloader.batch_size=16; found {word!r}' in capsys.readouterr().err


def test_unbalanced_brackets_are_a_sentence_and_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    found = command(lambda args: read_options(args) and None).main(['--cfg-options', 'a=[1,(2]'], program='it')
    assert found == 2 and capsys.readouterr().err.startswith("it: the value '[1,(2]' of --cfg-options has unbalanced")


@pytest.mark.parametrize('error', [WrongInput('no config x'), DistilPoseError('no config x')])
def test_wrong_input_is_a_sentence(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(args: argparse.Namespace) -> None:
        raise error

    assert command(fail).main([], program='distilpose it') == 2
    assert capsys.readouterr().err == 'distilpose it: no config x\n'


def test_what_the_check_refuses_is_not_run() -> None:
    ran: list[argparse.Namespace] = []

    def refuse(args: argparse.Namespace) -> None:
        raise WrongInput('no')

    assert command(ran.append, check=refuse).main([]) == 2 and not ran
    assert command(ran.append).main([]) == 0 and len(ran) == 1


@pytest.mark.parametrize(('returned', 'code'), [(None, 0), (0, 0), (1, 1)])
def test_a_command_may_return_its_exit_code(returned: int | None, code: int) -> None:
    assert command(lambda args: returned).main([]) == code


@pytest.mark.parametrize(('program', 'line'), [
    (None, "python tools/it.py --cfg-options 'a=b c'"), ('distilpose it', "distilpose it --cfg-options 'a=b c'")])
def test_the_command_line_repeats_the_call(program: str | None, line: str,
                                           capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(args: argparse.Namespace) -> None:
        assert args.command_line == line
        raise KeyboardInterrupt

    stopped = command(interrupt, interrupted='Run {command} again.')
    assert stopped.main(['--cfg-options', 'a=b c'], program=program) == 130
    assert capsys.readouterr().err == f'Run {line} again.\n'


def test_interruption_names_the_way_on(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    assert run_tool(interrupt, program='train.py', interrupted=TRAIN.interrupted) == 130
    assert '--resume' in capsys.readouterr().err


def test_other_processes_wait_before_they_repeat_it(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setenv('LOCAL_RANK', '1')
    monkeypatch.setattr('time.sleep', waited.append)

    def fail() -> None:
        raise DistilPoseError('no')

    assert run_tool(fail, program='train.py', interrupted='') == 2
    assert waited and waited[0] >= 5 and not is_first_local_process()


def test_a_signal_in_a_callback_that_ignores_exceptions_is_not_lost(capsys: pytest.CaptureFixture[str]) -> None:
    """Such as those of weak references, which garbage collection runs while data sets are built."""
    def work() -> None:
        thing = type('Thing', (), {})()
        kept = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGTERM))
        del thing
        assert kept() is None
        time.sleep(2)
        lost.append(signal.SIGTERM)

    lost: list[signal.Signals] = []
    assert run_tool(work, program='it', interrupted='Interrupted.') == 143 and not lost
    assert capsys.readouterr().err == 'Received SIGTERM. Interrupted.\n'


@pytest.mark.parametrize(('name', 'code'), [('SIGTERM', 143), ('SIGINT', 130), ('SIGUSR1', 138)])
def test_a_signal_ends_a_command_with_a_sentence(name: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    number = getattr(signal, name)
    before = signal.getsignal(number)
    assert run_tool(lambda: os.kill(os.getpid(), number), program='it', interrupted='Interrupted. Again.') == code
    expected = 'Interrupted. Again.\n'
    assert capsys.readouterr().err == (expected if name == 'SIGINT' else f'Received {name}. {expected}')
    assert signal.getsignal(number) == before


def test_an_error_that_comes_from_the_signal_is_the_signal(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            raise RuntimeError('DataLoader worker (pid 7) is killed by signal: Terminated. ')

    assert run_tool(fail, program='it', interrupted='Interrupted.') == 143
    assert capsys.readouterr().err == 'Received SIGTERM. Interrupted.\n'


def test_the_command_that_resumes_follows_what_is_saved(capsys: pytest.CaptureFixture[str]) -> None:
    def stop() -> None:
        raise Interrupted(signal.SIGTERM, 'Stopped by SIGTERM.', checkpoint='iter_3.pth')

    def fail() -> None:
        raise MachineFailed('no memory.', checkpoint='iter_3.pth')

    assert run_tool(stop, program='it', interrupted='Interrupted.', resume='it --resume') == 143
    assert run_tool(fail, program='it', interrupted='Interrupted.', resume='it --resume') == 1
    assert capsys.readouterr().err == ('Stopped by SIGTERM. To go on: it --resume\n'
                                       'it: no memory. To go on: it --resume\n')


@pytest.mark.parametrize(('words', 'expected'), [
    ('train.py c.py --amp', 'train.py c.py --amp --resume'),
    ('train.py c.py --resume --amp', 'train.py c.py --amp --resume'),
    ('train.py c.py --resume auto --amp', 'train.py c.py --amp --resume'),
    ("train.py c.py --resume='my file.pth'", 'train.py c.py --resume'),
    ("train.py c.py --work-dir 'a b' --cfg-options x=1", "train.py c.py --work-dir 'a b' --cfg-options x=1 --resume"),
])
def test_the_command_line_that_resumes(words: str, expected: str) -> None:
    assert resuming(words, '--resume') == expected


def test_a_launcher_names_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(args: argparse.Namespace) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv(COMMAND_VARIABLE, 'tools/dist_it.sh c.py 2')
    assert command(interrupt, interrupted='Run {command} again.').main([]) == 130
    assert capsys.readouterr().err == 'Run tools/dist_it.sh c.py 2 again.\n'
