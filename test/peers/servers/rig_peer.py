"""A rig, an experiment PC, or an experiment PC with several rigs, from the command line. Each line that it prints is JSON and says what happened.

    rig_peer.py rig [--uri udp://127.0.0.1:0] [--behave WORD] [--on EVENT=WORD]... [--delay SECONDS] [--exp-ref REF] [--main-sync]
                    [--cleanup 16] [--login URL USER TOKEN]
    rig_peer.py controller URI STEP...           [--answer-within 10] [--pause SECONDS] [--sessions 1] [--go-on] [--stdin] [--login ...]
    rig_peer.py services --rig NAME=URI... STEP... [--sequential] and the same

What a rig does with a message after its echo: iblrig (the default: answers as the camera rig of section 2.1), same (the same data back), silent,
raise (a listener fails, so a report goes out). --delay: seconds until it answers. Lines on its standard input are messages of its own, such as
[32, 20], for the controller that spoke last. `{"what": "listening", "uri": …, "port": …}` is the first line.

A STEP is a word, or WORD=ARGUMENT; with `!` after the word the echo is enough.

    info[=DATA]  init[=DATA]  start=REF or start=[REF, DATA]  stop[=DATA]  interrupt[=DATA]  cleanup[=DATA]  status[=CONNECTED or number]
    alyx=[URL, {USER: {"token": …}}] hands a login over; alyx=[URL, {}] asks for one
    send=TEXT    any text, no answer waited for           await=EVENT  the next message of this event
    wait=SECONDS

DATA is JSON. Steps come from the command line, or with --stdin one on each line. The first that fails ends it with exit code 1, but with --go-on or
--stdin not. --pause: before each message, which TCP needs (section 8). --sessions: all the steps so many times, each time with a new socket.
Lines of `done` carry the answer, `echo` and `seconds` of each step, `failed` the error. With --login a question for that URL is answered.
"""
import argparse
import asyncio
import json
import sys
import threading

from rig_protocol import EVENTS, STATUS, Communicator, Services, encode

STEPS = {
    'init': 'EXPINIT', 'start': 'EXPSTART', 'stop': 'EXPEND', 'cleanup': 'EXPCLEANUP', 'interrupt': 'EXPINTERRUPT', 'status': 'EXPSTATUS',
    'info': 'EXPINFO', 'alyx': 'ALYX'
}


def tell(what, **more):
    print(json.dumps({'what': what, **more}), flush=True)


class Rig:
    """State and answers of a rig. `statuses`: what each event makes of its status."""

    statuses = {'EXPINIT': 10, 'EXPSTART': 20, 'EXPEND': 30, 'EXPINTERRUPT': 30, 'EXPCLEANUP': 0}

    def __init__(self, options):
        self.options = options
        self.status = 0
        self.exp_ref = options.exp_ref
        self.behaviours = dict.fromkeys(EVENTS, options.behave)
        self.behaviours.update(word.split('=', 1) for word in options.on)
        self.tasks = set()

    async def open(self):
        self.end = await Communicator.rig(self.options.uri, tell)
        for event in EVENTS:
            self.end.on(event, lambda elements, addr, event=event: self.serve(event, elements, addr))

    def serve(self, event, elements, addr):
        behaviour = self.behaviours[event]
        if behaviour == 'raise':
            raise RuntimeError('%s is broken here' % event)
        if event == 'EXPINIT' and isinstance(elements[0], dict):
            self.exp_ref = elements[0].get('exp_ref', self.exp_ref)
        if event == 'EXPSTART' and elements[0] is not None:
            self.exp_ref = elements[0]
        self.status = self.statuses.get(event, self.status)
        answer = elements if behaviour == 'same' else self.answer(event, elements) if behaviour == 'iblrig' else None
        if answer is not None:
            number = self.options.cleanup if event == 'EXPCLEANUP' and behaviour == 'iblrig' else EVENTS[event]
            self.do(self.tell_later(encode(number, answer), event, addr))

    def answer(self, event, elements):
        info = {
            'exp_ref': self.exp_ref, 'main_sync': self.options.main_sync, 'experiment_description': {}, 'master': False, 'rig_version': '8.24.0',
            'spec_version': '1.0.0'
        }
        if event == 'ALYX':
            return answer_alyx(self.options.login, elements)
        return {
            'EXPINIT': [self.status, info],
            'EXPSTART': [self.exp_ref, {**info, 'status': self.status}],
            'EXPSTATUS': [self.status],
            'EXPINFO': [self.status, info]
        }.get(event, [{**info, 'status': self.status}])

    async def tell_later(self, message, event, addr):
        if self.options.delay:
            await asyncio.sleep(self.options.delay)
        try:
            seconds = await self.end.send(message, addr)
            tell('answered', event=event, message=json.loads(message), echo=seconds)
        except (OSError, RuntimeError) as error:
            tell('failed', event=event, error=type(error).__name__, message=str(error))

    def do(self, work):
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def run(self):
        await self.open()
        async for line in lines():
            if self.end.known:
                self.do(self.tell_later(encode(*split(json.loads(line))), 'own', self.end.known[-1]))
        await asyncio.Future()


def answer_alyx(login, elements):
    """Who is asked for a login answers only when it has one for this URL (section 6); what is handed over gets no answer."""
    url, tokens = elements[0], elements[1] if len(elements) > 1 else {}
    if login is None or tokens or url not in (None, login[0]):
        return None
    return [login[0], {login[1]: {'token': login[2]}}]


def split(message):
    return message[0], message[1:]


async def lines():
    """Lines of the standard input. A thread reads them, as it may be anything."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue()

    def read():
        for line in sys.stdin:
            loop.call_soon_threadsafe(queue.put_nowait, line.strip())
        loop.call_soon_threadsafe(queue.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    while (line := await queue.get()) is not None:
        if line:
            yield line


def message_of(word, text):
    """The elements of a step's message (section 2.1)."""
    if word == 'start':
        value = json.loads(text) if text.startswith('[') else text or None
        return list(value) if isinstance(value, list) else [value, None]
    if word == 'status':
        return [STATUS[text] if text in STATUS else int(text or 0)]
    data = json.loads(text) if text else None
    if word == 'alyx':
        return data if isinstance(data, list) else [data, {}]
    return [0, data] if word == 'info' else [data]


class Controller:
    """An experiment PC with one rig, or with several."""

    def __init__(self, options):
        self.options = options
        self.ends = {}
        self.failed = False

    async def open(self):
        rigs = [each.split('=', 1) for each in self.options.rig]
        for name, uri in rigs:
            told = tell if len(rigs) == 1 else lambda what, name=name, **more: tell(what, rig=name, **more)
            end = self.ends[name] = await Communicator.controller(uri, told)
            if self.options.login is not None:
                end.on('ALYX', lambda elements, addr, end=end: self.alyx(end, elements))
        self.services = Services(self.ends, self.options.sequential, self.options.answer_within)

    def alyx(self, end, elements):
        answer = answer_alyx(self.options.login, elements)
        if answer is not None:
            self.task = asyncio.get_running_loop().create_task(end.send(encode(EVENTS['ALYX'], answer)))

    async def run(self):
        """True when every step went well."""
        for _ in range(self.options.sessions):
            try:
                await self.open()
            except OSError as error:
                tell('failed', step='open', error=type(error).__name__, message=str(error))
                return False
            if self.options.stdin:
                async for line in lines():
                    await self.step(line)
            for step in self.options.steps:
                if not self.failed or self.options.go_on:
                    await self.step(step)
            for end in self.ends.values():
                end.close('end')
        return not self.failed

    async def step(self, step):
        word, _, text = step.partition('=')
        started = asyncio.get_running_loop().time()
        try:
            more = await self.carry_out(word.rstrip('!'), text, not word.endswith('!'))
            tell('done', step=word, seconds=asyncio.get_running_loop().time() - started, **more)
        except (OSError, RuntimeError, asyncio.CancelledError) as error:
            self.failed = True
            tell('failed', step=word, error=type(error).__name__, message=str(error), seconds=asyncio.get_running_loop().time() - started)

    async def carry_out(self, word, text, wants_answer):
        if word == 'wait':
            await asyncio.sleep(float(text))
            return {}
        if self.options.pause:
            await asyncio.sleep(self.options.pause)
        only = next(iter(self.ends.values()))
        if word == 'await':
            return {'answer': await asyncio.wait_for(only.expect(text), self.options.answer_within)}
        if word == 'send':
            return {'echo': await only.send(text.encode())}
        event, elements = STEPS[word], message_of(word, text)
        message = encode(EVENTS[event], elements)
        if len(self.ends) > 1 and wants_answer:
            return {'answer': await self.services.ask(event, message)}
        wants_answer = wants_answer and not (event == 'ALYX' and elements[1])
        echoes, answers = {}, {}
        for name, end in self.ends.items():
            future = end.expect(event) if wants_answer else None
            echoes[name] = await end.send(message)
            if future is not None:
                answers[name] = await self.services.answer(name, future, self.options.answer_within)
        if len(self.ends) > 1:
            return {'echo': echoes}
        return {'echo': echoes[name], **({'answer': answers[name]} if answers else {})}


def arguments():
    parser = argparse.ArgumentParser()
    roles = parser.add_subparsers(dest='role', required=True)
    rig = roles.add_parser('rig')
    rig.add_argument('--uri', default='udp://127.0.0.1:0')
    rig.add_argument('--behave', default='iblrig', choices=['iblrig', 'same', 'silent', 'raise'])
    rig.add_argument('--on', action='append', default=[])
    rig.add_argument('--delay', type=float, default=0)
    rig.add_argument('--exp-ref')
    rig.add_argument('--main-sync', action='store_true')
    rig.add_argument('--cleanup', type=int, default=EVENTS['EXPCLEANUP'])
    for name in ('controller', 'services'):
        role = roles.add_parser(name)
        if name == 'controller':
            role.add_argument('uri')
        else:
            role.add_argument('--rig', action='append', required=True)
        role.add_argument('steps', nargs='*')
        role.add_argument('--sequential', action='store_true')
        role.add_argument('--answer-within', type=float, default=10)
        role.add_argument('--pause', type=float, default=0)
        role.add_argument('--sessions', type=int, default=1)
        role.add_argument('--go-on', action='store_true')
        role.add_argument('--stdin', action='store_true')
    for role in roles.choices.values():
        role.add_argument('--login', nargs=3, metavar=('URL', 'USER', 'TOKEN'))
    # Steps may stand before, behind and between options, which argparse does not know.
    options, more = parser.parse_known_args()
    for word in more:
        if word.startswith('-') or options.role == 'rig':
            parser.error('%s is unknown' % word)
    if options.role == 'controller':
        options.rig = ['rig=' + options.uri]
    if options.role != 'rig':
        options.steps += more
    return options


async def main():
    options = arguments()
    role = Rig(options) if options.role == 'rig' else Controller(options)
    return 0 if await role.run() else 1


if __name__ == '__main__':
    sys.exit(asyncio.run(main()))
