import assert from 'node:assert/strict'
import fc from 'fast-check'
import { TopicTree } from './tree.js'

/** MQTT 3.1.1, 4.7, said as plainly as possible. */
function matches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false
  return levelsMatch(filter.split('/'), topic.split('/'))
}

function levelsMatch([asked, ...filter]: string[], [level, ...topic]: string[]): boolean {
  if (asked === '#') return true
  if (asked === undefined || level === undefined) return asked === level || (level === undefined && asked === '#')
  return (asked === '+' || asked === level) && levelsMatch(filter, topic)
}

const level = fc.constantFrom('a', 'b', 'c', '', '$', '$SYS')
const topics = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join('/'))
const filters = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }), fc.constantFrom(['#'], ['+'], ['a'], ['']))
  .map(([levels, last]) => [...levels, ...last].join('/'))

function treeOf(paths: string[]): TopicTree<string> {
  const tree = new TopicTree<string>()
  for (const path of paths) tree.set(path, path)
  return tree
}

const sorted = (paths: Iterable<string>): string[] => [...paths].sort()

describe('a topic tree', () => {
  it('holds more topics side by side than a function takes arguments', () => {
    const tree = new TopicTree<number>()
    for (let i = 0; i < 200_000; i++) tree.set(`t/${i}`, i)
    let count = 0
    for (const value of tree.values()) count += value >= 0 ? 1 : 0
    assert.equal(count, 200_000)
  })
})

describe('topic tree', () => {
  it('finds topics by filter like a plain matcher', () => {
    fc.assert(
      fc.property(fc.uniqueArray(topics, { maxLength: 30 }), filters, (kept, filter) => {
        const expected = kept.filter((topic) => matches(filter, topic))
        assert.deepEqual(sorted(treeOf(kept).underFilter(filter)), sorted(expected))
      }),
      { numRuns: 2000 }
    )
  })

  it('finds filters by topic like a plain matcher', () => {
    fc.assert(
      fc.property(fc.uniqueArray(filters, { maxLength: 30 }), topics, (kept, topic) => {
        const expected = kept.filter((filter) => matches(filter, topic))
        assert.deepEqual(sorted(treeOf(kept).overTopic(topic)), sorted(expected))
      }),
      { numRuns: 2000 }
    )
  })

  it('holds what a Map holds, and nothing once all is deleted', () => {
    const change = fc.record({ path: topics, keep: fc.boolean() })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const tree = new TopicTree<string>()
        const model = new Map<string, string>()
        for (const { path, keep } of changes) {
          if (keep) {
            tree.set(path, path)
            model.set(path, path)
          } else {
            assert.equal(tree.delete(path), model.delete(path))
          }
          assert.equal(tree.size, model.size)
          assert.equal(tree.get(path), model.get(path))
        }
        for (const path of model.keys()) assert.ok(tree.delete(path))
        assert.deepEqual(tree, new TopicTree())
        assert.deepEqual([...tree.underFilter('#')], [])
      })
    )
  })

  const rules: [filter: string, topic: string, expected: boolean][] = [
    ['a/#', 'a', true],
    ['a/#', 'a/b/c', true],
    ['a/#', 'ab', false],
    ['a/+/#', 'a', false],
    ['x/+', 'x/', true],
    ['x/+/', 'x/y/', true],
    ['+', '/', false],
    ['+/+', '/', true],
    ['#', '$SYS/x', false],
    ['+/x', '$SYS/x', false],
    ['$SYS/#', '$SYS', true],
    ['$SYS/+', '$SYS/x', true],
    ['a/+', 'a/$b', true],
    ['__proto__/+', '__proto__/constructor', true]
  ]
  for (const [filter, topic, expected] of rules) {
    it(`${filter} ${expected ? 'matches' : 'does not match'} ${topic}`, () => {
      assert.equal([...treeOf([topic]).underFilter(filter)].length, expected ? 1 : 0)
      assert.equal([...treeOf([filter]).overTopic(topic)].length, expected ? 1 : 0)
    })
  }

  it('does not recurse: a topic of 20,000 levels', () => {
    const deep = Array(20_000).fill('a').join('/')
    assert.deepEqual([...treeOf([deep]).underFilter('a/#')], [deep])
    assert.deepEqual([...treeOf([deep]).overTopic(deep)], [deep])
  })
})
