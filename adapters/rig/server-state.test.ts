import assert from 'node:assert/strict'
import type { EventName } from './events.js'
import { ServerState } from './server-state.js'

describe('the state of a rig-server', () => {
  const named = (session: string | null): string | null => session?.split('-').at(-1) ?? null

  it('follows what was carried out, as rigs of iblrig do', () => {
    const state = new ServerState('stage', () => 1)
    const after = (event: EventName): string => {
      state.done(event)
      return state.status
    }
    assert.equal(state.status, 'CONNECTED')
    assert.deepEqual(
      (['EXPINIT', 'EXPINFO', 'EXPSTART', 'EXPSTATUS', 'EXPEND', 'EXPCLEANUP', 'EXPINTERRUPT', 'ALYX'] as const).map(after),
      ['INITIALIZED', 'INITIALIZED', 'RUNNING', 'RUNNING', 'STOPPED', 'CONNECTED', 'STOPPED', 'STOPPED']
    )
  })

  it('begins another session when another experiment is named, and not for the same in another form', () => {
    const state = new ServerState('stage', () => 1)
    const place = (event: EventName, ...elements: (string | null | Map<string, string>)[]): string | null =>
      named(state.place(event, elements).session)
    assert.equal(place('EXPINIT', new Map([['exp_ref', '2024-01-01_001_a']])), '1')
    assert.equal(place('EXPSTART', '2024-01-01_1_a', null), '1')
    assert.equal(place('EXPSTART', null, null), '1')
    assert.equal(place('EXPINIT', new Map([['exp_ref', '2024-01-01_002_a']])), '2')
    assert.equal(place('EXPINFO', null, new Map([['exp_ref', '2024-01-01_003_a']])), '2')
    assert.equal(state.ref, '2024-01-01_002_a')
    assert.equal(place('EXPEND', null), '2')
    assert.equal(place('EXPSTATUS', null), null)
    assert.equal(place('EXPCLEANUP', null), '2')
    assert.equal(place('EXPINIT', null), '3')
  })

  it('forgets a reference when its experiment is over, and another begins without one', () => {
    const state = new ServerState('stage', () => 1)
    const first = '2024-01-01_001_a'
    state.place('EXPSTART', [first, null])
    state.place('EXPEND', [null])
    assert.equal(state.ref, first)
    state.place('EXPSTART', [null, null])
    assert.equal(state.ref, null)
    state.place('EXPINIT', [new Map([['exp_ref', first]])])
    state.place('EXPSTART', [null, null])
    assert.equal(state.ref, first, 'of this experiment')
  })

  it('forgets a reference after the cleanup, which tells it still', () => {
    const state = new ServerState('stage', () => 1)
    state.place('EXPSTART', ['2024-01-01_001_a', null])
    state.left('EXPSTART')
    state.place('EXPCLEANUP', [null])
    assert.equal(state.ref, '2024-01-01_001_a')
    state.left('EXPCLEANUP')
    assert.equal(state.ref, null)
    // The next has begun while it was being carried out.
    state.place('EXPCLEANUP', [null])
    state.place('EXPINIT', [new Map([['exp_ref', '2024-01-01_002_a']])])
    state.left('EXPCLEANUP')
    assert.equal(state.ref, '2024-01-01_002_a')
  })

  it('keeps a reference that was set for the experiment to come', () => {
    const state = new ServerState('stage', () => 1)
    state.place('EXPSTART', ['2024-01-01_001_a', null])
    state.place('EXPEND', [null])
    state.ref = '2024-01-01_002_a'
    state.place('EXPCLEANUP', [null])
    state.left('EXPCLEANUP')
    assert.equal(state.ref, '2024-01-01_002_a')
    state.place('EXPINFO', [0n, null])
    state.place('EXPSTART', [null, null])
    assert.equal(state.ref, '2024-01-01_002_a')
    state.place('EXPINTERRUPT', [null])
    state.place('EXPINFO', [0n, null])
    assert.equal(state.ref, null)
  })

  it('takes no reference that is longer than one can be', () => {
    const state = new ServerState('stage', () => 1)
    state.place('EXPSTART', [`2024-01-01_1_${'x'.repeat(500)}`, null])
    assert.equal(state.ref, null)
  })

  it('gives ids that fit into a command, however the instance is called', () => {
    const state = new ServerState('x'.repeat(63), () => 4e9)
    const ids = new Set<string>()
    for (const event of ['EXPSTATUS', 'EXPSTART', 'EXPEND', 'EXPSTATUS', 'EXPSTART'] as const) ids.add(state.place(event, [null]).id)
    ids.add(state.aside().id)
    assert.equal(ids.size, 6)
    for (const id of ids) assert.ok(id.length <= 64, id)
  })
})
