"""A small server that talks as UUServer does: a thread for each call, pickled results, nothing kept over a restart.

Written for the tests from the description of the protocol (section 3 of the HTTP notes). It prints `port N` once it listens.

    uuserver_like.py [--port N] [--protocol N] [--without DEVICE] [--bad] [--spectrometer]

--protocol: of the pickles; left out, the default of this Python. --without: leaves a device out. --bad: one device more, `bad`, whose
results no client should believe. --spectrometer: one more that measures from `start` to `stop`.
"""
import argparse
import itertools
import json
import logging
import os
import pickle
import threading
import time

import numpy
from flask import Flask, Response, request
from werkzeug.serving import make_server

RUNNING = 'Device running'


class Dummy:
    """As the project's own dummy device: slow, and honest."""

    def __init__(self, name):
        self.name = name

    def initialize(self):
        return True

    def idn(self):
        time.sleep(2)
        return 'SN: 123456789'

    def measure(self, n):
        time.sleep(n / 1000)
        return numpy.random.random(n)


class Lab:
    """Paths that the dummy cannot reach."""

    def __init__(self):
        self.name = 'lab'
        self.gain = 4
        self._count = itertools.count(1)

    def add(self, a, b):
        return a + b

    def big(self):
        return 2**100 + 1

    def count(self):
        return next(self._count)

    def counts(self):
        return numpy.array([1, 2, 3], dtype='int32')

    def echo(self, value):
        return value

    def fail(self):
        raise RuntimeError('instrument on fire')

    def flaky(self, works):
        if not works:
            raise RuntimeError('not today')
        return 'fine'

    def idn(self):
        return 'LAB,MODEL-7,SN42,1.0'

    def image(self):
        return numpy.array([[0, 1, 2], [3, 4, 5]], dtype='uint16')

    def initialize(self):
        return True

    def mask(self):
        return numpy.array([True, False])

    def notanumber(self):
        return [float('nan'), float('inf'), float('-inf'), -0.0]

    def nothing(self):
        return None

    def pair(self):
        return (1, 'two')

    def ramp(self, n):
        return numpy.arange(n) * 0.25

    def raw(self):
        return bytearray(b'\x00\x01\x02\xfe\xff')

    def scalar(self):
        return numpy.float64(1.5)

    def get_gain(self):
        return self.gain

    def set_gain(self, gain):
        self.gain = int(gain)
        return self.gain

    def slow(self, ms):
        time.sleep(ms / 1000)
        return 'slept %d' % ms

    def status(self):
        return {'gain': self.gain, 'ready': True, 'temps': [21.5, 22.0], 'note': None}

    def text(self):
        return '\u00b5m \u03a9 \u6e2c\u5b9a'

    def trace(self):
        return [0.0, 0.25, 0.5, 0.75, 1.0]

    def unpicklable(self):
        return threading.Lock()


class Bomb:
    """Whoever loads its pickle with Python runs a program."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


class Bad:
    def bomb(self, command):
        return Bomb(command)

    def huge(self, n):
        return b'x' * n

    def number(self):
        return 1j

    def idn(self):
        return 'BAD'


class Spectrometer:
    """A measurement goes on until it is ended. Where one runs, there is no other."""

    def __init__(self):
        self._session = None

    def start(self, arguments):
        if self._session is not None:
            raise RuntimeError('measures for %s' % self._session)
        self._session = arguments['session']
        return {'measures': self._session}

    def stop(self):
        ended, self._session = self._session, None
        return {'ended': ended}

    def get_session(self):
        return '' if self._session is None else self._session


class UUServerLike:
    def __init__(self, devices, protocol):
        self.devices = devices
        self.protocol = protocol
        self.threads = {}
        self.results = {}
        app = Flask(__name__, static_folder=None)
        app.add_url_rule('/', view_func=self.root)
        app.add_url_rule('/List', view_func=self.list)
        app.add_url_rule('/Devices/<name>', view_func=self.page)
        app.add_url_rule('/Trigger', view_func=self.trigger, methods=['POST'])
        app.add_url_rule('/Read', view_func=self.read, methods=['GET', 'POST'])
        self.app = app

    def methods(self, device):
        public = (name for name in dir(device) if not name.startswith('_'))
        return sorted(name for name in public if callable(getattr(device, name)))

    def root(self):
        return 'The server is up and running'

    def list(self):
        return json.dumps({name: self.methods(device) for name, device in self.devices.items()})

    def page(self, name):
        if name not in self.devices:
            return 'Device not found, please register it with add_device'
        return 'Main page of device %s%s' % (name, self.methods(self.devices[name]))

    def trigger(self):
        asked = json.loads(request.get_data())
        name = str(asked['name'])
        if name not in self.devices:
            return json.dumps({'Message': 2})
        method = getattr(self.devices[name], asked['method'])
        if not callable(method):
            return json.dumps({'Message': 1})
        arguments = asked['arguments']
        key = (name, asked['method'])
        if key in self.threads and self.threads[key].is_alive():
            return json.dumps({'Message': 3})
        thread = threading.Thread(target=self.run, args=(key, method, arguments), daemon=True)
        self.threads[key] = thread
        thread.start()
        return json.dumps({'Message': 0})

    def run(self, key, method, arguments):
        try:
            self.results[key] = method() if arguments is None else method(arguments)
        except Exception as error:  # the last good result stays, as in the original
            print('%s.%s: %s' % (key + (error,)), flush=True)

    def read(self):
        asked = request.args if request.method == 'GET' else json.loads(request.get_data())
        key = (asked['name'], asked['method'])
        value = RUNNING if self.threads[key].is_alive() else self.results[key]
        return Response(pickle.dumps(value, self.protocol), content_type='text/html; charset=utf-8')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--port', type=int, default=0)
    parser.add_argument('--protocol', type=int, default=None)
    parser.add_argument('--without', action='append', default=[])
    parser.add_argument('--bad', action='store_true')
    parser.add_argument('--spectrometer', action='store_true')
    options = parser.parse_args()
    logging.getLogger('werkzeug').setLevel(logging.ERROR)
    devices = {'d': Dummy('d'), 'laser 2': Dummy('laser 2'), 'lab': Lab()}
    if options.bad:
        devices['bad'] = Bad()
    if options.spectrometer:
        devices['spectrometer'] = Spectrometer()
    for name in options.without:
        del devices[name]
    server = UUServerLike(devices, options.protocol)
    server.app.logger.setLevel(logging.CRITICAL)
    listener = make_server('127.0.0.1', options.port, server.app, threaded=True)
    print('port %d' % listener.server_port, flush=True)
    listener.serve_forever()


main()
