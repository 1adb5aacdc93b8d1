"""Several machines or processes: what can be known of their network before torch is imported and they wait."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import resource
import socket
import sys
from collections.abc import Sequence

from .command import WrongInput

_DESCRIPTORS, _LEAST_DESCRIPTORS = 65536, 64


def check_machines(arguments: Sequence[str]) -> None:
    """Checks torchrun's options of where machines meet, before any of them waits for the others.

    Args:
        arguments: torchrun's own arguments, without the script's.

    Raises:
        WrongInput: names the variable of the launch scripts.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name, default in (('nnodes', '1'), ('node_rank', '0'), ('master_addr', ''), ('master_port', '')):
        parser.add_argument(f'--{name}', f'--{name.replace("_", "-")}', default=default)
    args, _ = parser.parse_known_args(list(arguments))
    if not (args.nnodes.isdecimal() and args.master_addr):
        return  # torchrun chooses the place, or the number of machines may change
    nodes, rank = int(args.nnodes), _number('NODE_RANK', args.node_rank, 0, int(args.nnodes) - 1)
    port = _number('PORT', args.master_port or '29500', 1, 65535)
    address = _resolve(args.master_addr, port)
    if rank == 0:
        _check_port(port, nodes=nodes)
    if nodes > 1:
        print(f'Machine {rank} of 0 to {nodes - 1} meets the others at {args.master_addr}:{port}; it waits for them '
              'for JOIN_TIMEOUT seconds, 600 if that is not set.', file=sys.stderr, flush=True)
    if rank > 0 and not _answers(address):
        print('Nothing listens there yet: it has to be the address of the machine with NODE_RANK=0, where the same '
              'command runs with the same PORT.', file=sys.stderr, flush=True)


def check_interface() -> None:
    """Checks the variable that names the network interfaces of gloo.

    Raises:
        WrongInput: this machine has no such interface.
    """
    known = [name for _, name in socket.if_nameindex()]
    for name in filter(None, os.environ.get('GLOO_SOCKET_IFNAME', '').split(',')):
        if name not in known:
            raise WrongInput(f'GLOO_SOCKET_IFNAME names the network interface {name!r}, and this machine has '
                             f'{", ".join(known)}; name one of these, or unset the variable')


def check_descriptors() -> None:
    """Lets this process and those that it starts open as many files as the system allows.

    Raises:
        WrongInput: these are too few to start anything.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if 0 <= soft < most:
        with contextlib.suppress(OSError, ValueError):  # the system has another limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < _LEAST_DESCRIPTORS:
        raise WrongInput(f'a process may open {soft} files here, and at least {_LEAST_DESCRIPTORS} are needed; raise '
                         'the limit (ulimit -n 4096)')


def _number(name: str, text: str, least: int, most: int) -> int:
    if not (text.isdecimal() and least <= int(text) <= most):
        count = f', since NNODES is {most + 1}' if name == 'NODE_RANK' else ''
        raise WrongInput(f'{name} is {text!r}; it must be a whole number from {least} to {most}{count}')
    return int(text)


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple]:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise WrongInput(f'MASTER_ADDR is {host!r}, which cannot be resolved ({error.strerror or error}); set it to '
                           'the address of the machine with NODE_RANK=0, or leave it out for one machine') from error
    return family, address


def _check_port(port: int, *, nodes: int) -> None:
    """Refuses a port that another program listens on, or that is not for users."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was closed a moment ago is free
        try:
            probe.bind(('', port))
        except OSError as error:
            where = ' on all machines' if nodes > 1 else ', or leave it out'
            reason = 'in use by another program' if error.errno == errno.EADDRINUSE else f'refused ({error.strerror})'
            raise WrongInput(f'port {port}, where the processes meet, is {reason} on this machine; set PORT to '
                               f'another one{where}') from error


def _answers(address: tuple[socket.AddressFamily, tuple]) -> bool:
    with socket.socket(address[0]) as probe:
        probe.settimeout(3)
        with contextlib.suppress(OSError):
            probe.connect(address[1])
            return True
    return False
