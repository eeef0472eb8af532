import assert from 'node:assert/strict'
import { FakeClock } from '../../test/support/fake-clock.js'
import { encodeMessage } from './codec.js'
import type { Payload } from './codec.js'
import type { EventName } from './events.js'
import { Peer, Trouble } from './peer.js'
import type { PeerOptions } from './peer.js'
import { Network } from './test-support/network.js'
import type { Faults } from './test-support/network.js'
import { RealPeer } from './test-support/real-peer.js'

/** How a rig answers: not, with the same bytes, or with others. */
const policies = {
  none: () => undefined,
  same: (bytes: Buffer) => bytes,
  other: (_: Buffer, event: EventName) => encodeMessage(event, [20n, 'done'])
} as const

type Policy = keyof typeof policies

function gateway(clock: FakeClock, write: PeerOptions['write'], onPayload: PeerOptions['onPayload']): Peer {
  return new Peer({ clock, gap: 0.01, echoWithin: 1, maxWaiting: 16, maxBytes: 65507, write, onPayload, onCount: () => undefined })
}

/** A rig of ours that answers every message, but its own answers, which come back when the network doubled their echo. */
function ownRig(clock: FakeClock, write: PeerOptions['write'], policy: Policy, outcomes: Outcomes = new Outcomes()): Peer {
  const answers = new Set<string>()
  const rig: Peer = gateway(clock, write, (payload, bytes) => {
    const answer = payload.kind === 'message' ? policies[policy](bytes, payload.event) : undefined
    if (answer === undefined || answers.has(String(bytes))) return
    if (!answer.equals(bytes)) answers.add(String(answer))
    outcomes.watch(rig.send(answer))
  })
  return rig
}

/** Sends that settled; each must do so once. */
class Outcomes {
  begun = 0
  readonly settled: string[] = []

  watch(sent: Promise<unknown>): void {
    this.begun += 1
    sent.then(
      () => this.settled.push('echoed'),
      (error: unknown) => this.settled.push(error instanceof Trouble ? error.kind : String(error))
    )
  }
}

const commands = ['[64, 0, {"main_sync": false}]', '[4, null]', '[32, 20]', '[2, "2022-01-01_1_subject", null]']
/** Enough for everything that one message can cause, twice over. */
const datagrams = Array.from({ length: 10 }, (_, at) => at)

describe('one repeated datagram', () => {
  const distances = { near: { least: 0.0005, most: 0.0005 }, far: { least: 0.04, most: 0.04 }, 'very far': { least: 0.2, most: 0.2 } }
  for (const [distance, delay] of Object.entries(distances))
    for (const policy of Object.keys(policies) as Policy[]) {
      it(`ends soon between two of ours, ${distance}, answer: ${policy}`, async () => {
        for (const command of commands)
          for (const repeatedAt of datagrams) {
            const clock = new FakeClock()
            const network = new Network(clock, { repeatedAt, delay })
            const rig: Peer = ownRig(
              clock,
              network.to(() => (bytes) => controller.receive(bytes)),
              policy
            )
            const controller: Peer = gateway(
              clock,
              network.to(() => (bytes) => rig.receive(bytes)),
              () => undefined
            )
            controller.send(Buffer.from(command)).catch(() => undefined)
            await clock.pass(15)
            assert.ok(network.written < 50, `${command}, ${repeatedAt} repeated: ${network.written} datagrams`)
            assert.ok(clock.monotonic() - network.lastWritten > 5)
          }
      })

      // Over a slow network the storm is slow too: less than the brake stops, while we send nothing that could tell how slow it is.
      if (distance !== 'very far' || policy === 'other')
        it(`ends soon between a real controller and a rig of ours, ${distance}, answer: ${policy}`, async () => {
          for (const command of commands)
            for (const repeatedAt of datagrams)
              for (const staysOpen of [true, false]) {
                const clock = new FakeClock()
                const network = new Network(clock, { repeatedAt, delay })
                const rig: Peer = ownRig(
                  clock,
                  network.to(() => (bytes) => controller.receive(bytes)),
                  policy
                )
                const controller: RealPeer = new RealPeer(
                  network.to(() => (bytes) => rig.receive(bytes)),
                  staysOpen
                )
                controller.send(command)
                await clock.pass(15)
                assert.ok(network.written < 50, `${command}, ${repeatedAt} repeated: ${network.written} datagrams`)
                assert.ok(clock.monotonic() - network.lastWritten > 5)
              }
        })

      it(`ends soon between a controller of ours and a real rig, ${distance}, answer: ${policy}`, async () => {
        for (const command of commands)
          for (const repeatedAt of datagrams)
            for (const staysOpen of [true, false]) {
              const clock = new FakeClock()
              const network = new Network(clock, { repeatedAt, delay })
              const answer = (text: string): string | undefined => policies[policy](Buffer.from(text), 'EXPINIT')?.toString()
              const rig: RealPeer = new RealPeer(
                network.to(() => (bytes) => controller.receive(bytes)),
                staysOpen,
                answer
              )
              const controller: Peer = gateway(
                clock,
                network.to(() => (bytes) => rig.receive(bytes)),
                () => undefined
              )
              controller.send(Buffer.from(command)).catch(() => undefined)
              await clock.pass(15)
              assert.ok(network.written < 50, `${command}, ${repeatedAt} repeated: ${network.written} datagrams`)
              assert.ok(clock.monotonic() - network.lastWritten > 5)
            }
      })
    }
})

describe('a bad network between two rig peers of ours', () => {
  const faults: Faults = { lost: 0.1, repeated: 0.1, delay: { least: 0, most: 0.05 } }

  for (const policy of Object.keys(policies) as Policy[])
    it(`leads to no storm, and every send settles once, answer: ${policy}`, async () => {
      for (let seed = 1; seed <= 40; seed += 1) {
        const clock = new FakeClock()
        const network = new Network(clock, faults, seed)
        const outcomes = new Outcomes()
        const heard: Payload[] = []
        const rig: Peer = ownRig(
          clock,
          network.to(() => (bytes) => controller.receive(bytes)),
          policy,
          outcomes
        )
        const controller: Peer = gateway(
          clock,
          network.to(() => (bytes) => rig.receive(bytes)),
          (payload) => void heard.push(payload)
        )
        for (const command of commands) {
          outcomes.watch(controller.send(Buffer.from(command)))
          outcomes.watch(controller.send(Buffer.from(`[1, ${seed}]`)))
          await clock.pass(0.6)
        }
        await clock.pass(40)
        assert.equal(outcomes.settled.length, outcomes.begun, `seed ${seed}`)
        assert.ok(
          outcomes.settled.every((outcome) => ['echoed', 'echo-timeout', 'echo-mismatch'].includes(outcome)),
          outcomes.settled.join()
        )
        assert.ok(outcomes.settled.filter((outcome) => outcome === 'echoed').length >= 3, `seed ${seed}: ${outcomes.settled.join()}`)
        assert.ok(network.written < 8 * 50, `seed ${seed}: ${network.written} datagrams`)
        assert.ok(clock.monotonic() - network.lastWritten > 15, `seed ${seed}: still talking`)
        assert.deepEqual([clock.timers, rig.isIdle, controller.isIdle], [0, true, true])
        if (policy !== 'none') assert.ok(heard.length > 0)
      }
    })

  it('that is only slow loses nothing', async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const clock = new FakeClock()
      const network = new Network(clock, { delay: { least: 0, most: 0.4 } }, seed)
      const outcomes = new Outcomes()
      const told: string[] = []
      const rig: Peer = gateway(
        clock,
        network.to(() => (bytes) => controller.receive(bytes)),
        (_, bytes) => void told.push(String(bytes))
      )
      const controller: Peer = gateway(
        clock,
        network.to(() => (bytes) => rig.receive(bytes)),
        () => undefined
      )
      for (const command of commands) outcomes.watch(controller.send(Buffer.from(command)))
      await clock.pass(10)
      assert.deepEqual([outcomes.settled, told, network.written], [commands.map(() => 'echoed'), commands, 2 * commands.length])
    }
  })
})
