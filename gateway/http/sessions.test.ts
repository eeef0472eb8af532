import assert from 'node:assert/strict'
import { FakeClock } from '../../test/support/fake-clock.js'
import type { Identity } from '../access/identity.js'
import { Sessions } from './sessions.js'

describe('logins that are kept', () => {
  const who = (user: string): Identity => ({ user, role: 'operator', via: 'password' })

  it('are 1000 at most, of one user 100; the one that was not used for longest ends, and is told of', () => {
    let ended = 0
    const sessions = new Sessions({ clock: new FakeClock(), time: 100, isCurrent: () => true, ended: () => (ended += 1) })
    const [first = '', second = '', ...others] = Array.from({ length: 100 }, () => sessions.open(who('same')))
    assert.ok(sessions.find(first))
    sessions.open(who('same'))
    assert.deepEqual([sessions.find(second), sessions.size, ended], [undefined, 100, 1])
    for (let i = 0; i < 1000; i += 1) sessions.open(who(`user-${i}`))
    assert.deepEqual([sessions.size, ended, sessions.find(others[0] ?? '')], [1000, 101, undefined])
    sessions.stop()
  })
})
