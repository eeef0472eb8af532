import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { needs } from '../support/peers.js'
import { RigPeer } from './rig-peer.js'

const session = ['info', 'init={"exp_ref": "2026-07-01_1_mouse"}', 'start=2026-07-01_1_mouse', 'info', 'status', 'stop=[]', 'cleanup']

/** The peers that other tests talk to must be as strict as real ones, or those tests show nothing. */
describe('the rig and the experiment PC in Python, with each other', function () {
  this.timeout(30_000)
  const peers: RigPeer[] = []
  let socket: Socket | undefined

  before(function () {
    needs(this, 'python3')
  })

  afterEach(async () => {
    for (const peer of peers.splice(0)) await peer.gone()
    socket?.close()
    socket = undefined
  })

  async function rig(...options: string[]): Promise<{ readonly peer: RigPeer; readonly port: number }> {
    const opened = await RigPeer.rig(...options)
    peers.push(opened.peer)
    return opened
  }

  function program(...options: string[]): RigPeer {
    const peer = new RigPeer(...options)
    peers.push(peer)
    return peer
  }

  const has = (peer: RigPeer, what: string): number => peer.said.filter((each) => each.what === what).length

  it('UDP: 20 sessions without a failure', async () => {
    const { peer, port } = await rig()
    const pc = program('controller', `udp://127.0.0.1:${port}`, '--sessions', '20', ...session)
    assert.equal(await pc.ended(), 0)
    assert.deepEqual([has(pc, 'done'), has(pc, 'failed'), has(peer, 'closed')], [140, 0, 0])
    assert.deepEqual(pc.said.find(({ step }) => step === 'start')?.['answer'], [
      '2026-07-01_1_mouse',
      {
        exp_ref: '2026-07-01_1_mouse',
        main_sync: false,
        experiment_description: {},
        master: false,
        rig_version: '8.24.0',
        spec_version: '1.0.0',
        status: 20
      }
    ])
  })

  it('TCP: five sessions with pauses, as without them two messages come in one read', async () => {
    const { peer, port } = await rig('--uri', 'tcp://127.0.0.1:0', '--delay', '0.03')
    const pc = program('controller', `tcp://127.0.0.1:${port}`, '--sessions', '5', '--pause', '0.03', ...session)
    assert.equal(await pc.ended(), 0)
    assert.deepEqual([has(pc, 'done'), has(pc, 'failed'), has(peer, 'closed')], [35, 0, 0])
  })

  it('several rigs: in order and in reverse, at once and one after the other; a silent one is named, one without echo ends it there', async () => {
    const [first, second] = [await rig('--delay', '0.02'), await rig('--delay', '0.02', '--on', 'EXPSTART=silent')]
    const both = ['--rig', `first=udp://127.0.0.1:${first.port}`, '--rig', `second=udp://127.0.0.1:${second.port}`]
    for (const more of [[], ['--sequential']]) {
      const pc = program('services', ...both, ...more, '--answer-within', '0.5', '--go-on', 'status', 'interrupt', 'start=2026-07-01_1_a')
      assert.equal(await pc.ended(), 1)
      const [status, interrupt] = pc.said.filter(({ what }) => what === 'done')
      assert.deepEqual(Object.keys(status?.['answer'] as object), ['first', 'second'])
      assert.deepEqual(Object.keys(interrupt?.['answer'] as object), ['second', 'first'])
      assert.match(String(pc.said.find(({ what }) => what === 'failed')?.['message']), /^second did not answer/)
    }
    await first.peer.gone()
    const pc = program('services', ...both, 'status')
    assert.equal(await pc.ended(), 1)
    assert.equal(second.peer.said.filter(({ what, event }) => what === 'received' && event === 'EXPSTATUS').length, 2)
  })

  it('are deaf for good after one missing or wrong echo, and a rig says nothing of it', async () => {
    for (const wrong of [undefined, '[32, 1]']) {
      const { peer, port } = await rig()
      socket = createSocket('udp4')
      socket.connect(port, '127.0.0.1')
      await once(socket, 'connect')
      const got: string[] = []
      socket.on('message', (bytes) => {
        got.push(bytes.toString())
        if (got.length === 2 && wrong !== undefined) socket?.send(wrong)
      })
      socket.send('[32, 0]')
      const { why } = await peer.next('closed')
      assert.match(String(why), wrong === undefined ? /^no echo of/ : /in the place of the echo/)
      assert.deepEqual(got, ['[32, 0]', '[32, 0]'])
      socket.close()
      const pc = program('controller', `udp://127.0.0.1:${port}`, 'status', 'status', '--go-on')
      assert.equal(await pc.ended(), 1)
      assert.deepEqual([has(pc, 'failed'), has(pc, 'closed')], [2, 1])
    }
    socket = undefined
  })

  it('step by step: messages of a rig’s own, reports of what failed, logins that are asked for and handed over', async () => {
    const { peer, port } = await rig('--on', 'EXPINIT=raise', '--on', 'EXPEND=same', '--login', 'https://alyx.example', 'someone', 'abc')
    const pc = RigPeer.experiment(`udp://127.0.0.1:${port}`)
    peers.push(pc)
    assert.equal((await pc.do('init!')).what, 'done')
    assert.equal((await pc.next('report'))['error'], 'RuntimeError: EXPINIT is broken here')
    assert.deepEqual((await pc.do('stop=["data"]'))['answer'], [['data']])
    peer.push([32, 20])
    assert.deepEqual((await pc.next('received', ({ event }) => event === 'EXPSTATUS'))['elements'], [20])
    assert.deepEqual((await pc.do('alyx=["https://alyx.example", {}]'))['answer'], ['https://alyx.example', { someone: { token: 'abc' } }])
    assert.equal((await pc.do('alyx=["https://alyx.example", {"other": {"token": "def"}}]')).what, 'done')
    assert.deepEqual((await peer.next('received', ({ elements }) => JSON.stringify(elements).includes('def')))['event'], 'ALYX')
    assert.equal(await pc.ended(), 0)
  })
})
