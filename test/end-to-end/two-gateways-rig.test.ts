/** Rigs of one gateway that another drives, over networks that lose, repeat and reorder datagrams, and cut and join streams. */
import assert from 'node:assert/strict'
import { Random } from '../faults/random.js'
import { BadTcp, open } from '../support/bad-tcp.js'
import type { Road } from '../support/bad-tcp.js'
import { BadUdp, calm } from '../support/bad-udp.js'
import type { Weather } from '../support/bad-udp.js'
import { Conductor, Witness, assertTrue, outcomes } from '../support/rig-sessions.js'
import type { Status, Told } from '../support/rig-sessions.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'

/** Sessions for each transport; 1000 for a release. */
const asked = Number(process.env['LABGATE_RIG_SESSIONS'] ?? 12)

/** Rigs at the same time. */
const abreast = Math.min(50, Math.max(10, Math.ceil(asked / 20)))

/** Datagrams of the same bytes in a session. A message takes four with its echo, its answer and that one's echo, and a session has two alike. */
const storm = 50

/** Milliseconds after a session, so that what is late comes into no other. */
const aftermath = 250

/** By turns of the sessions. `sure`: nothing is lost, so commands must be done, unless something was lost in an earlier one. */
const weathers: readonly (Weather & { readonly name: string; readonly sure: boolean })[] = [
  { name: 'repeated', sure: true, loss: 0, twice: 0.2, late: 0, by: 5 },
  { name: 'reordered', sure: true, loss: 0, twice: 0, late: 0.3, by: 60 },
  { name: 'lost', sure: false, loss: 0.04, twice: 0, late: 0, by: 0 },
  { name: 'all of it', sure: false, loss: 0.03, twice: 0.1, late: 0.2, by: 100 }
]

const roads: readonly (Road & { readonly name: string; readonly sure: boolean })[] = [
  { name: 'joined', sure: true, whole: 1, hold: 60, cut: 0 },
  { name: 'split', sure: true, whole: 0, hold: 4, cut: 0 },
  { name: 'both', sure: true, whole: 0.5, hold: 20, cut: 0 },
  { name: 'cut', sure: false, whole: 0.5, hold: 10, cut: 0.02 }
]

/** Half of the rigs answer with the same data, so that echo and answer are the same bytes, and half as those of iblrig do. */
function served(transport: 'udp' | 'tcp'): string {
  const rigs = Array.from(
    { length: abreast },
    (_, i) =>
      `  - { id: rig-${i}, type: rig-server, port: 0, transports: [${transport}], device: rig-${i}${i % 2 === 0 ? '' : ', answers: { others: same }'} }`
  )
  return `adapters:\n${rigs.join('\n')}\n`
}

function driving(transport: 'udp' | 'tcp', ports: readonly number[]): string {
  const rigs = ports.map((port, i) => `rig-${i}: ${transport}://127.0.0.1:${port}`)
  return `adapters:\n  - { id: room, type: rig-client, answerWithin: 2, rigs: { ${rigs.join(', ')} } }\n`
}

for (const transport of ['udp', 'tcp'] as const)
  describe(`one gateway drives the rigs of another over ${transport}`, function () {
    this.timeout(60_000 + asked * 1000)
    let rigs: Running
    let room: Running
    let relays: (BadUdp | BadTcp)[]
    let conductor: Conductor
    let witness: Witness

    beforeEach(async () => {
      rigs = await start(served(transport))
      const random = new Random(7)
      relays = []
      for (let i = 0; i < abreast; i += 1) {
        const to = rigs.port(`rig-${i}`)
        relays.push(await (transport === 'udp' ? BadUdp.open(to, random) : BadTcp.open(to, random)))
      }
      room = await start(
        driving(
          transport,
          relays.map(({ port }) => port)
        )
      )
      conductor = await Conductor.open(await room.connect())
      witness = await Witness.open(await rigs.connect())
    })

    afterEach(async () => {
      await room.stop()
      for (const relay of relays) await relay.close()
      await rigs.stop()
      for (const { log } of [room, rigs])
        assert.deepEqual(
          log.lines.filter(({ level }) => level === 'error'),
          []
        )
    })

    const kinds = transport === 'udp' ? weathers : roads

    /** One session in this weather; what must be true of it whatever happens. */
    async function session(i: number, kind: (typeof weathers)[number] | (typeof roads)[number], status: Status): Promise<Told[]> {
      const relay = relays[i] as BadUdp | BadTcp
      if (relay instanceof BadUdp) {
        relay.weather = kind as Weather
        relay.restart()
      } else relay.road = kind as Road
      const told = await conductor.session(`rig-${i}`, status)
      await new Promise((resolve) => setTimeout(resolve, aftermath))
      if (relay instanceof BadUdp) {
        worst = Math.max(worst, relay.most.copies)
        assert.ok(relay.most.copies <= storm, `rig-${i}, ${kind.name}: ${relay.most.copies} times ${relay.most.text}`)
      }
      return told
    }

    let worst = 0

    it(`${asked} sessions: each command has one reply, which is true; no storm; no rig is deaf afterwards`, async () => {
      worst = 0
      const began = performance.now()
      const all: Told[] = []
      const byKind = kinds.map((): Told[] => [])
      // Where something was lost before, what comes too early may be the late answer to that, and is not taken for another.
      const sure = kinds.map((): Told[] => [])
      await Promise.all(
        relays.map(async (_, i) => {
          let isSure = true
          for (let turn = 0; turn * abreast + i < asked; turn += 1) {
            const which = (turn + i) % kinds.length
            const told = await session(i, kinds[which] as (typeof kinds)[number], turn % 2 === 0 ? 'CONNECTED' : 'INITIALIZED')
            byKind[which]?.push(...told)
            isSure &&= kinds[which]?.sure === true
            if (isSure) sure[which]?.push(...told)
            all.push(...told)
          }
        })
      )
      const seconds = (performance.now() - began) / 1000
      const clean = (await Promise.all(relays.map((_, i) => session(i, { name: 'calm', sure: true, ...calm, ...open }, 'STOPPED')))).flat()
      print(seconds, byKind)
      await conductor.assertOneReplyEach([...all, ...clean])
      for (const told of [...all, ...clean]) assertTrue(told, witness)
      for (const [which, { name }] of kinds.entries()) assertDone((sure[which] ?? []).filter(isItsOwn), name)
      assertDone(clean, 'after all that')
    })

    function print(seconds: number, byKind: readonly (readonly Told[])[]): void {
      const done = relays.reduce<Record<string, number>>((sum, relay) => {
        for (const [name, count] of Object.entries(relay.done)) sum[name] = (sum[name] ?? 0) + count
        return sum
      }, {})
      const counts = Object.entries(done).map(([name, count]) => `${count} ${name}`)
      console.log(`      ${asked} sessions at ${abreast} rigs in ${seconds.toFixed(0)} s; ${counts.join(', ')}`)
      if (transport === 'udp') console.log(`      no message was more than ${worst} datagrams, with its echoes and answers`)
      for (const [which, { name }] of kinds.entries())
        console.log(`      ${name}: ${Array.from(outcomes(byKind[which] ?? []), ([outcome, count]) => `${count} ${outcome}`).join(', ')}`)
    }
  })

/** EXPSTATUS is the same bytes in every session: it may be taken for the late echo of one before, for which nobody waits any more. */
function isItsOwn({ step }: Told): boolean {
  return step !== 'status'
}

function assertDone(all: readonly Told[], name: string): void {
  const failed = all.filter(({ reply }) => reply.phase !== 'done')
  assert.deepEqual(
    failed.map(({ id, reply }) => `${id}: ${reply.error?.message}`),
    [],
    name
  )
}
