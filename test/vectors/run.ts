/** Plays one recorded case against the composition, over real sockets. */
import { exactEqual } from '../../adapters/common/exact-json.js'
import type { ExactMap } from '../../adapters/common/exact-json.js'
import { dumps, str, toAscii } from '../../adapters/common/python-text.js'
import { Asker } from './asker.js'
import { Composition } from './composition.js'
import { playProxy } from './live-proxy.js'
import { describe, matches, show } from './match.js'
import type { Surroundings } from './match.js'
import { PythonError, Unreachable } from './unreachable.js'
import type { Operation, Talk, Vector } from './vector.js'

export interface Outcome {
  /** What is wrong, with what was expected and what came. */
  readonly problems: readonly string[]
  /** Where the gateway answered and the original is silent. */
  readonly better: readonly string[]
  /** The design keeps the gateway from being asked this. */
  readonly unreachable: string | undefined
}

/** Where the first socket was when it was recorded; the next ones follow. */
const recordedPort = 20001

/** Seconds after which silence counts as such, where nobody can be asked. */
const silence = 0.35

/** `schema`: see {@link Surroundings}. */
export async function run(vector: Vector, schema: Surroundings['schema']): Promise<Outcome> {
  if (vector.kind === 'liveproxy') return await playProxy(vector)
  const play = new Play(vector, schema)
  try {
    await play.all()
    return play.outcome()
  } catch (error) {
    if (error instanceof Unreachable) return play.outcome(error.message)
    throw error
  } finally {
    await play.close()
  }
}

class Play {
  readonly #problems: string[] = []
  readonly #better: string[] = []
  readonly #vector: Vector
  readonly #schema: Surroundings['schema']
  readonly #composition = new Composition()
  readonly #askers = new Map<number, Asker>()
  readonly #stopped = new Set<number>()
  /** Where LiveSockets send to. */
  #proxy: Asker | undefined
  /** As they were when all was open: a socket that was stopped has none. */
  #ports: readonly number[] = []

  constructor(vector: Vector, schema: Surroundings['schema']) {
    this.#vector = vector
    this.#schema = schema
  }

  async all(): Promise<void> {
    const { clock, servers, steps } = this.#vector
    if (clock !== undefined) this.#composition.clock.standStill(clock)
    for (const server of servers) {
      const raises = server.get('raises')
      const raised = await failure(this.#composition.create(await this.#withProxy(server), 0))
      if (raised !== (raises ?? undefined)) return this.#fail('at construction', str(raises ?? 'no error'), raised ?? 'no error')
      if (raised !== undefined) return
    }
    this.#ports = servers.map((_, i) => this.#composition.port(i))
    for (const [i, step] of steps.entries()) {
      if (step.kind === 'op') await this.#operate(step, `step ${i + 1}, ${step.op}(${step.args.map(dumps).join(', ')})`)
      else await this.#talk(step, `step ${i + 1}, ${step.send === undefined ? 'receiving' : `sending ${show(step.send)}`}`)
    }
  }

  outcome(unreachable?: string): Outcome {
    return { problems: this.#problems, better: this.#better, unreachable }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#askers.values(), ...(this.#proxy === undefined ? [] : [this.#proxy])].map((asker) => asker.close()))
    await this.#composition.stopAll()
  }

  async #withProxy(server: ExactMap): Promise<ExactMap> {
    if (server.get('kind') !== 'live') return server
    this.#proxy ??= await Asker.open()
    return new Map([...server, ['live_server', ['127.0.0.1', BigInt(this.#proxy.port)]]])
  }

  async #operate({ op, args, to, result, raises, emit }: Operation, where: string): Promise<void> {
    const done = this.#composition.op(to, op, args)
    const raised = await failure(done)
    if (raised !== raises) return this.#fail(where, raises ?? 'no error', raised ?? 'no error')
    if (op === 'stop') this.#stopped.add(to)
    if (emit !== undefined && emit.kind !== 'silence') {
      const sent = await this.#proxy?.receive(this.#vector.wait)
      if (sent === undefined || !matches(emit, sent, { ports: new Map(), schema: this.#schema }))
        this.#fail(`${where}, sending to the proxy`, describe(emit), sent === undefined ? 'nothing' : show(sent))
    }
    if (raised !== undefined || result === undefined) return
    const got = (await done) ?? null
    if (!exactEqual(got, result)) this.#fail(where, dumps(result), dumps(got))
  }

  async #talk({ send, expected, client, to }: Talk, where: string): Promise<void> {
    const asker = this.#askers.get(client) ?? (await Asker.open())
    this.#askers.set(client, asker)
    if (send !== undefined) await asker.send(send, this.#port(to))
    if (expected === undefined) return
    if (expected.kind === 'silence') {
      const got = send === undefined || this.#stopped.has(to) ? await asker.receive(silence) : await this.#overtaken(asker, to)
      if (got === undefined) return
      if (this.#vector.tier === 'bug') this.#better.push(`${where}: answered ${show(got)}, where the original is silent`)
      else this.#fail(where, 'silence', show(got))
      return
    }
    const got = await asker.receive(this.#vector.wait)
    const ports = new Map(this.#ports.map((port, i) => [String(recordedPort + i), String(port)]))
    if (got === undefined || !matches(expected, got, { ports, schema: this.#schema }))
      this.#fail(where, describe(expected), got === undefined ? 'silence' : show(got))
  }

  /**
   * What came before the answers to two further questions, which differ. A socket answers in order, so when they come first, the
   * question before them was left without an answer; nobody has to wait to be sure.
   */
  async #overtaken(asker: Asker, to: number): Promise<Buffer | undefined> {
    const server = this.#vector.servers[to]
    const name = toAscii(str(server?.get('name') ?? ''))
    const answer = Buffer.from(server?.get('kind') === 'push' ? `RET#${name}` : name)
    for (const question of ['name', '?']) await asker.send(Buffer.from(question), this.#port(to))
    const first = await asker.receive(this.#vector.wait)
    const second = await asker.receive(this.#vector.wait)
    if (first === undefined || second === undefined) {
      this.#problems.push('a socket that should be silent on one question did not answer the next ones either')
      return undefined
    }
    if (first.equals(answer) && !second.equals(answer)) return undefined
    await asker.receive(this.#vector.wait)
    return first
  }

  #port(to: number): number {
    const port = this.#ports[to]
    if (port === undefined) throw new Error(`the case has no server ${to}`)
    return port
  }

  #fail(where: string, expected: string, got: string): void {
    this.#problems.push(`${where}\n  expected ${expected}\n  got      ${got}`)
  }
}

/** What the original would have raised, as text. */
async function failure(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    if (error instanceof PythonError) return error.toString()
    throw error
  }
}
