/** The only place that builds or reads a topic. Depth below the root tells the kind. */

export type Op = 'set' | 'get' | 'call' | 'history'
export type Kind = 'state' | 'reading' | 'value' | 'meta' | 'reply' | Op

/** QoS and retain flag of what is published under the root. */
export const delivery: Readonly<Record<Kind | 'dead', { readonly qos: 0 | 1; readonly retain: boolean }>> = {
  state: { qos: 1, retain: true },
  reading: { qos: 1, retain: true },
  value: { qos: 0, retain: false },
  meta: { qos: 1, retain: true },
  set: { qos: 1, retain: false },
  get: { qos: 1, retain: false },
  call: { qos: 1, retain: false },
  history: { qos: 1, retain: false },
  reply: { qos: 1, retain: false },
  dead: { qos: 0, retain: false }
}

/** Last levels below a reading. */
const suffixes: ReadonlySet<string> = new Set<Kind>(['value', 'meta', 'reply', 'set', 'get', 'call', 'history'])

/** Is this the last level of one of our topics? */
export function isLastLevel(text: string): text is Exclude<Kind, 'state' | 'reading'> {
  return suffixes.has(text)
}

/** Is this a command, which somebody is to carry out or answer? */
export function isOp(kind: Kind): kind is Op {
  return kind === 'set' || kind === 'get' || kind === 'call' || kind === 'history'
}

/** What a configuration may call an instance, a device or a codename. */
export const namePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/

/** Longest topic level that an undeclared name may give; a push socket takes keys of up to 8 kB. */
const maxSegment = 24_576

/** Characters below the root that a client's topic may have; keys of push sockets may be longer. */
const maxReceived = 2048

/** MQTT's own bounds: bytes of a topic, and the levels that Aedes' matcher can hold. */
const maxTopicBytes = 65_535
const maxLevels = 100

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

const isAlphanumeric = (byte: number): boolean => (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122)
const isPlain = (byte: number): boolean => isAlphanumeric(byte) || byte === 45 || byte === 46 || byte === 95

/**
 * A name as a topic level: each UTF-8 byte outside the allowed set becomes %XX, the empty name `%`.
 * Undefined for what has no such form: lone surrogates, and names that would be too long for a topic.
 */
export function encodeName(name: string): string | undefined {
  if (namePattern.test(name)) return name
  if (name === '') return '%'
  if (!name.isWellFormed()) return undefined
  let level = ''
  for (const byte of encoder.encode(name)) {
    const kept = level === '' ? isAlphanumeric(byte) : isPlain(byte)
    level += kept ? String.fromCharCode(byte) : '%' + byte.toString(16).toUpperCase().padStart(2, '0')
  }
  return level.length > maxSegment ? undefined : level
}

/** The name that a topic level stands for; undefined when it is not exactly what {@link encodeName} writes. */
export function decodeName(level: string): string | undefined {
  if (namePattern.test(level)) return level
  if (level === '%') return ''
  if (level.length > maxSegment) return undefined
  const bytes: number[] = []
  for (let i = 0; i < level.length; i++) {
    if (level[i] === '%') {
      const hex = level.slice(i + 1, i + 3)
      if (!/^[0-9A-F]{2}$/.test(hex)) return undefined
      bytes.push(Number.parseInt(hex, 16))
      i += 2
    } else bytes.push(level.charCodeAt(i) & 0xff)
  }
  try {
    const name = decoder.decode(Uint8Array.from(bytes))
    return encodeName(name) === level ? name : undefined
  } catch {
    return undefined
  }
}

/** What has no place in the name of a topic [MQTT-3.3.2-2], [MQTT-1.5.3-2]. */
const wild = /[+#\0]/g

export type ParsedTopic =
  /** Not ours: passes untouched. */
  | { readonly where: 'outside' }
  /** `$…` or a dead letter: nobody but the broker and the gateway writes there. */
  | { readonly where: 'reserved' }
  /** Under the root, but no topic of ours: wrong depth, unknown last level, broken percent-encoding. */
  | { readonly where: 'invalid'; readonly reason: string }
  | { readonly where: 'root'; readonly kind: 'state'; readonly device: string; readonly codename: '' }
  | { readonly where: 'root'; readonly kind: Exclude<Kind, 'state'>; readonly device: string; readonly codename: string }

/** The other topics of a codename hang below that of its reading. */
export function below(reading: string, kind: Exclude<Kind, 'state' | 'reading'>): string {
  return `${reading}/${kind}`
}

/** Filter of the readings of a device, whose state is there. */
export function readingsOf(state: string): string {
  return `${state}/+`
}

/** Where a command goes that the gateway answered itself: out of the way of devices, and of `#`. */
export const answeredTopic = '$SYS/labgate/answered'

/** Where the gateway hears itself: whoever may read `$SYS` hears it too. */
export const pulseTopic = '$SYS/labgate/pulse'

/** Filter of what the broker says of itself. */
export const brokerTopics = '$SYS/#'

const outside: ParsedTopic = { where: 'outside' }
const reserved: ParsedTopic = { where: 'reserved' }
const invalid = (reason: string): ParsedTopic => ({ where: 'invalid', reason })

/** Topics under one root. */
export class Topics {
  readonly root: string
  readonly #dead: string

  constructor(root: string) {
    this.root = root
    this.#dead = root + '-dead'
  }

  /** Undefined when the device's name has no topic form. */
  state(device: string): string | undefined {
    const level = encodeName(device)
    return level === undefined ? undefined : `${this.root}/${level}`
  }

  /** Topic of the reading; the others are {@link below} it. */
  reading(device: string, codename: string): string | undefined {
    const [first, second] = [encodeName(device), encodeName(codename)]
    if (first === undefined || second === undefined) return undefined
    const topic = `${this.root}/${first}/${second}`
    return topic.length > maxTopicBytes - this.#dead.length - 16 ? undefined : topic
  }

  /** What stands below the root; undefined: it is outside. */
  inside(topic: string): string | undefined {
    return topic.startsWith(this.root) && topic[this.root.length] === '/' ? topic.slice(this.root.length + 1) : undefined
  }

  /** The reverse, also of a filter. */
  at(rest: string): string {
    return `${this.root}/${rest}`
  }

  /** Where a refused message goes: `lab-dead/<original topic>`, cut to what MQTT and the matcher can hold. */
  dead(original: string): string {
    const levels = original
      .replace(wild, (character) => '%' + character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0'))
      .split('/')
    const room = maxLevels - this.#dead.split('/').length
    const kept = levels.length > room ? levels.slice(0, room).join('/') : levels.join('/')
    const topic = `${this.#dead}/${kept}`
    return topic.length > maxTopicBytes / 3 ? topic.slice(0, maxTopicBytes / 3) : topic
  }

  /** What the topic of a dead letter was, as far as it is not cut; undefined: it is none. */
  original(topic: string): string | undefined {
    return topic.startsWith(this.#dead) && topic[this.#dead.length] === '/' ? topic.slice(this.#dead.length + 1) : undefined
  }

  /** The same of a filter, for those dead letters that it matches; undefined: none. */
  originals(filter: string): string | undefined {
    const [own, levels] = [this.#dead.split('/'), filter.split('/')]
    for (const [at, level] of own.entries()) {
      if (levels[at] === '#') return '#'
      if (levels[at] !== '+' && levels[at] !== level) return undefined
    }
    return levels.length > own.length ? levels.slice(own.length).join('/') : undefined
  }

  /** Filter of everything under the root. */
  get everything(): string {
    return `${this.root}/#`
  }

  /** Filter of all that hangs below a device, and of its state. */
  ofDevice(level: string): string {
    return `${this.root}/${level}/#`
  }

  /** Filter of all topics of a kind, of one device or of all. */
  filter(kind: Kind, level = '+'): string {
    if (kind === 'state') return `${this.root}/${level}`
    return kind === 'reading' ? `${this.root}/${level}/+` : `${this.root}/${level}/+/${kind}`
  }

  /** Filter of all dead letters. */
  get deadLetters(): string {
    return `${this.#dead}/#`
  }

  /** What the topics of a kind look like, for messages to people. */
  pattern(kind: Kind): string {
    if (kind === 'state') return `${this.root}/<device>`
    return kind === 'reading' ? `${this.root}/<device>/<codename>` : `${this.root}/<device>/<codename>/${kind}`
  }

  parse(topic: string): ParsedTopic {
    // Aedes refuses these in PUBLISH, but not in a will.
    if (topic === '' || topic.search(wild) >= 0) return invalid('the name of a topic is not empty, and holds no wildcard')
    if (topic.startsWith('$')) return reserved
    if (topic === this.#dead || topic.startsWith(this.#dead + '/')) return reserved
    if (topic === this.root) return invalid(`a topic under ${this.root} names a device: ${this.root}/<device>`)
    if (!topic.startsWith(this.root + '/')) return outside
    if (topic.length > this.root.length + maxReceived) return invalid(`longer than ${maxReceived} characters below the root`)
    const levels = topic.slice(this.root.length + 1).split('/')
    if (levels.length > 3) return invalid(`too many levels: the deepest topic is ${this.root}/<device>/<codename>/<kind>`)
    const names = levels.slice(0, 2).map(decodeName)
    const [device, codename] = names
    if (device === undefined || (levels.length > 1 && codename === undefined)) {
      const wrong = device === undefined ? levels[0] : levels[1]
      return invalid(`${JSON.stringify(wrong)} is no name: use letters, digits, _ . and -, and percent-encode the rest`)
    }
    if (levels.length === 1) return { where: 'root', kind: 'state', device, codename: '' }
    if (levels.length === 2) return { where: 'root', kind: 'reading', device, codename: codename as string }
    const last = levels[2] as string
    if (!suffixes.has(last)) return invalid(`unknown last level ${JSON.stringify(last)}; known are ${[...suffixes].join(', ')}`)
    return { where: 'root', kind: last as Exclude<Kind, 'state'>, device, codename: codename as string }
  }
}
