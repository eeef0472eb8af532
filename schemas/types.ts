/** Generated from the JSON Schemas by npm run types. Do not edit. */

/**
 * What a device is asked, in the JSON form: on ROOT/DEVICE/CODENAME/set, /call, /get or /history, never retained. The topic says which of the four forms is meant. Shorter: anything else on /set is the value itself, on /call the arguments; an empty payload is a call, get or history without anything.
 */
export type Command = SetCommand | CallCommand | GetCommand | HistoryCommand

/**
 * On /set: give the codename this value.
 */
export interface SetCommand {
  /**
   * What the codename's own schema allows.
   */
  value: unknown
  /**
   * Chosen by the sender; the reply carries it. The same id from the same client on the same topic within 60 s is answered again, not carried out again.
   */
  id?: string
  /**
   * RFC 3339 with time zone. The command is refused after that.
   */
  expires?: string
  /**
   * true: only check and reply; nothing is done.
   */
  check?: boolean
}

/**
 * On /call: carry out the action.
 */
export interface CallCommand {
  /**
   * What the callable's own schema of arguments allows.
   */
  arguments?: unknown
  /**
   * Chosen by the sender; the reply carries it. The same id from the same client on the same topic within 60 s is answered again, not carried out again.
   */
  id?: string
  /**
   * RFC 3339 with time zone. The command is refused after that.
   */
  expires?: string
  /**
   * true: only check and reply; nothing is done.
   */
  check?: boolean
}

/**
 * On /get: read now, or answer the latest reading where nobody can be asked.
 */
export interface GetCommand {
  /**
   * Chosen by the sender; the reply carries it. The same id from the same client on the same topic within 60 s is answered again, not carried out again.
   */
  id?: string
  /**
   * RFC 3339 with time zone. The command is refused after that.
   */
  expires?: string
}

/**
 * On /history: what was read from a time to a time; the gateway answers it, in pages. Of the device nothing is asked.
 */
export interface HistoryCommand {
  /**
   * Chosen by the sender; each page carries it. The same id from the same client on the same topic within 60 s is no second question: once it is answered, the last page comes again.
   */
  id?: string
  /**
   * Readings of this time and later. Left out: from one hour before the end; with order newest, from the beginning.
   */
  from?: Moment
  /**
   * Readings before this time. Left out: up to the newest; with points, up to now.
   */
  to?: Moment
  /**
   * For drawing: about so many at most; the readings themselves where there are few enough, else the least, largest and mean value of stretches of time. Not with limit or order.
   */
  points?: number
  /**
   * So many readings at most (those of the same microsecond stay together); next of the last page tells where to go on. Left out: 1000.
   */
  limit?: number
  /**
   * Which readings come first. Left out: the oldest.
   */
  order?: 'oldest' | 'newest'
}

/**
 * RFC 3339 with time zone; or Unix seconds; or, as a negative number, seconds before now.
 */
export type Moment = string | number

/**
 * What an operator may write in gateway.yaml. Seconds have no suffix. Entries of adapters have further keys, see config.schema.json in the folder of the adapter.
 */
export interface Config {
  /**
   * The process itself.
   */
  gateway: {
    /**
     * Name of this gateway.
     */
    name: Name
    /**
     * Folder for what must survive a restart; a relative one begins at the working directory. Left out: everything is in memory and lost at the end.
     */
    data?: string
    /**
     * Watch this file, and apply it when it changes. false: only when the gateway is told to (SIGHUP, POST /api/reload).
     */
    reload: boolean
    /**
     * Whether the clock of this computer can be believed. While it cannot, readings that are stamped with it are uncertain.
     */
    clock: {
      /**
       * auto: it can, unless it is behind what it must say at least, or this is a board without a clock of its own, which has not been synchronised since its start; trust: always; file: once the file is there.
       */
      sync: 'auto' | 'trust' | 'file'
      /**
       * File that is there once the clock was synchronised; this one is that of systemd-timesyncd. With auto it is looked at too.
       */
      file: string
    }
  }
  /**
   * The embedded MQTT broker.
   */
  broker: {
    /**
     * First level or levels of all topics of the gateway, without wildcards, e.g. lab or site/lab.
     */
    root: string
    /**
     * Where MQTT clients connect.
     */
    tcp: {
      host: Host
      port: Port
      insecure?: Insecure
    }
    /**
     * A second listener for MQTT clients, encrypted. Left out: there is none.
     */
    tls?: {
      host: Host
      port: Port
      insecure?: Insecure
      /**
       * File (PEM) of the certificate and of those between it and the authority; read again when it changes.
       */
      cert: string
      /**
       * File (PEM) of its private key.
       */
      key: string
      /**
       * File (PEM) of the authorities whose client certificates are believed. Needed with clients: optional or required.
       */
      ca?: string
      /**
       * Certificates of clients: none is asked for, optional, or required. The common name is the user.
       */
      clients: 'none' | 'optional' | 'required'
    }
    /**
     * Bounds of what the broker keeps in memory.
     */
    limits: {
      /**
       * Messages of the gateway that may wait for the broker; beyond, publishing is refused with RateLimited.
       */
      maxQueue: number
      /**
       * Undeclared codenames per device, codenames that an instance finds on a device that it found, and undeclared devices; beyond, and beyond ten times as many codenames on all devices together, new ones are refused.
       */
      maxUndeclared: number
      /**
       * Bytes of one MQTT packet; a client that sends more is disconnected.
       */
      maxPacket: number
      /**
       * Bytes of the first packet of a client: its id, will, user and password. Larger wills need more.
       */
      maxConnect: number
      /**
       * Connections to MQTT and HTTP that are open at once; beyond, new ones are closed.
       */
      maxConnections: number
      /**
       * The same for one address.
       */
      maxConnectionsPerAddress: number
      /**
       * New connections of one address per second, on average over ten seconds; beyond, they are closed.
       */
      maxConnectRate: number
      /**
       * Time in seconds in which a connection must have sent its CONNECT.
       */
      connectTime: number
      /**
       * Filters of one SUBSCRIBE; a client that sends more is disconnected.
       */
      maxSubscribe: number
      /**
       * Filters of one client; further ones are refused in SUBACK.
       */
      maxFilters: number
      /**
       * Messages of QoS 1 and 2 that may wait for one session; beyond, further ones are dropped and counted.
       */
      maxQueued: number
      /**
       * Bytes that may wait for one session, and an eighth of what may wait for all; beyond, further messages are dropped and counted.
       */
      maxQueuedBytes: number
      /**
       * Sessions that are kept beyond a connection; a client that wants another one is not let in (CONNACK 3).
       */
      maxSessions: number
      /**
       * Time in seconds that the session of an absent client is kept.
       */
      sessionExpiry: number
      /**
       * Bytes that may wait for a client that reads slowly; beyond, it misses messages of QoS 0.
       */
      shedOutput: number
      /**
       * Bytes that may wait for a client that reads slowly; beyond, it is disconnected when a message of QoS 1 or 2 comes.
       */
      maxOutput: number
      /**
       * Time in seconds for which a message of QoS 1 or 2 may wait for a client that does not read; beyond, it is disconnected.
       */
      maxWait: number
      /**
       * Messages of QoS 1 and 2 that a persistent session may have unacknowledged; further ones wait.
       */
      maxInflight: number
      /**
       * Retained messages; new topics beyond are refused with RateLimited.
       */
      maxRetained: number
      /**
       * Bytes of topics and payloads of retained messages; beyond, more are refused with RateLimited.
       */
      maxRetainedBytes: number
    }
    /**
     * With gateway.data: fast acknowledges what is written (survives the end of the process), strict what is synced to the disk (survives the plug).
     */
    durability: 'fast' | 'strict'
    /**
     * Readings of devices and codenames that nothing declares: accept any JSON value, or refuse.
     */
    undeclared: Undeclared
  }
  /**
   * Who may use MQTT and HTTP, and for what. Legacy sockets have no login.
   */
  access: {
    /**
     * File of users, made by labgate users add; a relative one begins at the working directory. Left out: there are no users.
     */
    users?: string
    /**
     * Role of who does not say who he is, where that is allowed: on addresses of this computer, and on listeners with insecure: true. none: nobody. Left out: admin without users, operator with users.
     */
    anonymous?: string
    /**
     * Role to what it may do, besides observer, operator, device and admin; one of these names replaces it.
     */
    roles: {
      [k: string]: Role
    }
    /**
     * Time in seconds after which a login of the dashboard ends.
     */
    sessionTime: number
  }
  /**
   * Dashboard, REST under /api, and MQTT over WebSocket on /mqtt. Left out: no HTTP.
   */
  http?: {
    host: Host
    port: Port
    insecure?: Insecure
    /**
     * Web pages, as https://lab.example:8443, whose scripts may connect by WebSocket, act and read besides those from the host itself and from this computer; '*' lets all in.
     */
    origins: string[]
    /**
     * Names by which browsers ask for this listener, besides addresses, names without a dot, those that end in .local, and the computer's own; '*' lets all in. Any other name is refused, as a web page may have its own lead here.
     */
    names: string[]
    /**
     * true: over this listener, also by MQTT over WebSocket, everything is seen and nothing done.
     */
    readOnly: boolean
    /**
     * Encrypts this listener (HTTPS, WSS). Left out: it is plain.
     */
    tls?: {
      /**
       * File (PEM) of the certificate and of those between it and the authority; read again when it changes.
       */
      cert: string
      /**
       * File (PEM) of its private key.
       */
      key: string
      /**
       * File (PEM) of the authorities whose client certificates are believed. Needed with clients: optional or required.
       */
      ca?: string
      /**
       * Certificates of clients: none is asked for, optional, or required. The common name is the user.
       */
      clients: 'none' | 'optional' | 'required'
    }
  }
  /**
   * What is kept of the readings, in the folder history of gateway.data; without gateway.data in memory.
   */
  history: {
    /**
     * What is kept of codenames for which nothing else is said.
     */
    record: Record
    /**
     * Time in seconds that readings and their roll-ups of 10 s are kept.
     */
    keep: number
    /**
     * Time in seconds that the roll-ups of 5 min and of 1 h are kept; at least as long as the readings.
     */
    keepRollups: number
    /**
     * Bytes on the disk; beyond, the oldest readings go first.
     */
    maxBytes: number
    /**
     * Bytes in memory, without gateway.data; beyond, the oldest readings go first.
     */
    maxMemory: number
  }
  /**
   * Recordings from a start to a stop, each a folder to take home.
   */
  runs: {
    /**
     * Where the folders of runs are made. Left out: runs in gateway.data; without that there are no runs.
     */
    folder?: string
    /**
     * Bytes of one run; beyond, it is ended and says so.
     */
    maxBytes: number
  }
  /**
   * What Home Assistant is told over MQTT.
   */
  homeAssistant: {
    /**
     * true: every device is announced to Home Assistant, which shows it without further configuration.
     */
    discovery: boolean
    /**
     * First level or levels of the topics of discovery, as in the settings of Home Assistant; not below broker.root.
     */
    prefix: string
  }
  /**
   * Bridges to bigger brokers: what happens here is told there, and commands come in where that is allowed.
   */
  upstream: Bridge[]
  /**
   * Device name to device. The name gateway is reserved.
   */
  devices: {
    [k: string]: Device
  }
  /**
   * One entry per instance.
   */
  adapters: Instance[]
}

/**
 * Who may come to an instance that listens, as its protocol knows no login, and what he may do there. Every type that listens has these keys.
 */
export interface Sources {
  /**
   * IP addresses, or networks as 192.168.7.0/24 and fd00::/8, that may come. Others get no answer (UDP), or their connection is closed; they are counted. Left out: everybody who reaches the host.
   *
   * @minItems 1
   * @maxItems 1000
   */
  allow?: [string, ...string[]]
  /**
   * true: nothing is set, called or pushed through it; who wants to is refused, and reads go on.
   */
  readOnly: boolean
  /**
   * Datagrams, messages, requests and new connections a second that come from one address, on average over ten seconds; an answer over UDP counts once more for each KiB beyond its first. Left out: 5000, and no limit for this computer.
   */
  maxSourceRate?: number
  [k: string]: unknown
}

/**
 * To one broker, or to a cluster that has several servers.
 */
export interface Bridge {
  /**
   * Name of the bridge; its commands are those of the client upstream:ID.
   */
  id: Name
  /**
   * Where the broker is; several of a cluster are tried in turn.
   *
   * @minItems 1
   * @maxItems 100
   */
  servers: [BridgeServer, ...BridgeServer[]]
  /**
   * Encrypts the connection. Left out: it is plain.
   */
  tls?: BridgeTLS
  /**
   * Who the gateway is there. Left out: nobody.
   */
  user?: string
  /**
   * Of the user; write ${NAME}, and keep it in the environment.
   */
  password?: string
  /**
   * MQTT client id there; one that no other client of that broker has. Left out: labgate-NAME-ID, of gateway.name and id.
   */
  clientId?: string
  /**
   * First level or levels there, without wildcards, in place of broker.root, e.g. site/lab-a. Left out: the same as here.
   */
  topic?: string
  /**
   * What becomes of a dot in the name of a device or codename: keep, or encode as %2E. NATS before 2.10 ends the connection at every topic with a dot.
   */
  dots: 'keep' | 'encode'
  /**
   * Filters of what is told there, below the root; ! before a filter takes away, and the last that matches decides. Commands never go up.
   *
   * @maxItems 1000
   */
  up: string[]
  /**
   * The same of commands that are let in from there, e.g. furnace/+/set. Left out: none.
   *
   * @maxItems 1000
   */
  down: string[]
  /**
   * Bridges that a message may have passed, this one counted; one that has passed more is in a loop, and is dropped and counted.
   */
  maxHops: number
  /**
   * What waits while the broker is away: in the folder upstream of gateway.data; without that in memory.
   */
  queue: {
    /**
     * Bytes that it may take; beyond, the oldest go first, and are counted.
     */
    maxBytes: number
    /**
     * Time in seconds after which what waits is dropped, and counted.
     */
    maxAge: number
  }
  /**
   * Messages a second that are sent of what waited, besides those that come in meanwhile.
   */
  maxRate: number
}

/**
 * Where a broker listens.
 */
export interface BridgeServer {
  /**
   * An IP address or host name, without port or brackets. A name is looked up for each connection.
   */
  host: string
  /**
   * TCP port. Left out: 1883, with tls 8883.
   */
  port?: number
}

/**
 * Whom to believe, and who we are. {}: the authorities of the system, and no certificate of our own.
 */
export interface BridgeTLS {
  /**
   * File (PEM) of the authorities to believe; read for each connection. Left out: those of the system.
   */
  ca?: string
  /**
   * File (PEM) of our own certificate, and of those between it and the authority; needs key.
   */
  cert?: string
  /**
   * File (PEM) of its private key.
   */
  key?: string
}

/**
 * Letters, digits, underscore, dot and hyphen, at most 63; the first is a letter or digit.
 */
export type Name = string

/**
 * An IP address or host name to listen at, without port or brackets.
 */
export type Host = string

/**
 * 0 lets the system choose one.
 */
export type Port = number

/**
 * true: anybody who reaches the host may use this listener. Without it, only addresses of this computer are allowed.
 */
export type Insecure = boolean

/**
 * What to do with readings of codenames that nothing declares.
 */
export type Undeclared = 'accept' | 'refuse'

/**
 * every reading, only what changes (the value, its quality or unit), off, or a time in seconds: at most one reading in that time.
 */
export type Record = ('every' | 'change' | 'off') | number

/**
 * Filters as in MQTT; %u is the user, %c the client id; ! before a filter takes away; the last that matches decides, and nothing matching means no.
 */
export interface Role {
  /**
   * What it may subscribe to and see.
   *
   * @maxItems 1000
   */
  read: string[]
  /**
   * What it may publish to; set, get, call and history of a codename are topics like others.
   *
   * @maxItems 1000
   */
  write: string[]
}

/**
 * One instrument, rig or computer.
 */
export interface Device {
  /**
   * For people.
   */
  description?: string
  /**
   * MQTT client id that alone may write the device's readings. Left out: any client may.
   */
  client?: string
  /**
   * Readings of codenames not listed here. Left out: as broker.undeclared.
   */
  undeclared?: Undeclared
  /**
   * What the history keeps of its codenames. Left out: as history.record.
   */
  history?: Record
  /**
   * Codename to what is known of it.
   */
  codenames: {
    [k: string]: Codename
  }
}

/**
 * One quantity or action of a device.
 */
export interface Codename {
  /**
   * For people.
   */
  description?: string
  /**
   * Unit of the value.
   */
  unit?: string
  /**
   * Digits to show, for people only.
   */
  digits?: number
  /**
   * Age in seconds above which a reading is old; 0 or less: at once. Left out: never by age alone.
   */
  maxAge?: number
  /**
   * Takes a set. Left out: it does not.
   */
  settable?: boolean
  callable?: Callable
  /**
   * Time in seconds that an executor has for a set or a get.
   */
  timeout: number
  /**
   * JSON Schema (2020-12) of the value, for readings and for set. Left out: any JSON.
   */
  schema?: {
    [k: string]: unknown
  }
  /**
   * What the history keeps of it. Left out: as its device.
   */
  history?: Record
  /**
   * Retain the plain value on ROOT/DEVICE/CODENAME/value, so that a new subscriber sees it at once. Left out: it is not retained.
   */
  retainMirror?: boolean
}

/**
 * The codename is an action. Left out: it takes no call.
 */
export interface Callable {
  /**
   * JSON Schema (2020-12) of the arguments. Left out: any JSON.
   */
  arguments?: {
    [k: string]: unknown
  }
  /**
   * JSON Schema (2020-12) of the value of the reply. Left out: any JSON.
   */
  returns?: {
    [k: string]: unknown
  }
  /**
   * Time in seconds that an executor has for a call.
   */
  timeout: number
}

/**
 * One instance of an adapter.
 */
export interface Instance {
  /**
   * Name of the instance, different from all instances and devices.
   */
  id: Name
  /**
   * Type of the adapter.
   */
  type: string
  [k: string]: unknown
}

/**
 * A message that was refused: the JSON on ROOT-dead/TOPIC, never retained. Nobody but readers of dead letters saw the message.
 */
export interface DeadLetter {
  /**
   * Bytes of the whole payload, when only the beginning is given. Left out: it is whole.
   */
  bytes?: number
  class: ErrorClass
  /**
   * Who sent it: MQTT client id, or the id of the instance whose legacy client did.
   */
  client: string
  /**
   * base64: the payload was not UTF-8. Left out: payload is its text.
   */
  encoding?: 'base64'
  /**
   * Of a command: its id, by which its reply and its story are found.
   */
  id?: string
  /**
   * What arrived: its first 4096 bytes, as text or in base64.
   */
  payload: string
  /**
   * Of an MQTT message.
   */
  qos?: 0 | 1 | 2
  /**
   * What is wrong and what would be right; for people.
   */
  reason: string
  /**
   * Of an MQTT message.
   */
  retain?: boolean
  /**
   * The rule that was broken, in one word, e.g. maximum or retained.
   */
  rule: string
  /**
   * When it was refused.
   */
  time: Time
  /**
   * Where it was meant to go.
   */
  topic: string
}

/**
 * RFC 3339 in UTC, at most 6 decimals, e.g. 2014-10-24T11:26:55.697648Z.
 */
export type Time = string

/**
 * What kind of refusal or failure it was. The table with help for each is in gateway/errors.ts and in the README.
 */
export type ErrorClass =
  | 'BadPayload'
  | 'UnknownDevice'
  | 'UnknownCodename'
  | 'ReadOnly'
  | 'WrongType'
  | 'RangeError'
  | 'Forbidden'
  | 'Retained'
  | 'NotFinite'
  | 'Busy'
  | 'Locked'
  | 'Expired'
  | 'Timeout'
  | 'Unreachable'
  | 'DeviceError'
  | 'Stale'
  | 'RateLimited'
  | 'Internal'

/**
 * What is known of a codename: the JSON on ROOT/DEVICE/CODENAME/meta, retained.
 */
export interface Meta {
  /**
   * Left out: takes no call.
   */
  callable?: CallableMeta
  /**
   * false: nothing declares it, it came by itself.
   */
  declared: boolean
  /**
   * For people.
   */
  description?: string
  /**
   * Digits to show, for people only.
   */
  digits?: number
  /**
   * true: no configuration declares it, the instance that feeds it found and described it. Left out: no.
   */
  found?: boolean
  /**
   * Bridges that it has passed. Left out: none.
   */
  hops?: number
  /**
   * Age in seconds above which a reading is old. Left out: never by age alone.
   */
  maxAge?: number
  /**
   * The name on the legacy side; the codename itself where the two are the same.
   */
  name: string
  /**
   * JSON Schema (2020-12) that readings and sets are checked with.
   */
  schema?: {
    [k: string]: unknown
  }
  /**
   * Takes a set.
   */
  settable: boolean
  /**
   * Unit of the value.
   */
  unit?: string
}

/**
 * How the codename is called.
 */
export interface CallableMeta {
  /**
   * JSON Schema (2020-12) of the arguments.
   */
  arguments?: {
    [k: string]: unknown
  }
  /**
   * JSON Schema (2020-12) of the value of the reply.
   */
  returns?: {
    [k: string]: unknown
  }
  /**
   * Time in seconds that a call has until it fails with Timeout.
   */
  timeout?: number
}

/**
 * Why a request over HTTP was refused or failed: the JSON of every answer with a status of 400 and above (RFC 9457, application/problem+json).
 */
export interface Problem {
  class: ErrorClass
  /**
   * The device's or protocol's own code.
   */
  code?: string
  /**
   * What is wrong and what would be right; for people.
   */
  detail: string
  /**
   * The id of the command that was refused or failed.
   */
  id?: string
  /**
   * true: nobody knows whether the device did it. Read before you repeat it.
   */
  maybeExecuted?: boolean
  /**
   * Which part of the request is wrong: /value of the body, ?points of the address.
   */
  path?: string
  /**
   * The same may succeed later.
   */
  retryable: boolean
  /**
   * The rule that was broken, in one word, e.g. maximum.
   */
  rule?: string
  /**
   * The status of the answer.
   */
  status: number
  /**
   * What HTTP calls the status.
   */
  title: string
  /**
   * about:blank: class tells more than an address would.
   */
  type: string
}

/**
 * Value of a codename at a time: the JSON on ROOT/DEVICE/CODENAME, retained, keys sorted.
 */
export interface Reading {
  /**
   * Why the quality is not good.
   */
  error?: ReadingError
  /**
   * Bridges that it has passed. Left out: none.
   */
  hops?: number
  /**
   * good; stale: older than its maxAge, restored after a restart, or its device is offline; uncertain: the time or the value is doubtful; bad: there is no value to trust.
   */
  quality: 'good' | 'stale' | 'uncertain' | 'bad'
  /**
   * Name of the experiment or series it belongs to.
   */
  run?: string
  /**
   * Counts the readings of the sender, to find gaps.
   */
  seq?: number
  /**
   * How the gateway came by it: poll, push, set (what the device reports after a set), restored (from before a restart), simulated, client (an MQTT client wrote it), history (a bridge sent it later than it was read).
   */
  source?: 'poll' | 'push' | 'set' | 'restored' | 'simulated' | 'client' | 'history'
  /**
   * When it was measured.
   */
  time: Time
  /**
   * Standard uncertainty, in the unit of the value.
   */
  uncertainty?: number
  /**
   * Unit of the value.
   */
  unit?: string
  /**
   * Any JSON that the codename's own schema allows; null only when the quality is bad.
   */
  value: unknown
  /**
   * Of x,y data: the x that goes with the value.
   */
  x?: unknown
}

/**
 * Why a reading is not good.
 */
export interface ReadingError {
  class: ErrorClass
  /**
   * The device's or protocol's own code.
   */
  code?: string
  /**
   * For people.
   */
  message: string
  /**
   * The same may succeed later.
   */
  retryable: boolean
}

/**
 * What came of a command: the JSON on ROOT/DEVICE/CODENAME/reply, never retained. Exactly one done or failed per command, refusals too; accepted comes before it when the device needs more than 0.5 s. Of a history each accepted carries a page, and done the last one.
 */
export interface Reply {
  /**
   * Who asked: MQTT client id, or the id of the instance whose legacy client asked.
   */
  client: string
  /**
   * With failed only: why.
   */
  error?: ReplyError
  /**
   * Bridges that it has passed. Left out: none.
   */
  hops?: number
  /**
   * The id of the command; of a command without one, the id that the gateway gave it.
   */
  id: string
  /**
   * Which command it was.
   */
  op: 'set' | 'get' | 'call' | 'history'
  /**
   * accepted: being carried out; done; failed.
   */
  phase: 'accepted' | 'done' | 'failed'
  /**
   * When the reply was made.
   */
  time: Time
  /**
   * With done: what a set really set, what a get read, what a call returned. Of a history, with accepted too: a page.
   */
  value?: unknown
}

/**
 * Why a command was refused or failed.
 */
export interface ReplyError {
  class: ErrorClass
  /**
   * The device's or protocol's own code.
   */
  code?: string
  /**
   * true: nobody knows whether the device did it. Read before you repeat it.
   */
  maybeExecuted?: boolean
  /**
   * For people; with DeviceError the device's own text.
   */
  message: string
  /**
   * The same may succeed later.
   */
  retryable: boolean
}

/**
 * State of a device: the JSON on ROOT/DEVICE, retained. The worst of the instances that hold rights on the device.
 */
export interface State {
  /**
   * Bridges that it has passed. Left out: none.
   */
  hops?: number
  /**
   * Why it is in this state, and where it is not online, what to do next; for people.
   */
  reason: string
  /**
   * When it came into this state.
   */
  since: Time
  /**
   * history: a bridge sent it later than it was so. Left out: it is so now.
   */
  source?: 'history'
  /**
   * degraded: it works in part; disabled: somebody switched it off.
   */
  state: 'online' | 'degraded' | 'offline' | 'disabled'
  /**
   * The instance, or the MQTT client, that the state comes from.
   */
  via: string
}
