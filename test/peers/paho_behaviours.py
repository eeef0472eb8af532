"""What the interoperability suite of MQTT 3.1.1 asks of a broker, with the Paho client, in our own words.

python3 paho_behaviours.py PORT USER PASSWORD: prints a JSON line for each behaviour; USER may not subscribe to $SYS/#.
"""
import json
import queue
import sys
import time
import traceback

import paho.mqtt.client as paho

PORT, USER, PASSWORD = int(sys.argv[1]), sys.argv[2], sys.argv[3]
PATIENCE = 5


class Talker:
    """A client with a thread of its own; what comes is kept."""

    def __init__(self, name, clean=True, keepalive=60, will=None, user=None, make=paho.Client, read=True):
        self.came, self.codes, self.granted, self.done, self.closed = [queue.Queue() for _ in range(5)]
        self.client = client = make(name, clean_session=clean or name == '')
        # The library does not let one ask for it.
        client._clean_session = clean
        client.on_connect = lambda _c, _u, flags, code: self.codes.put((code, flags['session present']))
        client.on_message = lambda _c, _u, message: self.came.put(message)
        client.on_subscribe = lambda _c, _u, _mid, granted: self.granted.put(list(granted))
        client.on_unsubscribe = client.on_publish = lambda _c, _u, mid: self.done.put(mid)
        client.on_disconnect = lambda _c, _u, code: self.closed.put(code)
        if user:
            client.username_pw_set(*user)
        if will:
            client.will_set(*will)
        client.connect('127.0.0.1', PORT, keepalive)
        client.loop_start()
        self.code, self.present = self.codes.get(timeout=PATIENCE)
        if not read:
            client.loop_stop()

    def subscribe(self, *filters):
        self.client.subscribe(list(filters))
        return self.granted.get(timeout=PATIENCE)

    def unsubscribe(self, *filters):
        self.client.unsubscribe(list(filters))
        self.done.get(timeout=PATIENCE)

    def say(self, topic, text, qos=1, retain=False):
        self.client.publish(topic, text, qos, retain)
        self.done.get(timeout=PATIENCE)

    def hear(self, count=0):
        """So many messages, and what else has come by then."""
        heard = [self.came.get(timeout=PATIENCE) for _ in range(count)]
        # What was sent before the answer to this is here with it.
        marker = 'marker/%d' % id(self)
        self.subscribe((marker, 1))
        self.say(marker, 'x')
        while True:
            message = self.came.get(timeout=PATIENCE)
            if message.topic == marker:
                self.unsubscribe(marker)
                return heard
            heard.append(message)

    def cut(self):
        """As if the cable were pulled."""
        self.client.loop_stop()
        self.client._sock_close()

    def leave(self):
        self.client.disconnect()
        self.client.loop_stop()


def texts(messages):
    return sorted(message.payload.decode() for message in messages)


def expect(found, wanted):
    if found != wanted:
        raise AssertionError('%r, not %r' % (found, wanted))


def basic():
    one = Talker('basic')
    expect((one.code, one.present), (0, 0))
    expect(one.subscribe(('basic/#', 2)), [2])
    for qos in (0, 1, 2):
        one.say('basic/%d' % qos, str(qos), qos)
    expect([(m.topic, m.qos, m.retain) for m in one.hear(3)], [('basic/%d' % qos, qos, 0) for qos in (0, 1, 2)])
    one.leave()


def retained():
    one = Talker('retained')
    for qos in (0, 1, 2):
        one.say('kept/%d' % qos, 'qos %d' % qos, qos, True)
    one.subscribe(('kept/+', 2))
    heard = one.hear(3)
    expect((texts(heard), {m.retain for m in heard}), (['qos 0', 'qos 1', 'qos 2'], {1}))
    for qos in (0, 1, 2):
        one.say('kept/%d' % qos, '', qos, True)
    one.hear(3)
    late = Talker('retained late')
    late.subscribe(('kept/+', 2))
    expect(late.hear(), [])
    late.leave()
    one.leave()


def nameless():
    one = Talker('')
    expect(one.code, 0)
    one.leave()
    lasting = Talker('', clean=False)
    # The library takes a name of its own when it is told 2, and tries again.
    expect((lasting.code, lasting.client._client_id == b''), (0, False))
    lasting.leave()


def offline():
    one = Talker('absent', clean=False)
    one.subscribe(('offline/#', 2))
    one.leave()
    other = Talker('present')
    for qos in (0, 1, 2):
        other.say('offline/%d' % qos, str(qos), qos)
    other.leave()
    back = Talker('absent', clean=False)
    expect(back.present, 1)
    expect([t for t in texts(back.hear(2)) if t != '0'], ['1', '2'])
    back.leave()
    Talker('absent').leave()


def overlapping():
    one = Talker('overlapping')
    expect(one.subscribe(('over/#', 2), ('over/+', 1)), [2, 1])
    one.say('over/lap', 'x', 2)
    heard = [m.qos for m in one.hear(1)]
    if heard not in ([2], [1, 2], [2, 1]):
        raise AssertionError('came at %r' % heard)
    one.leave()


def keepalive():
    watch = Talker('watch')
    watch.subscribe(('silence', 1))
    began = time.monotonic()
    silent = Talker('silent', keepalive=1, will=('silence', 'dead', 1), read=False)
    watch.came.get(timeout=PATIENCE)
    took = time.monotonic() - began
    if not 1.4 <= took <= 4:
        raise AssertionError('cut after %.1f s' % took)
    silent.cut()
    watch.leave()


class Mute(paho.Client):
    """Acknowledges nothing."""

    def _send_puback(self, mid):
        return paho.MQTT_ERR_SUCCESS

    def _send_pubrec(self, mid):
        return paho.MQTT_ERR_SUCCESS


def redelivery():
    mute = Talker('forgetful', clean=False, make=Mute)
    mute.subscribe(('again/#', 2))
    other = Talker('teller')
    for qos in (1, 2):
        other.say('again/%d' % qos, str(qos), qos)
    # Of QoS 2 the library shows nothing before PUBREL.
    mute.came.get(timeout=PATIENCE)
    other.hear()
    mute.cut()
    back = Talker('forgetful', clean=False)
    expect(back.present, 1)
    heard = back.hear(2)
    expect([(m.payload.decode(), m.dup) for m in heard], [('1', True), ('2', True)])
    back.leave()
    other.leave()
    Talker('forgetful').leave()


def will():
    watch = Talker('heir')
    watch.subscribe(('testament/#', 2))
    Talker('mortal', will=('testament/cut', 'gone', 2)).cut()
    expect([(m.topic, m.qos) for m in watch.hear(1)], [('testament/cut', 2)])
    Talker('polite', will=('testament/left', 'gone', 2)).leave()
    expect(watch.hear(), [])
    watch.leave()


def unsubscribe():
    one = Talker('fickle')
    one.subscribe(('un/1', 1), ('un/2', 1), ('un/3', 1))
    one.unsubscribe('un/1')
    for topic in ('un/1', 'un/2', 'un/3'):
        one.say(topic, topic)
    expect(texts(one.hear(2)), ['un/2', 'un/3'])
    one.leave()


def refused():
    one = Talker('curious', user=(USER, PASSWORD))
    expect(one.code, 0)
    expect(one.subscribe(('$SYS/#', 1), ('mine', 1)), [0x80, 1])
    one.leave()


def dollar():
    one = Talker('dollar')
    one.subscribe(('#', 0), ('+/dollar', 2))
    one.hear()
    one.say('$test/dollar', 'hidden')
    one.say('test/dollar', 'shown')
    expect(sorted({(m.topic, m.payload.decode()) for m in one.hear(1) if m.topic.split('/')[0].endswith('test')}), [('test/dollar', 'shown')])
    one.leave()


for name, behave in [
    ('basic exchange', basic),
    ('retained messages', retained),
    ('zero-length client id', nameless),
    ('offline message queueing', offline),
    ('overlapping subscriptions', overlapping),
    ('keepalive', keepalive),
    ('redelivery on reconnect', redelivery),
    ('will message', will),
    ('unsubscribe', unsubscribe),
    ('subscribe failure', refused),
    ('topics with $', dollar),
]:
    try:
        behave()
        print(json.dumps([name, None]), flush=True)
    except Exception:
        print(json.dumps([name, traceback.format_exc()]), flush=True)
