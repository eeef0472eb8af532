import assert from 'node:assert/strict'
import { Peer } from './peer.js'
import { RealPeer } from './test-support/real-peer.js'
import { StormLab } from './test-support/storm-lab.js'
import type { RigServerConfig } from './types.js'

const start = '[2, "2024-01-01_1_x", null]'
const acquire = { EXPSTART: [{ call: 'spectrometer/acquire' }] } as RigServerConfig['answers']

/** Until one datagram or another of the talk is doubled. */
const datagrams = Array.from({ length: 8 }, (_, at) => at)

describe('one doubled datagram at a rig-server', () => {
  for (const delay of [0, 0.001, 0.005, 0.02, 0.06])
    for (const policy of ['automatic', 'same', 'echo'] as const)
      for (const other of ['strict', 'deaf to nothing', 'ours'] as const)
        it(`ends soon, ${delay * 1000} ms away, policy ${policy}, a controller ${other}`, async () => {
          for (const command of [start, '[64, 0, null]', '[4, null]', '[32, 0]', '[32, 20]'])
            for (const repeatedAt of datagrams) {
              const lab = new StormLab(
                { repeatedAt, repeatedAfter: 0.015, delay: { least: delay, most: delay } },
                { ...(policy === 'automatic' ? acquire : {}), others: policy }
              )
              if (other === 'ours') {
                const peer = new Peer({
                  clock: lab.clock,
                  gap: 0.01,
                  echoWithin: 1,
                  maxWaiting: 16,
                  maxBytes: 65507,
                  write: lab.write,
                  onPayload: () => undefined,
                  onCount: () => undefined
                })
                lab.receive = (bytes) => peer.receive(bytes)
                peer.send(Buffer.from(command)).catch(() => undefined)
              } else {
                const peer = new RealPeer(lab.write, other === 'deaf to nothing')
                lab.receive = (bytes) => peer.receive(bytes)
                peer.send(command)
              }
              await lab.clock.pass(15)
              const { written, lastWritten } = lab.network
              assert.ok(written < 50, `${command}, ${repeatedAt} doubled: ${written} datagrams`)
              assert.ok(lab.clock.monotonic() - lastWritten > 5, `${command}, ${repeatedAt} doubled: still talking`)
              const times = command === start && policy === 'automatic' ? 1 : 0
              assert.equal(lab.host.asked.length, times, `${command}, ${repeatedAt} doubled: carried out ${lab.host.asked.length} times`)
            }
        })
})
