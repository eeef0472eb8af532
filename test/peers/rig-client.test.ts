import assert from 'node:assert/strict'
import type { TestClient } from '../support/mqtt.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { RigPeer } from './rig-peer.js'

interface Reply {
  readonly phase: string
  readonly value?: { readonly answer: readonly unknown[] }
  readonly error?: { readonly code: string; readonly message: string }
}

for (const transport of ['udp', 'tcp'] as const)
  describe(`rig-client and a rig in Python, as strict as a real one, over ${transport}`, function () {
    this.timeout(30_000)
    let peer: RigPeer
    let running: Running
    let mqtt: TestClient
    let ids = 0

    afterEach(async () => {
      await running.stop()
      await peer.gone()
    })

    async function open(more: string, ...options: string[]): Promise<number> {
      const found = await RigPeer.rig('--uri', `${transport}://127.0.0.1:0`, ...options)
      peer = found.peer
      running = await start(`
adapters:
  - { id: room, type: rig-client, rigs: { cameras: "${transport}://127.0.0.1:${found.port}" }${more} }
`)
      mqtt = await running.connect()
      await mqtt.subscribe('lab/cameras/#')
      return found.port
    }

    async function call(codename: string, args: object = {}): Promise<Reply> {
      ids += 1
      const id = `t${ids}`
      await mqtt.publish(`lab/cameras/${codename}/call`, { id, arguments: args })
      const ours = ({ text }: { text: string }): boolean => text.includes(`"id":"${id}"`) && /"phase":"(done|failed)"/.test(text)
      return (await mqtt.nextJson(ours)) as unknown as Reply
    }

    it('goes through sessions, one after the other', async () => {
      await open('', '--main-sync', '--cleanup', '16')
      for (let n = 1; n <= 3; n += 1) {
        const ref = `2024-03-14_${n}_mouse`
        const replies = [
          await call('info', { data: { subject: 'mouse' } }),
          await call('init', { data: { exp_ref: ref } }),
          await call('start', { exp_ref: ref }),
          await call('status'),
          await call('stop', { data: [] }),
          await call('cleanup')
        ]
        assert.deepEqual(
          replies.map(({ phase }) => phase),
          Array.from({ length: 6 }, () => 'done'),
          JSON.stringify(replies)
        )
        assert.equal(replies[2]?.value?.answer[0], ref)
        assert.deepEqual(replies[3]?.value?.answer, [20])
      }
    })

    it('echoes each answer of a rig that is asked the same again and again', async () => {
      await open('')
      for (let n = 1; n <= 40; n += 1) {
        const { phase, error } = await call('status')
        assert.equal(phase, 'done', `call ${n}: ${error?.message}`)
      }
      assert.deepEqual(
        peer.said.filter(({ what }) => what === 'closed'),
        []
      )
    })

    it('echoes an answer for which nobody waits any more, so that the rig lives', async () => {
      await open(', answerWithin: 0.2', '--delay', '0.6')
      const { error } = await call('init')
      assert.equal(error?.code, 'answer-timeout')
      await peer.next('answered')
      const again = await call('status', { timeout: 3 })
      assert.deepEqual(again.value?.answer, [10])
    })

    it('tells what a listener of the rig says that failed', async () => {
      await open('', '--on', 'EXPSTART=raise')
      const { error } = await call('start', { exp_ref: null })
      assert.equal(error?.code, 'rig-report')
      assert.match(error?.message ?? '', /RuntimeError: EXPSTART is broken here/)
      assert.equal((await call('stop')).phase, 'done')
    })

    it('finds a rig again whose program was started again', async () => {
      const port = await open('')
      assert.equal((await call('init')).phase, 'done')
      await peer.gone()
      const { error } = await call('start', { exp_ref: null })
      assert.match(error?.code ?? '', /no-listener|offline/)
      peer = (await RigPeer.rig('--uri', `${transport}://127.0.0.1:${port}`)).peer
      assert.deepEqual((await call('start', { exp_ref: null })).error, undefined)
    })
  })
