import assert from 'node:assert/strict'
import { matches } from './subscribers.js'

describe('filters', () => {
  const table: [string, string, boolean][] = [
    ['a/b', 'a/b', true],
    ['a/+', 'a/b', true],
    ['a/+', 'a', false],
    ['a/+', 'a/', true],
    ['+', '/a', false],
    ['/+', '/a', true],
    ['#', 'a/b', true],
    ['a/#', 'a', true],
    ['a/#', 'ab', false],
    ['+/b/#', 'a/b/c/d', true],
    ['a', 'a/b', false],
    ['#', '$SYS/a', false],
    ['+/a', '$SYS/a', false],
    ['$SYS/#', '$SYS/a', true]
  ]
  for (const [filter, topic, expected] of table)
    it(`${filter} ${expected ? 'matches' : 'does not match'} ${topic}`, () => assert.equal(matches(filter, topic), expected))
})
