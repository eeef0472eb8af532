"""The rig messages of laboratories as a real peer speaks them: strict, without mercy for itself, and deaf for good after one missing echo.

Written for the tests from the description of the protocol (sections 1 to 4 of the rig notes), standard library only. "Section" is one of
those notes. It is not how such a peer should be built (section 9 says that): it breaks where the originals break.
"""
import asyncio
import json
import re
import socket

EVENTS = {'EXPINIT': 1, 'EXPSTART': 2, 'EXPEND': 4, 'EXPCLEANUP': 8, 'EXPINTERRUPT': 16, 'EXPSTATUS': 32, 'EXPINFO': 64, 'ALYX': 128}
NAMES = {number: name for name, number in EVENTS.items()}
STATUS = {'CONNECTED': 0, 'INITIALIZED': 10, 'RUNNING': 20, 'STOPPED': 30}
ECHO_WITHIN = 1.0  # seconds, section 4
MAX_MESSAGE = 65535  # bytes; an echo of just so many may be a part of the message, section 3
DEFAULT_PORT = 11001


def read_uri(text):
    """Transport, host and port of a URI (section 1)."""
    found = re.fullmatch(r'(?:([A-Za-z]+)://)?([^:/]+)(?::(\d*))?', text)
    if found is None:
        raise ValueError('%r is no address of a rig' % text)
    scheme, host, port = found.groups()
    if scheme not in (None, 'udp', 'ws', 'wss', 'tcp'):
        raise ValueError('%r is no transport' % scheme)
    return ('udp' if scheme in (None, 'udp') else 'tcp', socket.gethostbyname(host), DEFAULT_PORT if not port else int(port))


def encode(event, elements):
    return json.dumps([event, *elements]).encode()


def event_of(first):
    """The name of an event from the first element of a message, '' for a report (section 2.2)."""
    if not first:
        return ''
    if isinstance(first, str):
        name = first.strip().upper()
        if name in EVENTS:
            return name
    elif isinstance(first, int) and int(first) in NAMES:
        return NAMES[int(first)]
    raise ValueError('%r is no event' % (first,))


class Communicator(asyncio.DatagramProtocol, asyncio.Protocol):
    """One end, for both transports. `tell(what, **more)` is told of everything that happens."""

    def __init__(self, tell, transport):
        self.tell = tell
        self.is_tcp = transport == 'tcp'
        self.is_open = True
        self.remote = None  # of a controller, and of the newest connection of a rig over TCP (section 7)
        self.known = []  # who spoke to this end, latest last
        self.line = None
        self.listener = None  # of a rig over TCP
        self.callbacks = {}
        self.expected = {}
        self.awaited = {}  # remote: the message that waits for its echo, and who waits

    @classmethod
    async def rig(cls, uri, tell):
        transport, host, port = read_uri(uri)
        self = cls(tell, transport)
        loop = asyncio.get_running_loop()
        if self.is_tcp:
            self.listener = await loop.create_server(lambda: self, host, port, family=socket.AF_INET)
            port = self.listener.sockets[0].getsockname()[1]
        else:
            line, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port), family=socket.AF_INET)
            port = line.get_extra_info('sockname')[1]
        tell('listening', uri='%s://%s:%d' % (transport, host, port), port=port)
        return self

    @classmethod
    async def controller(cls, uri, tell):
        transport, host, port = read_uri(uri)
        self = cls(tell, transport)
        loop = asyncio.get_running_loop()
        if self.is_tcp:
            await loop.create_connection(lambda: self, host, port, family=socket.AF_INET)
        else:
            await loop.create_datagram_endpoint(lambda: self, remote_addr=(host, port), family=socket.AF_INET)
        self.remote = (host, port)
        return self

    # What asyncio calls.

    def connection_made(self, line):
        self.line = line
        if self.is_tcp:
            self.remote = line.get_extra_info('peername')

    def connection_lost(self, error):
        if self.is_tcp:
            self.tell('connection lost', error=None if error is None else str(error))

    def error_received(self, error):
        # Nobody has the port. The original only writes it down, and waits on (section 4).
        self.tell('refused', error=str(error))

    def datagram_received(self, data, addr):
        self.receive(data, addr)

    def data_received(self, data):
        # One read of the socket is one payload, whatever is in it (section 8).
        self.receive(data, self.remote)

    # Section 3, step by step.

    def receive(self, data, addr):
        if addr in self.known:
            self.known.remove(addr)
        self.known.append(addr)
        try:
            self.take(data, addr)
        except Exception as error:
            self.tell('bad', error='%s: %s' % (type(error).__name__, error), bytes=data.hex()[:80])
            if self.is_tcp:
                self.line.abort()

    def take(self, data, addr):
        outstanding = self.awaited.get(addr)
        if outstanding is not None and not outstanding[1].done():
            message, future = outstanding
            if data == message or (len(data) == MAX_MESSAGE and message.startswith(data)):
                future.set_result(None)
            else:
                why = '%s in the place of the echo of %s' % (data[:80], message[:80])
                future.set_exception(RuntimeError(why))
                self.close(why)
            return
        text = data.decode()
        if text[1] != '0':
            self.write(data, addr)
        try:
            message = json.loads(text.lstrip('\ufeff'))
        except ValueError:
            message = None
        if not isinstance(message, list) or len(message) < 2:
            self.tell('ignored', text=text[:80])
            return
        event, elements = event_of(message[0]), message[1:]
        if event == '':
            error, failed = elements
            self.tell('report', error=error, event=event_of(failed))
            return
        self.tell('received', event=event, elements=elements, **{'from': '%s:%d' % tuple(addr[:2])})
        for future in self.expected.pop(event, []):
            if not future.done():
                future.set_result(elements)
        try:
            for callback in list(self.callbacks.get(event, [])):
                callback(elements, addr)
        except Exception as error:
            self.write(encode(0, ['%s: %s' % (type(error).__name__, error), EVENTS[event]]), addr)

    # What a user calls.

    def on(self, event, callback):
        self.callbacks.setdefault(event, []).append(callback)

    def expect(self, event):
        """The next message of this event; what comes while nobody expects it is lost to whoever asks later (section 10)."""
        future = asyncio.get_running_loop().create_future()
        self.expected.setdefault(event, []).append(future)
        return future

    async def send(self, message, addr=None):
        """Sends a message, and waits for its echo; without one this end is closed for good (section 4). Returns seconds."""
        addr = addr or self.remote
        loop = asyncio.get_running_loop()
        outstanding = (message, loop.create_future())
        self.awaited[addr] = outstanding
        started = loop.time()
        self.write(message, addr)
        try:
            await asyncio.wait_for(asyncio.shield(outstanding[1]), ECHO_WITHIN)
        except TimeoutError:
            self.close('no echo of %s' % message[:80])
            raise TimeoutError('%s:%d did not echo within %s s' % (*addr[:2], ECHO_WITHIN)) from None
        return loop.time() - started

    def write(self, data, addr):
        if self.is_tcp:
            if not self.is_open or self.line is None or self.line.is_closing():
                raise OSError('there is no connection')
            self.line.write(data)
        elif self.is_open:
            try:
                self.line.sendto(data, None if self.line.get_extra_info('peername') else addr)
            except OSError as error:
                self.tell('refused', error=str(error))

    def close(self, why):
        """There is no way back: socket closed, listeners dropped, waits cancelled. Over TCP a rig goes on to accept, and to echo (section 7)."""
        if not self.is_open:
            return
        self.tell('closed', why=str(why))
        self.is_open = self.listener is not None and why != 'end'
        self.callbacks.clear()
        for future in [each for futures in self.expected.values() for each in futures]:
            future.cancel()
        self.expected.clear()
        if why == 'end' and self.listener is not None:
            self.listener.close()
        if self.line is not None:
            self.line.close()


class Services:
    """Several rigs of one experiment, as section 4.2 has it. `rigs`: names and communicators, in order."""

    def __init__(self, rigs, sequential=False, answer_within=10):
        self.rigs = rigs
        self.sequential = sequential
        self.answer_within = answer_within

    async def ask(self, event, message):
        """Elements of the answers by name. The first failure ends it: rigs that come later are not asked."""
        names = list(self.rigs)
        if event in ('EXPEND', 'EXPINTERRUPT', 'EXPCLEANUP'):
            names.reverse()
        if event == 'ALYX':
            for name in names:
                await self.rigs[name].send(message)
            return {}
        if self.sequential:
            answers = {}
            for name in names:
                await self.rigs[name].send(message)
                answers[name] = await self.answer(name, self.rigs[name].expect(event), self.answer_within)
            return answers
        loop = asyncio.get_running_loop()
        end = loop.time() + self.answer_within
        waits = {name: self.rigs[name].expect(event) for name in names}
        for name in names:
            await self.rigs[name].send(message)
        return {name: await self.answer(name, waits[name], end - loop.time()) for name in names}

    async def answer(self, name, future, within):
        try:
            return await asyncio.wait_for(future, max(0, within))
        except TimeoutError:
            raise TimeoutError('%s did not answer in time' % name) from None
