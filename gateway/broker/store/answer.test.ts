import assert from 'node:assert/strict'
import { done, failed } from './answer.js'

describe('answer', () => {
  it('runs the callback inside then()', () => {
    const seen: unknown[] = []
    void done(1).then((value) => seen.push(value))
    void failed(new Error('no')).then(undefined, (error: unknown) => seen.push(error instanceof Error && error.message))
    void done().finally(() => {
      seen.push('finally')
    })
    assert.deepEqual(seen, [1, 'no', 'finally'])
  })

  it('can be awaited and chained like a promise', async () => {
    assert.equal(await done(2), 2)
    assert.equal(await done(2).then((value) => value + 1), 3)
    assert.equal(await done(2).then((value) => Promise.resolve(value * 2)), 4)
    assert.equal(await done(2).finally(() => {}), 2)
    assert.equal(await failed(new Error('no')).catch(() => 'caught'), 'caught')
    await assert.rejects(failed(new Error('no')), /no/)
    await assert.rejects(
      failed(new Error('no')).finally(() => {}),
      /no/
    )
    assert.deepEqual(await Promise.all([done('a'), done()]), ['a', undefined])
  })

  it('gives a native rejection when a callback throws', async () => {
    const thrown = done(1).then(() => {
      throw new Error('thrown')
    })
    assert.ok(thrown instanceof Promise)
    await assert.rejects(thrown, /thrown/)
  })
})
