import assert from 'node:assert/strict'
import { checkConfig } from '../../gateway/config.js'
import { adapterTypes } from '../../adapters/index.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { UdpFrom } from '../support/udp-from.js'
import { Random } from '../faults/random.js'

const yaml = `
devices:
  sink: { codenames: { a: {} } }
  many: { codenames: { ${Array.from({ length: 300 }, (_, i) => `channel_${i}: {}`).join(', ')} } }
adapters:
  - { id: pull, type: data-pull-server, port: 0, name: pull, device: many }
  - { id: data, type: data-pull-server, port: 0, name: data, kind: data, device: many }
  - { id: push, type: data-push-server, port: 0, name: push, device: sink }
  - { id: some, type: data-push-server, port: 0, name: some, channels: { ${Array.from({ length: 300 }, (_, i) => `key_${i}: many/channel_${i}`).join(', ')} } }
  - { id: live, type: live-server, port: 0, web: { port: 0 } }
  - { id: sends, type: live-client, target: { host: 127.0.0.1, port: 9 }, watch: [many], port: 0, name: sends }
  - { id: rig, type: rig-server, port: 0, device: stage }
`

/** Bytes that a refusal has beyond what it refuses: the words for it. See README, "What is answered to whom". */
const words: Readonly<Record<string, number>> = { pull: 16, data: 16, sends: 16, push: 262, some: 262, live: 0, rig: 0 }

/** What no protocol has a question for. */
const garbage: readonly (string | Buffer)[] = [
  '',
  'x',
  'hello',
  'raw\n',
  'GET / HTTP/1.1\r\n\r\n',
  '#',
  '##',
  'a#b#c',
  '[',
  '{"a":',
  'json_wn#',
  'json_wn#[',
  'json_wn#[1e15,1e15,1e15]',
  `json_wn#[${Array.from({ length: 1000 }, () => '1e15').join()}]`,
  'json_wn#{"nothing": 1}',
  'raw_wn#nothing:int:1',
  'raw_wn#a:int:x',
  `raw_wn#${'a:int:1;'.repeat(500)}b:int:x`,
  'x'.repeat(8000),
  '['.repeat(8000),
  '[3, 1',
  '[99, 1]',
  Buffer.from([0xff, 0xfe, 0x00]),
  Buffer.alloc(1000, 0x80),
  Buffer.alloc(100)
]

/** Of a rig: what it takes for a message is answered; those begin with an event number. */
const isMessage = (datagram: Buffer): boolean => /^\s*\[\s*\d/.test(datagram.toString('latin1'))

describe('what a UDP listener answers to whoever forges his address', function () {
  this.timeout(15_000)

  let running: Running
  const clients: UdpFrom[] = []
  before(async () => (running = await start(yaml)))
  after(async () => {
    for (const client of clients) client.close()
    await running.stop()
    assert.deepEqual(
      running.log.lines.filter(({ level }) => level === 'error'),
      []
    )
  })

  async function client(port = 0): Promise<UdpFrom> {
    const made = await UdpFrom.open('127.0.0.1', port)
    clients.push(made)
    return made
  }

  const random = new Random(7)
  const mutated = Array.from({ length: 60 }, () =>
    random.mutate(Buffer.from(random.pick(['json_wn#[1,2]', 'raw_wn#q:int:1', 'names', 'status '])), ['#', '['], [Buffer.from('nonsense')])
  )

  it('is of every type that listens over UDP', () => {
    const { plans } = checkConfig(`broker: { tcp: { port: 0 } }\n${yaml}`, { file: 'x', types: adapterTypes, env: {} })
    for (const [id, plan] of plans) assert.ok(plan.listens?.some(({ protocol }) => protocol === 'udp') && words[id] !== undefined, id)
  })

  for (const [id, more] of Object.entries(words))
    it(`${id}: nonsense is answered with no more than itself and ${more} bytes`, async () => {
      for (const each of [...garbage, ...mutated]) {
        const datagram = Buffer.from(each)
        const asker = await UdpFrom.open()
        try {
          await asker.send(running.port(id), datagram)
          if (id === 'rig' && isMessage(datagram)) continue
          // What follows is answered later, and says that all has come.
          if (id === 'rig' || id === 'live') await new Promise((resolve) => setTimeout(resolve, 20))
          else await until(asker, running.port(id))
          const bytes = asker.answers.reduce(
            (sum, answer) => sum + (answer.toString().endsWith(id) && answer.length < 12 ? 0 : answer.length),
            0
          )
          assert.ok(bytes <= datagram.length + more, `${datagram.toString('latin1', 0, 40)} (${datagram.length}): ${bytes} bytes`)
        } finally {
          asker.close()
        }
      }
    })

  /** Asks for the name until it comes: what was asked before has been answered by then. */
  async function until(asker: UdpFrom, port: number): Promise<void> {
    await asker.send(port, 'name')
    for (let waited = 0; waited < 2000; waited += 2) {
      if (asker.answers.some((answer) => /^(RET#)?(pull|data|push|some|sends)$/.test(answer.toString()))) return
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    throw new Error('the name did not come')
  }

  for (const id of ['pull', 'push', 'rig'])
    it(`${id}: a service that sends back what it gets, and one that answers anything, come to an end`, async () => {
      for (const [reflect, first] of [
        [(answer: Buffer) => answer, 'nonsense'],
        [(answer: Buffer) => answer, id === 'rig' ? '[32, 0]' : 'name'],
        // A socket of the same kind, elsewhere, without this defence.
        [() => Buffer.from('UNKNOWN_COMMMAND'), 'nonsense'],
        [() => Buffer.from('ERROR#UNKNOWN_COMMMAND'), 'nonsense']
      ] as const) {
        const echo = await client()
        echo.reflect(reflect)
        await echo.send(running.port(id), first)
        // Its own answers come again and again only as long as they are answered.
        assert.ok((await echo.all()).length <= 20, first)
      }
    })

  it('does not go to and fro between two listeners of ours, or of two gateways', async () => {
    const other = await start(yaml)
    try {
      for (const [one, two] of [
        ['pull', 'pull'],
        ['pull', 'push'],
        ['push', 'push'],
        ['rig', 'pull'],
        ['rig', 'push'],
        ['rig', 'rig'],
        ['sends', 'push']
      ] as const) {
        // Stands between them and carries what each says to the other, as if both had been told the address of the other.
        const [left, right] = [await client(), await client()]
        left.reflectTo(right, other.port(two))
        right.reflectTo(left, running.port(one))
        await left.send(running.port(one), 'nonsense')
        await right.all()
        assert.ok(left.carried + right.carried <= 20, `${one} and ${two}: ${left.carried + right.carried} datagrams`)
      }
    } finally {
      await other.stop()
    }
  })
})
