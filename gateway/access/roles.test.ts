import assert from 'node:assert/strict'
import type { Rights } from './identity.js'
import { Roles, roleNames } from './roles.js'

/** What topics a role may read (r) and write (w). */
function table(rights: Rights, topics: readonly string[]): Record<string, string> {
  return Object.fromEntries(topics.map((topic) => [topic, `${rights.mayRead(topic) ? 'r' : ''}${rights.mayWrite(topic) ? 'w' : ''}`]))
}

const topics = [
  'site/lab/oven',
  'site/lab/oven/power',
  'site/lab/oven/power/value',
  'site/lab/oven/power/set',
  'site/lab/oven/power/get',
  'site/lab/oven/power/call',
  'site/lab/oven/power/history',
  'site/lab/oven/power/reply',
  'site/lab/oven/power/meta',
  'site/lab-dead/x',
  'zigbee/lamp/set',
  '$SYS/uptime'
]

describe('roles', () => {
  const roles = new Roles({}, 'site/lab')
  const of = (role: string, user?: string): Rights => roles.rights({ user, role, via: 'password' }, 'client')

  it('observer reads all, and asks the history', () => {
    assert.deepEqual(Object.values(table(of('observer', 'anna'), topics)), ['r', 'r', 'r', 'r', 'r', 'r', 'rw', 'r', 'r', 'r', 'r', ''])
  })

  it('operator writes commands under the root, and anything elsewhere', () => {
    assert.deepEqual(Object.values(table(of('operator', 'anna'), topics)), [
      'r', 'r', 'r', 'rw', 'rw', 'rw', 'rw', 'r', 'r', 'rw', 'rw', ''
    ]) // prettier-ignore
  })

  it('device reads and writes its own', () => {
    assert.deepEqual(Object.values(table(of('device', 'oven'), topics)), ['rw', 'rw', 'r', 'r', 'r', 'r', 'r', 'rw', 'r', '', '', ''])
    assert.deepEqual(new Set(Object.values(table(of('device', 'laser'), topics))), new Set(['']))
    assert.deepEqual(new Set(Object.values(table(of('device'), topics))), new Set(['']))
    assert.deepEqual(
      ['site/lab/oven/#', 'site/lab/+/+/set', 'site/lab/laser/#'].map((filter) => of('device', 'oven').maySubscribe(filter)),
      ['all', 'some', 'none']
    )
  })

  it('admin may all that clients may, and see the broker', () => {
    assert.deepEqual(new Set(Object.values(table(of('admin'), topics.slice(0, -1)))), new Set(['rw']))
    assert.deepEqual(table(of('admin'), ['$SYS/uptime']), { '$SYS/uptime': 'r' })
    assert.equal(of('admin').maySubscribe('#'), 'all')
  })

  it('let nobody read in a dead letter what he may not read where it was published', () => {
    const half = new Roles(
      { half: { read: ['#', '!site/lab/safe/#'], write: [] }, clerk: { read: ['site/lab-dead/#'], write: [] } },
      'site/lab'
    )
    const rights = (role: string): Rights => half.rights({ user: 'anna', role, via: 'password' }, 'phone')
    const letters = ['site/lab-dead/site/lab/safe/code', 'site/lab-dead/site/lab/oven/power', 'site/lab-dead/$x', 'site/lab-dead']
    assert.deepEqual(Object.values(table(rights('half'), letters)), ['', 'r', 'r', 'r'])
    assert.deepEqual(Object.values(table(rights('clerk'), letters)), ['', '', 'r', 'r'])
    const filters = [
      'site/lab-dead/#',
      'site/lab-dead/site/lab/safe/#',
      'site/lab-dead/free/#',
      'site/+/site/lab/safe/code',
      'site/#',
      '#',
      'free/#'
    ]
    assert.deepEqual(
      filters.map((filter) => rights('half').maySubscribe(filter)),
      ['some', 'none', 'all', 'some', 'some', 'some', 'all']
    )
    assert.equal(rights('clerk').maySubscribe('site/lab-dead/#'), 'some')
    assert.deepEqual(
      filters.map((filter) => rights('observer').maySubscribe(filter)),
      filters.map(() => 'all')
    )
  })

  it('of the configuration replace those of the same name, and unknown ones may nothing', () => {
    const own = new Roles({ observer: { read: ['a/#'], write: [] }, mine: { read: ['#'], write: ['x/%c'] } }, 'lab')
    const rights = (role: string): Rights => own.rights({ user: 'anna', role, via: 'password' }, 'phone')
    assert.deepEqual(table(rights('observer'), ['a/b', 'b', 'lab/a/b/history']), { 'a/b': 'r', b: '', 'lab/a/b/history': '' })
    assert.deepEqual(table(rights('mine'), ['x/phone', 'x/anna']), { 'x/phone': 'rw', 'x/anna': 'r' })
    for (const unknown of ['nobody', 'constructor', '__proto__', 'none'])
      assert.deepEqual([table(rights(unknown), ['a/b']), rights(unknown).maySubscribe('#')], [{ 'a/b': '' }, 'none'])
    assert.deepEqual([...roleNames({ mine: { read: [], write: [] } })], ['observer', 'operator', 'device', 'admin', 'mine'])
  })
})
