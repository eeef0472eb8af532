/** The control port: lets a player in another process make sockets and act as the programs that own them. */
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { isExactList, isExactMap, parseExact } from '../../adapters/common/exact-json.js'
import type { Exact, ExactMap } from '../../adapters/common/exact-json.js'
import { dumps } from '../../adapters/common/python-text.js'
import { Composition } from './composition.js'
import { PythonError, Unreachable } from './unreachable.js'

/** Operations that concern no socket. */
const everywhere = new Set(['clock', 'advance', 'sleep'])

/** TCP on 127.0.0.1, one JSON object a line each way; the operations stand in the README of the independent players. */
export class ControlServer {
  readonly #composition = new Composition()
  readonly #server: Server
  readonly #clients = new Set<Socket>()
  /** Index of the socket by the port that was asked for. */
  readonly #sockets = new Map<number, number>()
  /** One operation after another, also of several clients. */
  #work: Promise<unknown> = Promise.resolve()

  constructor() {
    this.#server = createServer((client) => this.#serve(client))
  }

  /** Resolves with the port. */
  async start(port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, '127.0.0.1', resolve)
    })
    return (this.#server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
    await this.#work
    await this.#composition.stopAll()
  }

  #serve(client: Socket): void {
    this.#clients.add(client)
    client.on('close', () => this.#clients.delete(client))
    // A player that is gone wants no answer.
    client.on('error', () => {})
    createInterface({ input: client, crlfDelay: Infinity }).on('line', (line) => {
      this.#work = this.#work.then(async () => {
        const answer = await this.#answer(line)
        if (client.writable) client.write(`${dumps(new Map(Object.entries(answer)))}\n`)
      })
    })
  }

  /** Never rejects. */
  async #answer(line: string): Promise<Record<string, Exact>> {
    try {
      const result = await this.#operate(parse(line))
      return { ok: true, ...(result === undefined ? {} : { result }) }
    } catch (error) {
      return { ok: false, error: textOf(error) }
    }
  }

  async #operate(request: ExactMap): Promise<Exact | undefined> {
    const op = request.get('op')
    const given = request.get('args') ?? []
    const args = isExactList(given) ? given : []
    const port = Number(request.get('port') ?? 0)
    if (typeof op !== 'string') throw new PythonError('ValueError', 'a line needs an op')
    if (op === 'ping') return undefined
    if (op === 'create') return await this.#create(request.get('server') ?? null)
    if (op === 'stop_all') {
      this.#sockets.clear()
      await this.#composition.stopAll()
      return undefined
    }
    if (everywhere.has(op)) return await this.#composition.time(op, args)
    const socket = this.#sockets.get(port)
    if (socket === undefined) throw new PythonError('KeyError', String(port))
    return await this.#composition.op(socket, op, args)
  }

  async #create(server: Exact): Promise<undefined> {
    if (!isExactMap(server)) throw new PythonError('ValueError', 'create needs a server')
    const port = Number(server.get('port') ?? 0)
    this.#sockets.set(port, await this.#composition.create(server, port))
  }
}

function parse(line: string): ExactMap {
  // Python's json writes NaN where its floats are.
  const parsed = parseExact(line, { words: true })
  if (!parsed.ok) throw new PythonError('ValueError', `no JSON: ${parsed.error}`)
  if (!isExactMap(parsed.value)) throw new PythonError('ValueError', 'a line is one JSON object')
  return parsed.value
}

function textOf(error: unknown): string {
  if (error instanceof PythonError) return error.toString()
  if (error instanceof Unreachable) return error.original?.toString() ?? `NotImplementedError: ${error.message}`
  return `RuntimeError: ${error instanceof Error ? error.message : String(error)}`
}
