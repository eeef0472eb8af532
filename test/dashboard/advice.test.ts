import assert from 'node:assert/strict'
import { checkAdvice, hits, instanceAdvice, secondsLeft, troubledFirst } from '../../gateway/dashboard/models/advice.js'

const broken = { state: 'offline', reason: 'down', lastError: null, retryIn: 4, attempts: 2 }

describe('advice', () => {
  it('on an instance names the next step for what is known to go wrong', () => {
    assert.equal(instanceAdvice({ ...broken, state: 'online' }), undefined)
    for (const [lastError, advice] of [
      ['listen EADDRINUSE: address already in use 127.0.0.1:9000', /another port/],
      ['connect ECONNREFUSED 127.0.0.1:5000', /Start it/],
      ['getaddrinfo ENOTFOUND rasppi43', /target/],
      ['did not start within 30 s', /answer/],
      ['something else', /by itself/]
    ] as const)
      assert.match(instanceAdvice({ ...broken, lastError }) ?? '', advice)
    assert.match(instanceAdvice({ ...broken, retryIn: null }) ?? '', /log/)
  })

  it('on a check is given when it is not well', () => {
    const check = { name: 'history', status: 'degraded', reason: 'readings are not kept' }
    assert.equal(checkAdvice({ ...check, status: 'ok' }), undefined)
    assert.match(checkAdvice(check) ?? '', /gateway\.data/)
    assert.match(checkAdvice({ ...check, name: 'whatever' }) ?? '', /log/)
  })

  it('is not given twice', () => {
    const reason = 'no program answers on 127.0.0.1:9: start it there, or correct target'
    assert.equal(instanceAdvice({ ...broken, reason }), undefined)
    assert.equal(checkAdvice({ name: 'instance far', status: 'degraded', reason: `offline: ${reason}` }), undefined)
  })

  it('comes with the troubled ones first', () => {
    const instances = ['online b', 'online a10', 'online a2', 'offline z', 'degraded y', 'unheard x'].map((text) => {
      const [state = '', id = ''] = text.split(' ')
      return { state, id }
    })
    assert.equal(
      troubledFirst(instances)
        .map(({ id }) => id)
        .join(' '),
      'x z y a2 a10 b'
    )
  })

  it('counts the seconds to the next start down, and never below none', () => {
    assert.equal(secondsLeft(4, 100, 101.5), 2.5)
    assert.equal(secondsLeft(4, 100, 109), 0)
    assert.equal(secondsLeft(4, 100, 99), 4, 'a clock that was set back')
  })

  it('names the limits that were hit, the most often hit first', () => {
    assert.deepEqual(
      hits({ connections: 0, rate: 3, payload: 12 }).map(({ name }) => name),
      ['payload', 'rate']
    )
    assert.deepEqual(hits(null), [])
  })
})
