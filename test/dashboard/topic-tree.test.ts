import assert from 'node:assert/strict'
import { TopicTree, treeRows } from '../../gateway/dashboard/models/topic-tree.js'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const take = (tree: TopicTree, topic: string, text = '1', at = 0, retained = false): void => tree.take(topic, bytes(text), { retained, at })

describe('a topic tree', () => {
  it('holds each level once, with what came there and below', () => {
    const tree = new TopicTree()
    take(tree, 'lab/furnace/temperature', '20')
    take(tree, 'lab/furnace/temperature', '21')
    take(tree, 'lab/furnace')
    take(tree, 'lab/')
    const furnace = tree.find('lab/furnace')
    assert.deepEqual([furnace?.count, furnace?.total, furnace?.topics], [1, 3, 2])
    assert.deepEqual([tree.find('lab')?.last, tree.find('lab')?.total, tree.root.topics], [undefined, 4, 3])
    assert.equal(new TextDecoder().decode(tree.find('lab/furnace/temperature')?.last?.payload), '21')
    assert.equal(tree.find('lab/')?.topic, 'lab/')
    assert.equal(tree.find('lab/oven'), undefined)
  })

  it('keeps so many topics and counts the messages of all others', () => {
    const tree = new TopicTree({ topics: 2 })
    for (const topic of ['a', 'b/c', 'd', 'b', 'd', 'a']) take(tree, topic)
    assert.deepEqual([tree.root.topics, tree.unseen, tree.root.total], [2, 3, 3])
    assert.equal(tree.find('d'), undefined)
    assert.equal(tree.find('b')?.last, undefined, 'a level that is there is not yet a topic')
  })

  it('keeps so many levels, however deep a topic is', () => {
    const tree = new TopicTree({ nodes: 10 })
    take(tree, 'a/b/c/d/e/f/g/h/i/j/k')
    take(tree, 'a/b')
    assert.deepEqual([tree.unseen, tree.root.topics], [1, 1])
  })

  it('keeps so much of a payload, and how long it was', () => {
    const tree = new TopicTree({ bytes: 4 })
    take(tree, 'a', 'abcdefgh')
    assert.deepEqual([tree.find('a')?.last?.payload.length, tree.find('a')?.last?.length], [4, 8])
  })

  it('does not hold on to the memory of the whole packet', () => {
    const tree = new TopicTree({ bytes: 4 })
    const packet = bytes('x'.repeat(1000))
    tree.take('a', packet.subarray(0, 4), { retained: false, at: 0 })
    assert.equal(tree.find('a')?.last?.payload.buffer.byteLength, 4)
  })

  it('takes what was retained for no sign of how often it comes', () => {
    const tree = new TopicTree()
    for (let at = 0; at < 100; at += 1) take(tree, 'a', '1', at)
    for (let at = 0; at < 5; at += 1) take(tree, 'b', '1', at / 1000, true)
    const rate = tree.find('a')?.rate.at(99) ?? 0
    assert.ok(Math.abs(rate - 1) < 0.1, String(rate))
    assert.ok((tree.find('a')?.rate.at(140) ?? 1) < 0.05, 'it fades')
    assert.equal(tree.find('b')?.rate.at(10), undefined)
  })
})

describe('the rows of a topic tree', () => {
  const tree = new TopicTree()
  for (const topic of ['lab/b/x10', 'lab/b/x2', 'lab/a', 'other/deep/below']) take(tree, topic)
  const shown = (options: { open?: string[]; search?: string; most?: number }): string[] =>
    treeRows(tree, {
      isOpen: (topic) => options.open?.includes(topic) ?? true,
      search: options.search ?? '',
      most: options.most ?? 100
    }).rows.map(({ node, depth }) => '.'.repeat(depth) + node.level)

  it('are in the order of names, numbers by their size', () =>
    assert.deepEqual(shown({}), ['lab', '.a', '.b', '..x2', '..x10', 'other', '.deep', '..below']))

  it('hold what is open', () => assert.deepEqual(shown({ open: ['lab'] }), ['lab', '.a', '.b', 'other']))

  it('hold what is looked for, with the levels above, though these are closed', () => {
    assert.deepEqual(shown({ open: [], search: 'X10' }), ['lab', '.b', '..x10'])
    assert.deepEqual(shown({ open: [], search: 'deep/b' }), ['other', '.deep', '..below'])
    assert.deepEqual(shown({ open: [], search: 'nowhere' }), [])
  })

  it('are bounded, and tell how many more there are', () => {
    const { rows, more } = treeRows(tree, { isOpen: () => true, most: 3 })
    assert.deepEqual([rows.length, more], [3, 5])
  })
})
