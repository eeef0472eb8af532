/** A dead letter as `GET /api/dead` tells it; those that come over MQTT have no `n` and no `help`. */
export interface DeadLetter {
  readonly n?: number
  readonly topic: string
  readonly client: string
  readonly time: string
  readonly class: string
  readonly rule: string
  readonly reason: string
  readonly payload: string
  readonly encoding?: string
  readonly bytes?: number
  readonly retain?: boolean
  readonly qos?: number
  readonly help?: string
}

/** The same mistake, made once or again and again. */
export interface DeadGroup {
  readonly key: string
  /** The newest. */
  readonly last: DeadLetter
  readonly count: number
  /** Time of the oldest. */
  readonly first: string
}

const keyOf = ({ topic, client, class: kind, rule }: DeadLetter): string => JSON.stringify([topic, client, kind, rule])

/** The last dead letters, newest first, bounded. One may come over MQTT and again with the next answer of the API. */
export class DeadLetters {
  /** Changes with each. */
  version = 0
  /** Oldest first. */
  #known = new Map<string, DeadLetter>()
  #letters: readonly DeadLetter[] | undefined
  readonly #most: number

  constructor(most = 500) {
    this.#most = most
  }

  get letters(): readonly DeadLetter[] {
    this.#letters ??= [...this.#known.values()].reverse()
    return this.#letters
  }

  /** An answer of the API, newest first: it knows best, but what came over MQTT since then stays. */
  replace(letters: readonly DeadLetter[]): void {
    const newest = letters[0]?.time ?? ''
    const since = [...this.#known.values()].filter(({ n, time }) => n === undefined && time >= newest)
    this.#known = new Map()
    for (const letter of [...letters.toReversed(), ...since]) this.#add(letter)
  }

  /** One that came over MQTT, as it was published; false when it is none, or known. */
  take(text: string): boolean {
    const letter = readLetter(text)
    return letter !== undefined && this.#add(letter)
  }

  #add(letter: DeadLetter): boolean {
    const key = identity(letter)
    if (this.#known.has(key)) return false
    this.#known.set(key, letter)
    if (this.#known.size > this.#most) this.#known.delete(this.#known.keys().next().value as string)
    this.#letters = undefined
    this.version += 1
    return true
  }
}

const identity = ({ topic, client, time, rule, payload }: DeadLetter): string => JSON.stringify([topic, client, time, rule, payload])

function readLetter(text: string): DeadLetter | undefined {
  try {
    const letter = JSON.parse(text) as Partial<DeadLetter> | null
    const texts = [letter?.topic, letter?.client, letter?.time, letter?.class, letter?.rule, letter?.reason, letter?.payload]
    return texts.every((member) => typeof member === 'string') ? (letter as DeadLetter) : undefined
  } catch {
    return undefined
  }
}

/** Newest first; the same topic, client, class and rule are one group. */
export function grouped(letters: readonly DeadLetter[]): DeadGroup[] {
  const groups = new Map<string, { key: string; last: DeadLetter; count: number; first: string }>()
  for (const letter of letters) {
    const key = keyOf(letter)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { key, last: letter, count: 1, first: letter.time })
    else {
      group.count += 1
      if (letter.time < group.first) group.first = letter.time
    }
  }
  return [...groups.values()]
}

/** Every word must be somewhere in the letter. */
export function letterFits(letter: DeadLetter, text: string): boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  const whole = [letter.topic, letter.client, letter.class, letter.rule, letter.reason, letter.payload].join(' ').toLowerCase()
  return words.every((word) => whole.includes(word))
}
