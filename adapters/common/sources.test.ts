import assert from 'node:assert/strict'
import { memoryUsage } from 'node:process'
import { FakeHost } from '../../test/support/fake-host.js'
import { Sources } from './sources.js'
import type { SourceRules } from './sources.js'

class Counting extends FakeHost {
  refusals = 0
  readonly warnings: object[] = []
  override readonly log = {
    debug: () => {},
    info: () => {},
    warn: (fields: object) => void this.warnings.push(fields),
    error: () => {},
    child: () => this.log
  }

  override count(counter?: string): void {
    if (counter === 'refused') this.refusals += 1
  }
}

describe('the sources of a listener', () => {
  let host = new Counting({ devices: new Map() })
  beforeEach(() => (host = new Counting({ devices: new Map() })))
  const make = (config: SourceRules): Sources => new Sources({ config, host })

  it('are everybody where nothing is listed', () => {
    const sources = make({})
    for (const address of ['127.0.0.1', '::1', '10.1.2.3', 'fe80::1%eth0', '']) assert.ok(sources.mayCome(address), address)
    assert.equal(host.refusals, 0)
  })

  it('are those of the addresses and networks listed, IPv4 in the clothes of IPv6 too', () => {
    const sources = make({ allow: ['192.168.7.0/24', '10.0.0.5', 'fd00::/8', '::1', '::ffff:172.16.0.0/108'] })
    const may = (...addresses: string[]): void =>
      assert.deepEqual(
        addresses.filter((address) => !sources.mayCome(address)),
        []
      )
    const mayNot = (...addresses: string[]): void =>
      assert.deepEqual(
        addresses.filter((address) => sources.mayCome(address)),
        []
      )
    may('192.168.7.1', '192.168.7.255', '::ffff:192.168.7.9', '10.0.0.5', 'fd12::1', '::1', '172.16.0.1', '172.31.255.255')
    mayNot('192.168.8.1', '10.0.0.6', 'fe80::1', 'fe80::1%eth0', '127.0.0.1', '::ffff:10.0.0.6', '172.32.0.1', '')
    assert.equal(host.refusals, 8)
    assert.deepEqual(host.warnings, [{ address: '192.168.8.1', rule: 'allow' }])
  })

  it('may all be listed by a network of no bits, of each family its own', () => {
    const sources = make({ allow: ['0.0.0.0/0'] })
    assert.deepEqual([sources.mayCome('8.8.8.8'), sources.mayCome('2001:db8::1')], [true, false])
  })

  it('bring so much a second on average over ten, each its own; this computer as much as it likes', async () => {
    const sources = make({})
    const came = (address: string, count: number): number =>
      Array.from({ length: count }, () => sources.mayCome(address)).filter(Boolean).length
    assert.equal(came('10.0.0.1', 60_000), 50_000)
    assert.equal(came('10.0.0.2', 10), 10)
    assert.equal(came('127.0.0.1', 200_000), 200_000)
    await host.clock.pass(1)
    assert.equal(came('10.0.0.1', 6000), 5000)
    assert.deepEqual(host.warnings, [{ address: '10.0.0.1', rule: 'maxSourceRate' }])
    assert.equal(host.refusals, 11_000)
  })

  it('have the rate that is written, this computer too', () => {
    const sources = make({ maxSourceRate: 2 })
    assert.equal(Array.from({ length: 50 }, () => sources.mayCome('127.0.0.1')).filter(Boolean).length, 20)
    assert.ok(!sources.mayAsk('127.0.0.1'))
    assert.ok(!sources.isFree('127.0.0.1'))
  })

  it('pay for long answers: a forged address gets a bounded number of bytes', () => {
    const sources = make({ maxSourceRate: 10 })
    let bytes = 0
    for (let i = 0; i < 1000; i += 1)
      if (sources.mayCome('10.0.0.1')) {
        sources.answered('10.0.0.1', 60_000)
        bytes += 60_000
      }
    // Ten seconds' worth, each with one KiB, and the last answer whole.
    assert.ok(bytes <= 100 * 1024 + 60_000, String(bytes))
  })

  it('are no services that answer whatever comes', () => {
    const sources = make({})
    assert.deepEqual(
      [7, 13, 17, 19, 37, 0].filter((port) => sources.mayCome('127.0.0.1', port)),
      []
    )
    assert.ok(sources.mayCome('127.0.0.1', 9000))
    assert.equal(host.warnings.length, 1)
  })

  it('take no more memory when a million of them are made up', function () {
    this.timeout(20_000)
    for (const [config, many] of [
      [{}, 1_000_000],
      [{ allow: ['10.0.0.0/8'] }, 300_000]
    ] as const) {
      const sources = make(config)
      const forge = (count: number): void => {
        for (let i = 0; i < count; i += 1) sources.mayCome(`${(i % 3) + 10}.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`)
      }
      forge(100_000)
      globalThis.gc?.()
      const before = memoryUsage().heapUsed
      forge(many)
      globalThis.gc?.()
      const grown = memoryUsage().heapUsed - before
      // Without a bound it would be 100 bytes each at least.
      assert.ok(grown < 25 << 20, `${Math.round(grown / 2 ** 20)} MiB`)
    }
    assert.ok(host.warnings.length <= 4)
  })

  it('let others in beside a flood of forged addresses', async () => {
    const sources = make({ maxSourceRate: 10 })
    for (let i = 0; i < 5000; i += 1) sources.mayCome(`10.1.${i >> 8}.${i & 255}`)
    await host.clock.pass(2)
    assert.ok(sources.mayCome('192.168.7.7'))
  })
})
