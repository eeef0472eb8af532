import assert from 'node:assert/strict'
import { needs } from '../support/peers.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { RigPeer } from './rig-peer.js'

for (const transport of ['udp', 'tcp'] as const)
  describe(`a strict experiment PC that asks the same again and again over ${transport}`, function () {
    this.timeout(30_000)
    let running: Running
    let pc: RigPeer

    before(function () {
      needs(this, 'python3')
    })

    afterEach(async () => {
      await pc.gone()
      await running.stop()
    })

    it('is echoed and answered each time', async () => {
      running = await start('adapters: [{ id: stage, type: rig-server, port: 0, device: stage }]')
      // Over UDP the network may double a message: what comes more than eight times a second is taken for that.
      const times = transport === 'tcp' ? 40 : 20
      const steps = Array.from({ length: times }, () => 'status')
      const uri = `${transport}://127.0.0.1:${running.port('stage')}`
      // What a controller says over TCP right behind its echo is one message with it, for the original.
      pc = new RigPeer('controller', uri, '--pause', transport === 'tcp' ? '0.03' : '0.13', ...steps)
      assert.equal(await pc.ended(), 0)
      const done = pc.said.filter(({ what }) => what === 'done')
      assert.deepEqual([done.length, pc.said.filter(({ what }) => what === 'failed').length], [times, 0])
    })
  })
