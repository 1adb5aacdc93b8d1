"""Results of a comparison: the cost of ONNX files and figures of result files, options of ``distilpose compare``."""

from __future__ import annotations

import argparse
from pathlib import Path

from .command import WrongInput

KINDS = ('cost', 'labels', 'families')
"""Those of :mod:`distilpose.compare.figures`."""
METRICS = ('pck', 'ap', 'mean_oks')


def add_results(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    add = parser.add_argument_group('cost and figures of results; nothing is trained').add_argument
    add('--cost', nargs=2, action='append', default=[], metavar=('MODEL', 'FILE'),
        help='a model of a plan, or a family, and its ONNX file; repeated, all are measured in turn: processor '
        'milliseconds of one crop on one thread, written to cost.json in --out, beside the result files')
    add('--figure', nargs='+', metavar=('KIND', 'RESULTS'), help='draw the result files of these folders as the SVG '
        'file --out: cost (quality over milliseconds, of cost.json), labels (over the share of labels) or families '
        '(bars); --only chooses models')
    add('--line', nargs='+', action='append', default=[], metavar=('NAME', 'PERCENT=MODEL'),
        help='with --figure labels: a line, and its model at each share of the labels; may be repeated')
    add('--metric', choices=METRICS, help='with --figure: what is drawn (default: pck)')


def check_results(args: argparse.Namespace, others: list[str]) -> bool:
    """Whether costs or a figure are asked for, with options that go together.

    Args:
        args: all options.
        others: flags that are given and are about trainings.

    Raises:
        WrongInput: options do not go together, or a file or folder is not there.
    """
    without = ['--line'] * bool(args.line) + ['--metric'] * bool(args.metric)
    if not (args.cost or args.figure):
        if without:
            raise WrongInput(f'{", ".join(without)} is about a figure, and there is none; add --figure KIND '
                             'RESULTS ...')
        return False
    flag = '--cost' if args.cost else '--figure'
    unused = [*others, *(['--figure'] if args.cost and args.figure else []), *(
        [*without, *(['--only'] * bool(args.only))] if args.cost else [])]
    if unused:
        raise WrongInput(f'{flag} does not go together with {", ".join(unused)}; leave out one or the other')
    if not args.out:
        raise WrongInput(f'{flag} needs --out, ' + ('the folder for cost.json' if args.cost else 'the SVG file'))
    for _, file in args.cost:
        if not Path(file).expanduser().is_file():
            raise WrongInput(f'--cost {file} is no file; expected an ONNX file of distilpose export')
    if args.figure:
        _check_figure(args)
    return True


def _check_figure(args: argparse.Namespace) -> None:
    kind, *folders = args.figure
    if kind not in KINDS:
        raise WrongInput(f'--figure {kind} is none of {", ".join(KINDS)}')
    if not folders:
        raise WrongInput(f'--figure {kind} names no folder of result files; add it')
    for folder in folders:
        if not Path(folder).expanduser().is_dir():
            raise WrongInput(f'--figure {kind} {folder}: there is no such folder; expected result files of '
                             'distilpose compare --plan')
    if Path(args.out).suffix != '.svg':
        raise WrongInput(f'--out is {args.out}; expected a file that ends in .svg')
    if (kind == 'labels') != bool(args.line):
        raise WrongInput('--figure labels needs --line NAME PERCENT=MODEL ... for every line' if kind == 'labels' else
                         f'--line is about --figure labels, and the figure is {kind}; leave it out')
    for words in args.line:
        _read_line(words)


def _read_line(words: list[str]) -> dict[float, str]:
    """Percent of the labels -> model."""
    points = {}
    for word in words[1:]:
        share, equals, model = word.partition('=')
        try:
            points[float(share.removesuffix('%'))] = model
        except ValueError:
            equals = ''
        if not (equals and model):
            raise WrongInput(f'--line {words[0]!r} has {word!r}; expected PERCENT=MODEL, such as 25=alone_25')
    if not points:
        raise WrongInput(f'--line {words[0]!r} has no points; expected PERCENT=MODEL after the name')
    return points


def run_results(args: argparse.Namespace) -> None:
    """Measures costs or draws a figure."""
    out = Path(args.out).expanduser().absolute()
    if args.cost:
        from distilpose.compare.cost import FILE, write_costs

        found = write_costs([(name, Path(file)) for name, file in args.cost], folder=out)
        for row in found['rows']:
            print(f'{row["name"]}: {row["milliseconds"]:.3g} ms, {row["parameters"] / 1e6:.3g} M parameters, '
                  f'{row["bytes"] / 1e6:.3g} MB')
        print(f'Costs: {out / FILE}')
        return
    from distilpose.compare.figures import FigureRequest, write_figure

    print('Figure: ' + str(write_figure(FigureRequest(
        args.figure[0], [Path(folder).expanduser().absolute() for folder in args.figure[1:]], out,
        only=args.only or (), lines={words[0]: _read_line(words) for words in args.line},
        figure=args.metric or METRICS[0]))))
