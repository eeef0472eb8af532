import assert from 'node:assert/strict'
import { RetainedCap } from './retained-cap.js'
import { Store } from './store/store.js'

describe('the cap on retained messages', () => {
  it('counts the levels of a deep topic, each of which is a place in the tree', () => {
    const store = new Store()
    const cap = new RetainedCap(store, { maxRetained: 1000, maxRetainedBytes: 50_000 })
    const deep = (n: number): string => `${n}/${'a/'.repeat(90)}x`
    let kept = 0
    for (; kept < 1000; kept++) {
      const packet = { topic: deep(kept), payload: 'x', retain: true, qos: 1 } as const
      if (cap.check(packet) !== undefined) break
      void store.storeRetained(packet)
    }
    assert.equal(kept, 2)
    assert.equal(cap.check({ topic: 'lab/furnace/temperature', payload: 'x'.repeat(5000), retain: true, qos: 1 }), undefined)
    for (let n = 0; n < kept; n++) void store.storeRetained({ topic: deep(n), payload: '', retain: true })
    assert.equal(cap.bytes, 0)
  })
})
