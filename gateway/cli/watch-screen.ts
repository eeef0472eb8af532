/** How `labgate watch` shows what comes. */
import { systemClock } from '../clock.js'
import type { Watch } from '../adapter.js'
import type { Papers } from './paper.js'
import { printable } from './printable.js'
import { ageText, errorText, valueText } from './reading-text.js'
import { WatchTable } from './watch-table.js'
import type { DeviceHeard, Heard } from './watch-table.js'

export interface Screen {
  reading(json: string, reading: Heard): Promise<void>
  state(json: string, state: DeviceHeard): Promise<void>
  /** Connected, or why not. `offset`: seconds by which the gateway's clock is ahead of this one. */
  connected(offset: number): Promise<void>
  lost(why: string): Promise<void>
  end(): Promise<void>
}

/** Five times a second at most; once a second, as ages count up. */
const soonest = 0.2
const ages = 1

const up = (lines: number): string => (lines > 0 ? `\u001b[${lines}A\r` : '\r')
const rest = { line: '\u001b[K', screen: '\u001b[J' }
const cursor = { hide: '\u001b[?25l', show: '\u001b[?25h' }

/** A table, rewritten in place. */
export class LiveScreen implements Screen {
  readonly #paper: Papers['out']
  readonly #rows: () => number
  readonly #table = new WatchTable()
  #offset = 0
  #status = 'connecting'
  #isLost = true
  #shown = 0
  #painted = -Infinity
  /** When it is painted next, monotonic seconds. */
  #due = Infinity
  #timer: Watch | undefined
  #painting: Promise<void> | undefined
  #isOver = false

  /** `rows`: of the terminal. */
  constructor({ out }: Papers, rows: () => number) {
    this.#paper = out
    this.#rows = rows
  }

  async reading(json: string, reading: Heard): Promise<void> {
    this.#table.reading(json, reading)
    this.#soon(soonest)
  }

  async state(_json: string, state: DeviceHeard): Promise<void> {
    this.#table.state(state)
    this.#soon(soonest)
  }

  async connected(offset: number): Promise<void> {
    this.#offset = offset
    this.#status = 'connected'
    this.#isLost = false
    this.#soon(soonest)
  }

  async lost(why: string): Promise<void> {
    this.#status = `NOT CONNECTED: ${printable(why.split('\n')[0] ?? '')}; trying again`
    this.#isLost = true
    this.#table.lose()
    this.#soon(0)
  }

  async end(): Promise<void> {
    this.#isOver = true
    this.#timer?.cancel()
    await this.#painting
    await this.#paint()
    await this.#paper.write(this.#shown > 0 ? cursor.show : '')
  }

  #soon(within: number): void {
    if (this.#isOver) return
    const now = systemClock.monotonic()
    const due = this.#painted + Math.max(within, soonest)
    if (due >= this.#due) return
    this.#due = due
    this.#timer?.cancel()
    this.#timer = systemClock.after(Math.max(0, due - now), () => {
      this.#due = Infinity
      this.#painted = systemClock.monotonic()
      // A terminal that takes nothing is not painted again meanwhile.
      if (this.#painting !== undefined) return
      this.#painting = this.#paint().finally(() => {
        this.#painting = undefined
        this.#soon(ages)
      })
    })
  }

  async #paint(): Promise<void> {
    const paper = this.#paper
    const lines = this.#table.lines(paper, Math.max(4, this.#rows() - 2), systemClock.now() + this.#offset)
    const status = this.#isOver ? '' : this.#isLost ? this.#status : `${this.#status}; Ctrl-C ends it`
    const all = [...lines, ...(status === '' ? [] : [paper.paint(this.#isLost ? 'bad' : 'dim', status.slice(0, paper.columns - 1))])]
    const text = all.map((line) => `${line}${rest.line}\n`).join('')
    await paper.write(`${this.#shown === 0 ? cursor.hide : ''}${up(this.#shown)}${text}${rest.screen}`)
    this.#shown = all.length
  }
}

/** A line for each reading: of files, pipes, and who wants to scroll back. */
export class LineScreen implements Screen {
  readonly #papers: Papers
  readonly #isJson: boolean
  /** What was shown last of each: after a new connection it comes again. */
  readonly #shown = new Map<string, string>()
  #offset = 0
  #isLost = false

  constructor(papers: Papers, isJson: boolean) {
    this.#papers = papers
    this.#isJson = isJson
  }

  async reading(json: string, reading: Heard): Promise<void> {
    const { device, codename, quality, time, unit, error } = reading
    if (!this.#isNew([device, codename], json)) return
    const { out } = this.#papers
    if (this.#isJson) return await out.data(`${json}\n`, 'json')
    const age = Math.max(0, systemClock.now() + this.#offset - Date.parse(time) / 1000)
    const value = reading.value === null ? '' : printable(valueText(json))
    const words =
      quality === 'good'
        ? ''
        : `  ${quality.toUpperCase()}${error === undefined ? '' : ` ${printable(errorText(error))}`}${quality === 'stale' ? `, ${ageText(age)} old` : ''}`
    const line = `${time}  ${printable(`${device}/${codename}`)}  ${[value, printable(unit ?? '')].filter(Boolean).join(' ')}${words}`
    await out.write(`${out.paint(quality === 'good' ? undefined : quality === 'uncertain' ? 'warn' : 'bad', line)}\n`)
  }

  async state(json: string, state: DeviceHeard): Promise<void> {
    if (!this.#isNew([state.device], json)) return
    const { out } = this.#papers
    if (this.#isJson) return await out.data(`${json}\n`, 'json')
    const { device, state: how, reason } = state
    await out.write(
      `${out.paint(how === 'online' ? 'good' : how === 'degraded' ? 'warn' : 'bad', printable(`${device} is ${how}${reason === '' ? '' : `: ${reason}`}`))}\n`
    )
  }

  async connected(offset: number): Promise<void> {
    this.#offset = offset
    if (this.#isLost) await this.#papers.side.write('connected again; what came in between is in the history: labgate history\n')
    this.#isLost = false
  }

  async lost(why: string): Promise<void> {
    if (!this.#isLost)
      await this.#papers.side.write(
        `${this.#papers.side.paint('bad', `NOT CONNECTED: ${printable(why.split('\n')[0] ?? '')}; trying again`)}\n`
      )
    this.#isLost = true
  }

  async end(): Promise<void> {}

  #isNew(name: readonly string[], json: string): boolean {
    const key = JSON.stringify(name)
    if (this.#shown.get(key) === json) return false
    this.#shown.set(key, json)
    return true
  }
}
