# %% [markdown]
# # Readings as they come, and commands, over MQTT
#
# Needs paho-mqtt 1.6 or 2 (`apt install python3-paho-mqtt`). The gateway is at `LABGATE_HOST`, port `LABGATE_MQTT_PORT`;
# with users, `LABGATE_USER` and `LABGATE_PASSWORD`.

# %%
import json
import os
import queue
import threading
import time
import uuid
from datetime import datetime, timedelta, timezone

import paho.mqtt.client as mqtt

HOST = os.environ.get("LABGATE_HOST", "127.0.0.1")
PORT = int(os.environ.get("LABGATE_MQTT_PORT", "1883"))
ROOT = "lab"
KEEPALIVE = 3  # seconds; a connection that is dead without a word is found after twice that


class CommandFailed(Exception):
    """A command was refused, went wrong, or was not answered in time. With maybe_executed nobody knows: read before you repeat it."""

    def __init__(self, error):
        super().__init__(f"{error['class']}: {error['message']}")
        self.error_class = error["class"]
        self.retryable = error["retryable"]
        self.maybe_executed = error.get("maybeExecuted", False)


class NotFresh(Exception):
    """There is no value that is good now."""


class Lab:
    """The readings of all devices, and commands to them."""

    def __init__(self, host=HOST, port=PORT):
        self.latest = {}  # (device, codename): reading
        self._heard = {}  # (device, codename): when it came over this connection, monotonic seconds
        self._max_age = {}  # (device, codename): seconds for which it is good
        self._new = queue.Queue(10_000)
        self._waiting = {}  # id of a command: queue for its reply
        self._ready = threading.Event()
        versions = getattr(mqtt, "CallbackAPIVersion", None)
        self._client = mqtt.Client() if versions is None else mqtt.Client(versions.VERSION2)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_disconnect = lambda *_: self._ready.clear()
        self._client.on_message = self._on_message
        if "LABGATE_USER" in os.environ:
            self._client.username_pw_set(os.environ["LABGATE_USER"], os.environ.get("LABGATE_PASSWORD"))
        self._client.connect(host, port, keepalive=KEEPALIVE)
        self._client.loop_start()
        if not self._ready.wait(10):
            self.close()
            raise ConnectionError(f"the gateway at {host}:{port} does not let us in")

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()

    def value(self, device, codename):
        """The value, if it is good now; whatever is stale, uncertain or bad raises NotFresh."""
        reading = self.latest.get((device, codename))
        if self._quality(device, codename) != "good":
            raise NotFresh(f"{device}/{codename}: {self.describe(device, codename)}")
        return reading["value"]

    def _quality(self, device, codename):
        """As the gateway says, unless it is silent: then nobody tells us that something became stale, so we look at the time ourselves."""
        reading, heard = self.latest.get((device, codename)), self._heard.get((device, codename))
        if not self._ready.is_set() or heard is None:
            return "no connection" if reading is not None else "none"
        silent = time.monotonic() - heard
        if reading["quality"] == "good" and silent > self._max_age.get((device, codename), float("inf")):
            return f"stale, nothing came for {silent:.0f} s"
        return reading["quality"]

    def describe(self, device, codename):
        reading = self.latest.get((device, codename))
        if reading is None:
            return "no reading"
        quality = self._quality(device, codename)
        text = f"{reading['value']} {reading.get('unit', '')}".strip()
        return text if quality == "good" else f"{text} ({quality.upper()}, measured {reading['time']})"

    def readings(self, seconds):
        """Each reading as (device, codename, reading): first the last ones, then those that come."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                yield self._new.get(timeout=left)
            except queue.Empty:
                return

    def set(self, device, codename, value, timeout=15):
        return self._command(device, codename, "set", {"value": value}, timeout)

    def call(self, device, codename, timeout=15, **arguments):
        return self._command(device, codename, "call", {"arguments": arguments}, timeout)

    def get(self, device, codename, timeout=15):
        return self._command(device, codename, "get", {}, timeout)

    def _command(self, device, codename, op, payload, timeout):
        """The value of the reply. The command is sent once, and not carried out after the time limit (by the clocks of both computers)."""
        if not self._ready.is_set():
            raise CommandFailed({"class": "Unreachable", "message": "no connection; nothing was sent", "retryable": True})
        command_id = uuid.uuid4().hex
        replies = self._waiting[command_id] = queue.Queue()
        expires = datetime.now(timezone.utc) + timedelta(seconds=timeout)
        message = {"id": command_id, "expires": expires.isoformat(timespec="milliseconds"), **payload}
        try:
            self._client.publish(f"{ROOT}/{device}/{codename}/{op}", json.dumps(message, allow_nan=False))
            reply = replies.get(timeout=timeout)
        except queue.Empty:
            message = f"no reply within {timeout} s"
            raise CommandFailed({"class": "Timeout", "message": message, "retryable": True, "maybeExecuted": op != "get"}) from None
        finally:
            del self._waiting[command_id]
        if reply["phase"] == "failed":
            raise CommandFailed(reply["error"])
        return reply.get("value")

    def _on_connect(self, client, userdata, flags, reason, *_):
        self._heard.clear()
        if reason == 0:
            client.subscribe([(f"{ROOT}/+/+/meta", 1), (f"{ROOT}/+/+", 1), (f"{ROOT}/+/+/reply", 1)])

    def _on_message(self, client, userdata, message):
        device, codename, *last = message.topic[len(ROOT) + 1 :].split("/")
        if last == ["meta"]:
            max_age = json.loads(message.payload or "{}").get("maxAge")
            self._max_age.pop((device, codename), None)
            if max_age is not None:
                self._max_age[device, codename] = max_age
        elif last:
            reply = json.loads(message.payload)
            replies = self._waiting.get(reply["id"])
            if replies is not None and reply["phase"] != "accepted":  # accepted: it takes longer
                replies.put(reply)
        elif not message.payload:
            self._heard.pop((device, codename), None)
            self.latest.pop((device, codename), None)  # forgotten by the gateway
        else:
            reading = self.latest[device, codename] = json.loads(message.payload)
            self._heard[device, codename] = time.monotonic()
            try:
                self._new.put_nowait((device, codename, reading))
            except queue.Full:
                pass  # nobody looks at them


# %% [markdown]
# ## Readings, with their quality

# %%
lab = Lab()
for device, codename, reading in lab.readings(seconds=2):
    if device == "furnace":
        print(f"{codename:12} {lab.describe(device, codename)}")

# %% [markdown]
# ## A value to compute with
#
# What is stale is no measurement: `value` raises `NotFresh` instead of giving it. When the gateway falls silent without a word (a cable is
# pulled), it does so `maxAge` seconds after the last reading came; of what has no `maxAge`, after some 6 seconds, when the connection is found to be dead.

# %%
try:
    print("the furnace has", lab.value("furnace", "temperature"), "°C")
except NotFresh as reason:
    print("not fresh:", reason)

# %% [markdown]
# ## A command, with its reply
#
# `set` returns what was really set. A failure raises `CommandFailed`; so does silence, after the time limit.

# %%
print("set to", lab.set("furnace", "setpoint", 40, timeout=5))

# %%
try:
    lab.set("furnace", "setpoint", 9999)
except CommandFailed as failure:
    print("refused:", failure)

# %%
lab.close()
