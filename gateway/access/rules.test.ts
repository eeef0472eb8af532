import assert from 'node:assert/strict'
import fc from 'fast-check'
import { covers, filterFault, overlaps } from './filter.js'
import { Rules, ruleFault } from './rules.js'
import type { Verdicts } from './rules.js'

const nameless = { user: undefined, client: undefined }

function rules(texts: readonly string[], user?: string, client?: string): Verdicts {
  return new Rules(texts).for({ user, client })
}

/** MQTT 3.1.1, 4.7, as it is written there, and slowly: the oracle of the other. */
function matches(filter: readonly string[], topic: readonly string[], isFirst = true): boolean {
  const [mine, its] = [filter[0], topic[0]]
  if (isFirst && (mine === '#' || mine === '+') && its?.startsWith('$') === true) return false
  if (mine === '#') return true
  if (mine === undefined || its === undefined) return mine === its
  return (mine === '+' || mine === its) && matches(filter.slice(1), topic.slice(1), false)
}

function mayByTheBook(texts: readonly string[], topic: string): boolean {
  const last = texts.findLast((text) => matches(text.replace(/^!/, '').split('/'), topic.split('/')))
  return last !== undefined && !last.startsWith('!')
}

/** Few levels of few names, so that they meet. */
const name = fc.constantFrom('a', 'b', '', '$s')
const filter = fc
  .tuple(fc.array(fc.oneof({ weight: 2, arbitrary: name }, { weight: 1, arbitrary: fc.constant('+') }), { maxLength: 3 }), fc.boolean())
  .map(([levels, all]) => [...levels, ...(all ? ['#'] : [])].join('/'))
  .filter((text) => text !== '')
const lists = fc.array(
  fc.tuple(fc.boolean(), filter).map(([takes, text]) => (takes ? `!${text}` : text)),
  { maxLength: 6 }
)
/** All topics of up to four levels of these names, and of one that no filter names. */
const topics = ((): string[] => {
  const level = ['a', 'b', '', '$s', 'z']
  const all: string[][] = [level]
  for (let depth = 1; depth < 4; depth++) all.push(all[depth - 1]!.flatMap((topic) => level.map((last) => `${topic}/${last}`)))
  return all.flat()
})()

describe('rules of a role', () => {
  it('are read from the last on; nothing matching means no', () => {
    const list = rules(['#', '!lab/#', 'lab/+/+/set', '!lab/laser/+/set'])
    for (const [topic, may] of [
      ['zigbee/lamp', true],
      ['lab/oven', false],
      ['lab', false],
      ['lab/oven/power/set', true],
      ['lab/laser/power/set', false],
      ['$SYS/x', false]
    ] as const)
      assert.equal(list.may(topic), may, topic)
    assert.equal(rules([]).may('a'), false)
  })

  it('match as MQTT says, whatever they are', () => {
    fc.assert(
      fc.property(lists, (texts) => {
        const list = rules(texts)
        for (const topic of topics) assert.equal(list.may(topic), mayByTheBook(texts, topic), topic)
      }),
      { numRuns: 150 }
    )
  })

  it('let subscribe to all only what may be read, each topic of it, and to none only what nobody may', () => {
    fc.assert(
      fc.property(lists, filter, (texts, wanted) => {
        const list = rules(texts)
        const levels = wanted.split('/')
        const asked = topics.filter((topic) => matches(levels, topic.split('/')))
        const verdict = list.of(wanted)
        if (verdict === 'all')
          assert.deepEqual(
            asked.filter((topic) => !mayByTheBook(texts, topic)),
            []
          )
        if (verdict === 'none')
          assert.deepEqual(
            asked.filter((topic) => mayByTheBook(texts, topic)),
            []
          )
      }),
      { numRuns: 400 }
    )
  })

  it('say all, some and none of plain cases, so that nobody is asked in vain', () => {
    const list = rules(['lab/#', '!lab/secret/#', 'lab/secret/open'])
    for (const [wanted, verdict] of [
      ['lab/oven/#', 'all'],
      ['lab/+', 'some'],
      ['lab/#', 'some'],
      ['#', 'some'],
      ['+/oven', 'some'],
      ['lab/secret/open', 'all'],
      ['lab/secret/+', 'some'],
      ['lab/secret/key', 'none'],
      ['other/#', 'none'],
      ['$SYS/#', 'none'],
      ['lab/#/x', 'none'],
      ['lab/o+', 'none'],
      ['', 'none']
    ] as const)
      assert.equal(list.of(wanted), verdict, wanted)
    assert.deepEqual(
      ['#', '+/+', '$SYS/#', '$SYS/uptime'].map((wanted) => rules(['#', '$SYS/#']).of(wanted)),
      ['all', 'all', 'all', 'all']
    )
    assert.equal(rules(['#']).of('$SYS/uptime'), 'none')
    for (const relation of [covers, overlaps]) assert.equal(relation(['#'], ['$SYS', 'uptime']), false)
  })

  it('put in the user and the client id', () => {
    const list = rules(['dev/%u/#', 'own/%c', '%u-%c/x'], 'anna', 'phone')
    for (const topic of ['dev/anna', 'dev/anna/a/b', 'own/phone', 'anna-phone/x']) assert.equal(list.may(topic), true, topic)
    for (const topic of ['dev/bert', 'dev/%u', 'own/anna', 'own/phone/x']) assert.equal(list.may(topic), false, topic)
    assert.equal(list.of('dev/anna/#'), 'all')
    assert.equal(list.of('dev/+/#'), 'some')
    // What is put in is no pattern again.
    assert.equal(rules(['dev/%u'], '%c', 'x').may('dev/x'), false)
  })

  it('give nothing to odd names, and take from them what they take from anybody', () => {
    for (const odd of [undefined, '', 'a/b', '+', '#', 'a#', '\0']) {
      const list = rules(['dev/%c', 'dev/%c/#'], 'anna', odd)
      for (const topic of ['dev/', 'dev', 'dev/a', 'dev/a/b', 'dev/+', 'dev/undefined'])
        assert.equal(list.may(topic), false, `${odd} ${topic}`)
      const less = rules(['#', '!notes/%c'], 'anna', odd)
      assert.deepEqual([less.may('notes/a'), less.may('notes/'), less.may('other')], [false, false, true])
    }
    assert.equal(rules(['%c/#'], 'anna', '$SYS').may('$SYS/uptime'), false)
    assert.equal(rules(['%c/#'], 'anna', '$SYS').of('$SYS/#'), 'none')
    assert.equal(rules(['$SYS/#', '!%c/#'], 'anna', '$SYS').may('$SYS/uptime'), false)
    assert.equal(rules(['$SYS/%c'], 'anna', 'x').may('$SYS/x'), true)
  })

  it('with any names never let subscribe to more than may be read', () => {
    const odd = fc.option(fc.constantFrom('a', 'b', '', '$s', 'a/b', '+', '#', '%u'), { nil: undefined })
    const drafts = fc.array(
      fc.tuple(fc.boolean(), fc.array(fc.constantFrom('a', '+', '%u', '%c', 'z%c'), { minLength: 1, maxLength: 3 })),
      { maxLength: 4 }
    )
    fc.assert(
      fc.property(drafts, odd, odd, filter, (list, user, client, wanted) => {
        const given = rules(
          list.map(([takes, levels]) => `${takes ? '!' : ''}${levels.join('/')}`),
          user,
          client
        )
        if (given.of(wanted) !== 'all') return
        const levels = wanted.split('/')
        for (const topic of topics) if (matches(levels, topic.split('/'))) assert.equal(given.may(topic), true, topic)
      })
    )
  })

  it('with a fault give nothing at all', () => {
    for (const bad of ['', 'a/#/b', 'a#', 'a+/b', '!', '!a/#/b', 'a\0']) {
      assert.notEqual(ruleFault(bad), undefined, bad)
      const list = new Rules(['#', bad]).for(nameless)
      assert.deepEqual([list.may('x'), list.of('#')], [false, 'none'], bad)
    }
    for (const good of ['#', '+', '/', 'a//b', '$SYS/#', '!#', 'a/%u/+/#']) assert.equal(ruleFault(good), undefined, good)
    assert.match(filterFault('a/#/b') ?? '', /last level/)
  })
})
