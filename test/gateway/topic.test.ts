import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Topics, below, decodeName, encodeName } from '../../gateway/topic.js'
import type { Kind } from '../../gateway/topic.js'

const wellFormed = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((name) => name.isWellFormed())
const kinds: Exclude<Kind, 'state' | 'reading'>[] = ['value', 'meta', 'reply', 'set', 'get', 'call', 'history']

describe('topics', () => {
  const topics = new Topics('lab')

  it('write a name that has only letters, digits, _ . and - as it is', () => {
    for (const name of ['T1', '0', 'moon_laser.power-2', 'a'.repeat(63)]) assert.equal(encodeName(name), name)
  })

  it('write every other byte of a name as %XX, and the empty name as %', () => {
    assert.equal(encodeName(''), '%')
    assert.equal(encodeName('Temp / °C'), 'Temp%20%2F%20%C2%B0C')
    assert.equal(encodeName('_x'), '%5Fx')
    assert.equal(encodeName('$SYS+#'), '%24SYS%2B%23')
  })

  it('give any well-formed name back as it was', () => {
    fc.assert(
      fc.property(wellFormed, (name) => {
        const level = encodeName(name)
        assert.ok(level !== undefined && /^[A-Za-z0-9_.%-]+$/.test(level), level)
        assert.equal(decodeName(level), name)
      })
    )
  })

  it('have no form for lone surrogates and for names that are too long', () => {
    assert.equal(encodeName('\ud800'), undefined)
    assert.equal(encodeName('°'.repeat(8192)), undefined)
    assert.equal(topics.reading('dev', '\udfff'), undefined)
    assert.equal(topics.state('\udfff'), undefined)
  })

  it('take a level for a name only when it is written as we write it', () => {
    for (const level of ['', '%zz', '%4', '%e2%82%ac', '%41', 'a%41', 'a b', '°', '%C3', '%%', '_x', 'a'.repeat(64)])
      assert.equal(decodeName(level), level === 'a'.repeat(64) ? level : undefined, level)
  })

  it('never throw, whatever the topic', () => {
    const levels = fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('lab', 'lab-dead', '$SYS', '%', '%GG', 'set', '')), {
      maxLength: 6
    })
    fc.assert(fc.property(levels, (parts) => assert.ok(topics.parse(parts.join('/')).where.length > 0)))
  })

  it('read back what they build, for every kind', () => {
    fc.assert(
      fc.property(wellFormed, wellFormed, fc.constantFrom(...kinds), (device, codename, kind) => {
        const reading = topics.reading(device, codename) as string
        assert.deepEqual(topics.parse(topics.state(device) as string), { where: 'root', kind: 'state', device, codename: '' })
        assert.deepEqual(topics.parse(reading), { where: 'root', kind: 'reading', device, codename })
        assert.deepEqual(topics.parse(below(reading, kind)), { where: 'root', kind, device, codename })
      })
    )
  })

  it('know what is outside, reserved and invalid, also below a root of two levels', () => {
    const deep = new Topics('site/lab')
    const where = (topic: string): string => deep.parse(topic).where
    for (const topic of ['site', 'sitelab', 'site/labx/a', 'lab/a/b', '/site/lab', 'tele/x']) assert.equal(where(topic), 'outside', topic)
    for (const topic of ['$SYS/x', '$share', 'site/lab-dead', 'site/lab-dead/a']) assert.equal(where(topic), 'reserved', topic)
    for (const topic of [
      'site/lab',
      'site/lab/',
      'site/lab/a/',
      'site/lab//b',
      'site/lab/a/b/nope',
      'site/lab/a/b/set/c',
      'site/lab/a/%41'
    ])
      assert.equal(where(topic), 'invalid', topic)
  })

  it('cut the topic of a dead letter to what MQTT and the matcher can hold', () => {
    const deep = topics.dead(Array.from({ length: 300 }, () => 'x').join('/'))
    assert.equal(deep.split('/').length, 100)
    assert.ok(Buffer.byteLength(topics.dead('°'.repeat(60_000))) < 65_536)
    assert.equal(topics.dead('lab/a/b'), 'lab-dead/lab/a/b')
  })
})
