# %% [markdown]
# # Devices, commands and the history over HTTP
#
# Needs nothing but Python. The gateway is at `LABGATE_URL`; with users, `LABGATE_USER` and `LABGATE_PASSWORD`.

# %%
import base64
import csv
import io
import json
import os
import shutil
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

URL = os.environ.get("LABGATE_URL", "http://127.0.0.1:8080")


class CommandFailed(Exception):
    """The gateway or the device refused. With maybe_executed nobody knows whether it was done: read before you repeat it."""

    def __init__(self, problem):
        super().__init__(f"{problem.get('class', problem.get('status'))}: {problem.get('detail', problem.get('title'))}")
        self.error_class = problem.get("class")
        self.retryable = problem.get("retryable", False)
        self.maybe_executed = problem.get("maybeExecuted", False)


def request(path, body=None, timeout=30):
    """The open answer. Whatever has a status of 400 or more raises CommandFailed."""
    headers = {} if body is None else {"content-type": "application/json"}
    if "LABGATE_USER" in os.environ:
        login = f"{os.environ['LABGATE_USER']}:{os.environ.get('LABGATE_PASSWORD', '')}"
        headers["authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
    data = None if body is None else json.dumps(body, allow_nan=False).encode()
    try:
        return urlopen(Request(URL + path, data, headers), timeout=timeout)
    except HTTPError as error:
        with error:
            text = error.read()
        try:
            problem = json.loads(text)
        except ValueError:
            problem = {"status": error.code, "title": error.reason}
        raise CommandFailed(problem) from None


def ask(path, body=None, timeout=30):
    with request(path, body, timeout) as answer:
        return json.load(answer)


def address(device, codename):
    return f"/api/devices/{quote(device, safe='')}/{quote(codename, safe='')}"


def describe(one):
    """A codename as /api/devices tells it: its value, and what is wrong with it."""
    reading = one.get("reading")
    if reading is None:
        return "no reading"
    text = f"{reading['value']} {reading.get('unit', '')}".strip()
    # `old` is judged at the moment of the question.
    quality = "stale" if one["old"] and reading["quality"] == "good" else reading["quality"]
    return text if quality == "good" else f"{text} ({quality.upper()}, measured {reading['time']})"


def set_value(device, codename, value):
    """What was really set."""
    return ask(address(device, codename) + "/set", {"value": value}).get("value")


def history(names, seconds):
    """CSV of codenames (`device/codename`) of the last seconds, to be read line by line."""
    query = [("codename", name) for name in names] + [("from", f"-{seconds}"), ("format", "csv")]
    return request("/api/history?" + urlencode(query))


# %% [markdown]
# ## Which devices there are, and what they last said

# %%
for device in ask("/api/devices")["devices"]:
    print(device["device"], device["state"]["state"])
    if device["device"] == "furnace":
        for one in device["codenames"]:
            print(f"    {one['codename']:12} {describe(one)}")

# %%
temperature = ask(address("furnace", "temperature"))
print("the furnace has", describe(temperature))

# %% [markdown]
# ## A command, with its reply

# %%
print("set to", set_value("furnace", "setpoint", 40))

# %%
try:
    set_value("furnace", "setpoint", 9999)
except CommandFailed as failure:
    print("refused:", failure)

# %% [markdown]
# ## The last ten minutes as columns
#
# Only what was good is taken. With pandas: `pandas.read_csv(history([...], 600), parse_dates=["time"])`.

# %%
with history(["furnace/temperature", "furnace/setpoint"], 600) as answer:
    rows = list(csv.DictReader(io.TextIOWrapper(answer, "utf-8-sig")))
columns = {}  # codename: (times, values)
for row in rows:
    if row["quality"] == "good":
        times, values = columns.setdefault(row["codename"], ([], []))
        times.append(row["time"])
        values.append(float(row["value"]))
for codename, (times, values) in columns.items():
    print(f"{codename}: {len(values)} values from {min(values)} to {max(values)}")

# %% [markdown]
# ## An export to a file, as large as it may be

# %%
with history(["furnace/temperature"], 24 * 3600) as answer, open("furnace.csv", "wb") as file:
    shutil.copyfileobj(answer, file)
print("exported", os.path.getsize("furnace.csv"), "bytes")
