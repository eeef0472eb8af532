"""A furnace as the programs of PyExpLabSys serve it: a DateDataPullSocket that tells its temperature and its setpoint, and a DataPushSocket
that takes the setpoint. It is an ideal furnace: its temperature is its setpoint.

Written for the tests from the description of the protocol, standard library only. It prints {"pull": PORT, "push": PORT} once it listens.
"""
import json
import selectors
import socket
import time

TYPES = {'int': int, 'float': float, 'str': str, 'bool': lambda text: {'True': True, 'False': False}[text]}
values = {'temperature': (time.time(), 20.0), 'setpoint': (time.time(), 20.0)}


def pull(command):
    now = time.time()
    values['temperature'] = (now, values['setpoint'][1])
    if command == 'name':
        return 'Furnace'
    if command == 'json_wn':
        return json.dumps(values)
    if command == 'codenames_json':
        return json.dumps(list(values))
    name, _, form = command.partition('#')
    if name in values and form == 'json':
        return json.dumps(values[name])
    if name in values and form == 'raw':
        return '%s,%s' % values[name]
    return 'UNKNOWN_COMMMAND'


def push(command):
    if command == 'name':
        return 'RET#Furnace'
    form, _, data = command.partition('#')
    try:
        if form == 'json_wn':
            pushed = json.loads(data)
        elif form == 'raw_wn':
            parts = (part.split(':') for part in data.split(';'))
            pushed = {name: TYPES[kind](text) for name, kind, text in parts}
        else:
            return 'ERROR#UNKNOWN_COMMMAND'
        unknown = [name for name in pushed if name != 'setpoint']
    except (ValueError, KeyError, TypeError) as error:
        return 'ERROR#%r' % error
    if unknown:
        return 'ERROR#there is no %s' % unknown[0]
    for name, value in pushed.items():
        values[name] = (time.time(), float(value))
    return 'ACK#%r' % pushed


def listen():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(('127.0.0.1', 0))
    return sock


selector = selectors.DefaultSelector()
sockets = {'pull': (listen(), pull), 'push': (listen(), push)}
for each in sockets.values():
    selector.register(each[0], selectors.EVENT_READ, each)
print(json.dumps({name: sock.getsockname()[1] for name, (sock, _) in sockets.items()}), flush=True)
while True:
    for key, _ in selector.select():
        sock, answer = key.data
        datagram, sender = sock.recvfrom(8192)
        sock.sendto(answer(datagram.decode('ascii')).encode('ascii'), sender)
