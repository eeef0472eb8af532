/** Plays one recorded case of the live proxy against an instance of live-server: real datagrams, real WebSockets. */
import { isExactList, isExactMap, parseExact } from '../../adapters/common/exact-json.js'
import type { Exact, ExactMap } from '../../adapters/common/exact-json.js'
import { dumps, str } from '../../adapters/common/python-text.js'
import { Fence, TestPage, pagesPort } from '../support/page.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { Asker } from './asker.js'
import { show } from './match.js'
import type { Outcome } from './run.js'
import type { Vector } from './vector.js'

export async function playProxy(vector: Vector): Promise<Outcome> {
  const running = await start('adapters: [{ id: proxy, type: live-server, port: 0, web: { port: 0 } }]')
  const play = new Play(vector, running, await Asker.open())
  try {
    await play.all()
    return { problems: play.problems, better: play.better, unreachable: undefined }
  } finally {
    await play.close()
    await running.stop()
  }
}

class Play {
  readonly problems: string[] = []
  readonly better: string[] = []
  readonly #vector: Vector
  readonly #running: Running
  readonly #host: Asker
  readonly #fence: Fence
  readonly #pages = new Map<number, TestPage>()

  constructor(vector: Vector, running: Running, host: Asker) {
    this.#vector = vector
    this.#running = running
    this.#host = host
    this.#fence = new Fence(async (datagram) => await this.#send(datagram))
  }

  async all(): Promise<void> {
    const steps = ['before', 'steps'].flatMap((key) => (this.#vector.line.get(key) ?? []) as readonly Exact[]).filter(isExactMap)
    for (const [i, step] of steps.entries()) await this.#step(step, `step ${i + 1}, ${dumps(step).slice(0, 120)}`)
  }

  async close(): Promise<void> {
    for (const page of this.#pages.values()) await page.close()
    await this.#host.close()
  }

  async #step(step: ExactMap, where: string): Promise<void> {
    const [opened, closed, frame, datagram] = ['ws_open', 'ws_close', 'ws_send', 'udp'].map((key) => step.get(key))
    if (opened !== undefined) this.#pages.set(Number(opened), await TestPage.open(pagesPort(this.#running, 'proxy')))
    else if (closed !== undefined) await this.#page(closed).close()
    else if (frame !== undefined) this.#page(step.get('ws')).send(step.get('binary') === true ? Buffer.from(str(frame)) : str(frame))
    else if (datagram !== undefined) await this.#send(str(datagram))
    else if (step.has('ws_recv')) await this.#receive(step, where)
    else throw new Error(`this player knows no such step: ${where}`)
  }

  async #receive(step: ExactMap, where: string): Promise<void> {
    const page = this.#page(step.get('ws'))
    const listed = step.get('ws_recv') ?? []
    const wanted = isExactList(listed) ? listed : []
    const ends = wanted.find((each) => isExactMap(each))
    if (ends !== undefined && isExactMap(ends)) {
      const code = BigInt(await page.closed)
      if (code !== ends.get('closed')) this.#fail(where, `closed with ${str(ends.get('closed') ?? null)}`, `closed with ${code}`)
      return
    }
    // With a limit what comes by itself is waited for; else all that was brought about so far is wanted.
    const limit = step.get('limit')
    const got = limit === undefined ? await this.#fence.frames(page) : await some(page, Number(limit), Number(step.get('wait')))
    const pattern = step.get('match') === 'regex' ? new RegExp(`^(?:${str(step.get('pattern') ?? '')})`, 's') : undefined
    for (const [i, text] of wanted.map(str).entries()) this.#compare(text, got[i], pattern, `${where}, frame ${i + 1}`)
    for (const more of got.slice(wanted.length)) {
      if (this.#vector.tier === 'bug') this.better.push(`${where}: sent ${show(Buffer.from(more))}, where the original is silent`)
      else this.#fail(where, 'nothing more', show(Buffer.from(more)))
    }
  }

  #compare(wanted: string, got: string | undefined, pattern: RegExp | undefined, where: string): void {
    if (got !== undefined && (pattern?.test(got) ?? got === wanted)) return
    if (got !== undefined && pattern === undefined && got === readable(wanted))
      this.better.push(`${where}: sent ${show(Buffer.from(got))}, where a page could not read what the original sends`)
    else this.#fail(where, pattern === undefined ? wanted : String(pattern), got ?? 'nothing')
  }

  #fail(where: string, expected: string, got: string): void {
    this.problems.push(`${where}\n  expected ${expected}\n  got      ${got}`)
  }

  #page(index: Exact | undefined): TestPage {
    const page = this.#pages.get(Number(index ?? 0))
    if (page === undefined) throw new Error('the case has not opened this page')
    return page
  }

  async #send(datagram: string): Promise<void> {
    await this.#host.send(Buffer.from(datagram), this.#running.port('proxy'))
  }
}

async function some(page: TestPage, limit: number, seconds: number): Promise<string[]> {
  const frames: string[] = []
  while (frames.length < limit) {
    const frame = await page.frame(seconds * 1000)
    if (frame === undefined) break
    frames.push(frame)
  }
  return frames
}

/** The words NaN and Infinity are no JSON for a browser; null stands in their place. */
function readable(text: string): string | undefined {
  const parsed = parseExact(text, { words: true })
  return parsed.ok ? dumps(finite(parsed.value)) : undefined
}

function finite(value: Exact): Exact {
  if (typeof value === 'number' && !Number.isFinite(value)) return null
  if (isExactList(value)) return value.map(finite)
  return isExactMap(value) ? new Map([...value].map(([key, item]) => [key, finite(item)])) : value
}
