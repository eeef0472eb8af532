/** Fifty rigs of which some are dead and some never stop talking, and memory over very many messages. */
import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { Program } from '../process/program.js'
import { TestClient } from '../support/mqtt.js'
import { Conductor, outcomes } from '../support/rig-sessions.js'
import type { Told } from '../support/rig-sessions.js'
import { freePort } from '../support/free-ports.js'
import { StrictRig, silentPort } from '../support/strict-peer.js'
import type { Manners } from '../support/strict-peer.js'
import { mebi } from './fuzzers.js'
import { Hosted } from './hosted.js'
import type { Babbled } from './rig-babbler.js'

/** Commands to a rig of the gateway; 1000000 for a release. */
const messages = Number(process.env['LABGATE_RIG_MESSAGES'] ?? 5000)

/** Sessions at each of fifty rigs. */
const sessions = Number(process.env['LABGATE_RIG_ROUNDS'] ?? 1)

/** The babbling: one over UDP, one over TCP. */
const [good, dead, babbling] = [43, 5, 2]

/** Bytes of heap that may be more after most of the messages than after the first of them. */
const leeway = 4 << 20

describe('fifty rigs', function () {
  this.timeout(60_000 + sessions * 10_000)
  const rigs: StrictRig[] = []
  const closed: { close(): Promise<void> }[] = []
  let babbler: Program
  let gateway: Hosted
  let client: TestClient

  const manners: readonly Manners[] = [
    {},
    { answer: (message) => message.replace(/\]$/, ', {"main_sync": false, "status": 10}]') },
    { after: 40 }
  ]

  before(async () => {
    for (let i = 0; i < good; i += 1) rigs.push(await StrictRig.open(manners[i % manners.length]))
    const ports = new Map(rigs.map(({ port }, i) => [`good-${i}`, port]))
    for (let i = 0; i < dead; i += 1) {
      const silent = await silentPort()
      closed.push(silent)
      // On some of them there is not even a program.
      ports.set(`dead-${i}`, i % 2 === 0 ? silent.port : await freePort())
    }
    babbler = new Program(process.execPath, [fileURLToPath(new URL('rig-babbler.js', import.meta.url))])
    const [, udp = '', tcp = ''] = await babbler.says(/"udp":(\d+),"tcp":(\d+)/)
    const loud = [`babbling-0: udp://127.0.0.1:${udp}`, `babbling-1: tcp://127.0.0.1:${tcp}`]
    const addresses = Array.from(ports, ([name, port]) => `${name}: udp://127.0.0.1:${port}`)
    gateway = await Hosted.start(
      `broker: { tcp: { port: 0 } }\nadapters: [{ id: room, type: rig-client, answerWithin: 3, rigs: { ${[...addresses, ...loud].join(', ')} } }]\n`
    )
    client = await TestClient.connect(gateway.started.mqtt)
  })

  after(async () => {
    await client.vanish()
    await gateway.stop()
    await babbler.gone()
    for (const each of [...rigs, ...closed]) await each.close()
  })

  it(`of which ${dead} are dead and ${babbling} talk without end: all sessions at the ${good} others are as if these were not there`, async () => {
    const conductor = await Conductor.open(client)
    const before = await gateway.figures()
    // Whoever has been spoken to begins to talk.
    const loud = Promise.all(Array.from({ length: babbling }, (_, i) => conductor.session(`babbling-${i}`)))
    const gone = Promise.all(Array.from({ length: dead }, (_, i) => conductor.session(`dead-${i}`)))
    const all: Told[] = []
    const began = performance.now()
    await Promise.all(
      rigs.map(async (_, i) => {
        for (let turn = 0; turn < sessions; turn += 1) all.push(...(await conductor.session(`good-${i}`)))
      })
    )
    const seconds = (performance.now() - began) / 1000
    const others = [...(await loud).flat(), ...(await gone).flat()]
    const during = await gateway.figures()
    babbler.kill('SIGTERM')
    const { code, stdout } = await babbler.ended()
    assert.equal(code, 0)
    const { said, echoed } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Babbled
    await conductor.assertOneReplyEach([...all, ...others])
    console.log(
      `      ${all.length} commands at ${good} rigs in ${seconds.toFixed(1)} s; the slowest echo for a rig took ` +
        `${Math.max(...rigs.map(({ slowest }) => slowest)).toFixed(0)} ms; ${said} said meanwhile by ${babbling}, ${echoed} of it echoed`
    )
    console.log(`      memory ${mebi(before.rss)}, then ${mebi(during.rss)} (heap ${mebi(before.heap)}, ${mebi(during.heap)})`)
    assert.deepEqual(
      rigs.flatMap(({ died }) => died ?? []),
      []
    )
    assert.deepEqual(
      all.flatMap(({ id, reply }) => (reply.phase === 'done' ? [] : [`${id}: ${reply.error?.message}`])),
      []
    )
    const failed = (await gone).flat()
    assert.deepEqual(
      [...outcomes(failed).keys()].filter((outcome) => !['echo-timeout', 'no-listener'].includes(outcome)),
      []
    )
    assert.ok(echoed > 100, `${echoed} echoed`)
    assert.deepEqual(during.errors, [])
    assert.ok(during.warnings <= 100, `${during.warnings} warnings`)
  })
})

describe('a rig with very many messages', function () {
  this.timeout(60_000 + messages * 3)
  const controllers = messages > 100_000 ? 64 : 16
  let gateway: Hosted

  before(async () => {
    gateway = await Hosted.start('broker: { tcp: { port: 0 } }\nadapters: [{ id: rig, type: rig-server, port: 0, device: camera }]\n')
  })
  after(async () => await gateway.stop())

  it(`of ${controllers} controllers at a time has no more memory after ${messages} than after the first of them`, async () => {
    const port = gateway.started.ports['rig'] as number
    const crowd = new Program(process.execPath, [
      fileURLToPath(new URL('rig-crowd.js', import.meta.url)),
      ...[port, controllers, messages].map(String)
    ])
    const began = performance.now()
    const heaps: number[] = []
    try {
      for (let tenth = 1; tenth <= 10; tenth += 1) {
        await sayTenth(crowd, tenth)
        heaps.push((await gateway.figures()).heap)
      }
      const { code, stdout, stderr } = await crowd.ended()
      assert.deepEqual([code, stderr], [0, ''])
      const { answered, slowest } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { answered: number; slowest: number }
      const seconds = (performance.now() - began) / 1000
      console.log(
        `      ${answered} answered in ${seconds.toFixed(0)} s, the slowest echo took ${slowest.toFixed(0)} ms; heap ${heaps.map(mebi).join(', ')}`
      )
      assert.equal(answered, messages)
      assert.ok((heaps.at(-1) as number) - (heaps[1] as number) < leeway)
      assert.deepEqual((await gateway.figures()).errors, [])
    } finally {
      await crowd.gone()
    }
  })

  /** Resolves once that many tenths are answered; rejects when the crowd has ended without them. */
  async function sayTenth(crowd: Program, tenth: number): Promise<void> {
    const lines = new RegExp(`(?:[^\\n]*"answered"[^\\n]*\\n){${tenth}}`)
    for (;;) {
      try {
        await crowd.says(lines)
        return
      } catch (error) {
        if (!crowd.running || messages <= 5000) throw error
      }
    }
  }
})
