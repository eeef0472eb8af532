import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { NameTurns, lookUp, lookUpForSocket } from './names.js'

/** Threads for look-ups, as the system has them: so many go at a time, the others wait, first come, first served. */
class Threads {
  readonly #free: number
  readonly #under: (() => void)[] = []
  readonly #waiting: { name: string; begin: () => void }[] = []
  /** Names that are being looked up or wait for it, the oldest first. */
  readonly asked: string[] = []

  constructor(free: number) {
    this.#free = free
  }

  /** Names with `dead` never answer until {@link giveUp}. */
  async find(name: string): Promise<string> {
    this.asked.push(name)
    if (this.#under.length >= this.#free) await new Promise<void>((resolve) => this.#waiting.push({ name, begin: resolve }))
    if (!name.startsWith('dead')) return `address of ${name}`
    await new Promise<void>((resolve) => this.#under.push(resolve))
    throw new Error(`no ${name}`)
  }

  /** The time of all that are under way is over. */
  giveUp(): void {
    for (const end of this.#under.splice(0)) end()
    for (const { begin } of this.#waiting.splice(0, this.#free)) begin()
  }
}

const settle = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve))

describe('look-ups of names', () => {
  const dead = ['dead1', 'dead2', 'dead3', 'dead4', 'dead5', 'dead6']

  /** All of them were not found once. */
  async function doubted(turns: NameTurns): Promise<void> {
    await Promise.all(dead.map(async (name) => await turns.find(name, () => Promise.reject(new Error('no'))).catch(() => {})))
  }

  it('of names that nobody answers for leave room for others', async () => {
    const [turns, threads] = [new NameTurns(), new Threads(2)]
    await doubted(turns)
    const failed: string[] = []
    for (const name of dead) void turns.find(name, () => threads.find(name)).catch(({ message }: Error) => failed.push(message))
    await settle()
    assert.deepEqual(threads.asked, ['dead1'])
    assert.equal(await turns.find('good', () => threads.find('good')), 'address of good')
    for (let i = 0; i < dead.length; i++) {
      threads.giveUp()
      await settle()
    }
    assert.deepEqual(
      failed,
      dead.map((name) => `no ${name}`)
    )
  })

  it('of a name that waits already are not asked for again, so that one that came back is found', async () => {
    const [turns, threads] = [new NameTurns(), new Threads(2)]
    await doubted(turns)
    await turns.find('back', () => Promise.reject(new Error('no'))).catch(() => {})
    const failed: string[] = []
    const found: string[] = []
    for (let round = 0; round < 100; round += 1) {
      for (const name of dead) void turns.find(name, () => threads.find(name)).catch(({ message }: Error) => failed.push(message))
      void turns.find('back', () => threads.find('back')).then((address) => found.push(address))
      void turns.find('back', () => threads.find('back'), '4').then((address) => found.push(`${address} over IPv4`))
    }
    for (let i = 0; i < dead.length; i += 1) {
      await settle()
      threads.giveUp()
    }
    await settle()
    assert.deepEqual(threads.asked, [...dead, 'back', 'back'])
    assert.deepEqual([failed.length, found.length, new Set(found).size], [600, 200, 2])
  })

  it('of a name that is found again wait no more', async () => {
    const [turns, threads] = [new NameTurns(), new Threads(2)]
    await doubted(turns)
    assert.equal(await turns.find('dead1', () => Promise.resolve('here')), 'here')
    void turns.find('dead2', () => threads.find('dead2')).catch(() => {})
    await settle()
    assert.equal(await turns.find('dead1', () => Promise.resolve('here')), 'here')
    threads.giveUp()
  })

  it('are those of the system', async () => {
    assert.ok((await lookUp('localhost', { family: 4 })).some(({ address }) => address === '127.0.0.1'))
    await assert.rejects(lookUp('a name that none can have'), { syscall: 'getaddrinfo' })
  })

  it('serve sockets, for one address and for all', async () => {
    const server = createServer((socket) => socket.end())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    for (const autoSelectFamily of [true, false]) {
      const socket = connect({ host: 'localhost', port, family: 4, autoSelectFamily, lookup: lookUpForSocket })
      await once(socket, 'connect')
      socket.destroy()
    }
    const failing = connect({ host: 'a name that none can have', port, lookup: lookUpForSocket })
    const [error] = (await once(failing, 'error')) as [NodeJS.ErrnoException]
    assert.equal(error.syscall, 'getaddrinfo')
    await new Promise((resolve) => server.close(resolve))
  })
})
