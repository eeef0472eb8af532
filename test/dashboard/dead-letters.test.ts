import assert from 'node:assert/strict'
import { DeadLetters, grouped, letterFits } from '../../gateway/dashboard/models/dead-letters.js'
import type { DeadLetter } from '../../gateway/dashboard/models/dead-letters.js'

const letter = (second: number, change: Partial<DeadLetter> = {}): DeadLetter => ({
  topic: 'lab/furnace/setpoint/set',
  client: 'page',
  time: `2026-01-01T00:00:0${second}Z`,
  class: 'RangeError',
  rule: 'maximum',
  reason: 'must be <= 1200',
  payload: '5000',
  ...change
})

describe('dead letters', () => {
  it('come over MQTT at once, and again with help from the API', () => {
    const dead = new DeadLetters()
    dead.replace([letter(1, { n: 1, help: 'x' })])
    assert.ok(dead.take(JSON.stringify(letter(2))))
    assert.ok(!dead.take(JSON.stringify(letter(2))), 'the same')
    assert.deepEqual(dead.letters.map(({ time }) => time.at(-2)).join(''), '21')
    dead.replace([letter(2, { n: 2, help: 'x' }), letter(1, { n: 1, help: 'x' })])
    assert.deepEqual(
      dead.letters.map(({ n, help }) => [n, help]),
      [
        [2, 'x'],
        [1, 'x']
      ]
    )
  })

  it('stay when the answer of the API is older than they are', () => {
    const dead = new DeadLetters()
    dead.take(JSON.stringify(letter(3)))
    dead.replace([letter(1, { n: 1 })])
    assert.equal(dead.letters.length, 2)
    dead.replace([letter(4, { n: 9, payload: '1' })])
    assert.equal(dead.letters.length, 1, 'the API had room for fewer')
  })

  it('are bounded, and nothing else is taken for one', () => {
    const dead = new DeadLetters(2)
    for (let i = 0; i < 5; i += 1) dead.take(JSON.stringify(letter(i)))
    assert.equal(dead.letters.length, 2)
    for (const text of ['', 'null', '[]', '{"topic":1}', '{"topic":"a"}']) assert.equal(dead.take(text), false)
  })

  it('are grouped by who made which mistake where', () => {
    const groups = grouped([letter(5), letter(4, { client: 'other' }), letter(3, { payload: '6000' }), letter(2, { rule: 'type' })])
    assert.deepEqual(
      groups.map(({ count, last, first }) => [count, last.time.at(-2), first.at(-2)]),
      [
        [2, '5', '3'],
        [1, '4', '4'],
        [1, '2', '2']
      ]
    )
  })

  it('are found by words', () => {
    assert.ok(letterFits(letter(1), 'SETPOINT maximum'))
    assert.ok(!letterFits(letter(1), 'setpoint minimum'))
    assert.ok(letterFits(letter(1), ' '))
  })
})
