import assert from 'node:assert/strict'
import fc from 'fast-check'
import { csvPath, historyPath, nameOf, readView, refOf, windowOf, writeView } from '../../gateway/dashboard/chart/address.js'
import { airy, axesOf, noUnit, steady } from '../../gateway/dashboard/chart/axes.js'
import { lookOf } from '../../gateway/dashboard/chart/palette.js'
import {
  ask,
  fit,
  frameEvery,
  isAtNow,
  isOutgrown,
  last,
  longest,
  pan,
  shortest,
  spanOf,
  zoom
} from '../../gateway/dashboard/chart/range.js'
import { numberLabels, showSpan, showTime, timeLabels } from '../../gateway/dashboard/chart/ticks.js'

const now = 1_700_000_000

describe('the window of a plot', () => {
  it('zooms around where the hand is, and back', () => {
    const window = { from: now - 1000, to: now - 500 }
    const near = zoom(window, 0.5, now - 600, now)
    assert.deepEqual(near, { from: now - 800, to: now - 550 })
    assert.deepEqual(zoom(near, 2, now - 600, now), window)
  })

  it('never ends in the future, and is neither too short nor too long', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 2e9, noNaN: true }), fc.double({ min: 0, max: 2e9, noNaN: true }), (from, span) => {
        const fitted = fit({ from, to: from + span }, now)
        assert.ok(fitted.to <= now + 1e-6)
        assert.ok(spanOf(fitted) >= shortest * 0.999 && spanOf(fitted) <= longest * 1.001)
      })
    )
  })

  it('pans by a share of itself, up to now', () => {
    assert.deepEqual(pan(last(100, now), -0.25, now), { from: now - 125, to: now - 25 })
    assert.deepEqual(pan({ from: now - 125, to: now - 25 }, 0.5, now), last(100, now))
    assert.equal(isAtNow({ from: now - 100, to: now - 0.5 }, now), true)
    assert.equal(isAtNow({ from: now - 100, to: now - 5 }, now), false)
  })

  it('moves by half a pixel, and five times a second at most; ten where it moves fast', () => {
    assert.equal(frameEvery(10, 1000), 100)
    assert.equal(frameEvery(60, 1000), 200)
    assert.equal(frameEvery(600, 1000), 300)
    assert.equal(frameEvery(86_400, 1000), 1000)
  })

  it('asks the history for about as many points as there are pixels, and again only when that shows', () => {
    const window = { from: now - 4000, to: now - 2000 }
    const had = ask(window, 800, now)
    assert.deepEqual(had, { from: now - 4500, to: now - 1500, points: 1200 })
    assert.equal(isOutgrown(had, window, 800, now, true, false), false)
    assert.equal(isOutgrown(had, pan(window, 0.1, now), 800, now, true, false), false, 'within the margin')
    assert.equal(isOutgrown(had, pan(window, 0.5, now), 800, now, true, false), true)
    assert.equal(isOutgrown(had, pan(window, -0.5, now), 800, now, true, false), true)
    const near = zoom(window, 0.4, now - 3000, now)
    assert.equal(isOutgrown(had, near, 800, now, true, false), true, 'finer data')
    assert.equal(isOutgrown(had, near, 800, now, false, false), false, 'the readings themselves are here')
    assert.equal(isOutgrown(undefined, window, 800, now, true, false), true)
  })

  it('that follows needs no history for what comes live', () => {
    const had = ask(last(600, now), 600, now)
    assert.equal(had.to, now)
    assert.equal(isOutgrown(had, last(600, now + 60), 600, now + 60, true, true), false)
    assert.equal(isOutgrown(had, last(600, now + 60), 600, now + 60, true, false), true)
  })
})

describe('the axes of a plot', () => {
  const number = (unit?: string): { unit: string | undefined; isNumber: boolean } => ({ unit, isNumber: true })

  it('are one for each unit, left and right in turn; states have none', () => {
    const { axes, left, why } = axesOf([number('°C'), number('W'), number('°C'), { unit: 'V', isNumber: false }, number()], 3)
    assert.deepEqual(
      axes.map(({ unit, side, members }) => [unit, side, members]),
      [
        ['°C', 'left', [0, 2]],
        ['W', 'right', [1]],
        [noUnit, 'left', [4]]
      ]
    )
    assert.deepEqual([left, why], [[], undefined])
  })

  it('know a unit in another spelling', () => {
    // The micro sign and the Greek letter; the ohm sign and the Greek letter.
    assert.equal(axesOf([number('\u00b5A'), number('\u03bcA'), number('\u2126'), number('\u03a9 ')], 4).axes.length, 2)
  })

  it('are explained where there is no room for all', () => {
    const { axes, left, why } = axesOf(['a', 'b', 'c', 'd', 'c'].map(number), 2)
    assert.deepEqual([axes.length, left], [2, [2, 4, 3]])
    assert.match(why ?? '', /axes of 2 units; not drawn: those in c, d\./)
  })

  it('have air, also for a line that never moves', () => {
    assert.deepEqual(airy({ min: 0, max: 100 }), { min: -6, max: 106 })
    assert.deepEqual(airy({ min: 20, max: 20 }), { min: 19, max: 21 })
    assert.deepEqual(airy({ min: 0, max: 0 }), { min: -1, max: 1 })
    assert.deepEqual(airy(undefined), { min: 0, max: 1 })
  })

  it('stand still while what is shown fits them and fills them', () => {
    const before = { min: 0, max: 100 }
    assert.equal(steady(before, { min: 10, max: 90 }), before)
    assert.notEqual(steady(before, { min: 10, max: 101 }), before)
    assert.notEqual(steady(before, { min: 10, max: 20 }), before)
  })

  it('are labelled with the decimals they need', () => {
    assert.deepEqual(numberLabels([0, 0.5, 1], 0.5), ['0.0', '0.5', '1.0'])
    assert.deepEqual(numberLabels([0, 2.5, 5], 2.5), ['0.0', '2.5', '5.0'])
    assert.deepEqual(numberLabels([20, 20.25, null], 0.25), ['20.00', '20.25', ''])
    assert.deepEqual(numberLabels([0, 100], 100), ['0', '100'])
    assert.deepEqual(numberLabels([0, 5e-8, 1e-7], 5e-8), ['0', '5e−8', '1e−7'])
    assert.deepEqual(numberLabels([1_000_000, 1_500_000], 500_000), ['1e6', '1.5e6'])
  })

  it('show times by the clock of 24 hours, the date where it begins', () => {
    const noon = new Date(2014, 9, 24, 23, 0, 0).getTime() / 1000
    assert.deepEqual(timeLabels([noon, noon + 1800, noon + 3600], 1800), ['23:00\n24 Oct', '23:30', '00:00\n25 Oct'])
    assert.deepEqual(timeLabels([noon, noon + 15], 15), ['23:00:00\n24 Oct', '23:00:15'])
    assert.deepEqual(timeLabels([noon + 0.5], 0.1), ['23:00:00.5\n24 Oct'])
    assert.deepEqual(timeLabels([noon, noon + 86_400], 86_400), ['24 Oct\n2014', '25 Oct'])
    assert.deepEqual(timeLabels([noon, noon + 31 * 86_400], 30 * 86_400), ['Oct\n2014', 'Nov'])
  })
})

describe('times and lines in a legend of a plot', () => {
  it('show milliseconds only where they can be seen', () => {
    const time = new Date(2014, 9, 24, 13, 26, 55, 697).getTime() / 1000
    assert.equal(showTime(time), '24 Oct 2014 13:26:55.697')
    assert.equal(showTime(time, 3600), '24 Oct 2014 13:26:55')
    assert.equal(showTime(time, 90 * 86_400), '24 Oct 2014 13:26')
    assert.deepEqual([45, 300, 5400, 86_400 * 7, 31_536_000 * 2].map(showSpan), ['45 s', '5 min', '90 min', '7 d', '2 y'])
  })

  it('tell twelve codenames apart by colour and line', () => {
    for (const theme of ['dark', 'light'] as const) {
      const looks = Array.from({ length: 12 }, (_, i) => JSON.stringify(lookOf(i, theme)))
      assert.equal(new Set(looks).size, 12)
    }
  })
})

describe('the address of a plot', () => {
  const params = (text: string): URLSearchParams => new URLSearchParams(text)
  const odd = { device: 'oven', codename: 'a/b c+%' }

  it('holds codenames and window, and gives them back', () => {
    const series = [{ device: 'furnace', codename: 'temperature' }, odd]
    for (const shown of [{ span: 300 }, { from: 1_600_000_000.25, to: 1_600_000_300 }]) {
      const address = writeView({ series, shown })
      assert.deepEqual(readView(params(address.slice(address.indexOf('?') + 1)), now), { series, shown })
    }
    assert.equal(writeView({ series: series.slice(0, 1), shown: { span: 300 } }), '#/plot?c=furnace/temperature&from=-300')
  })

  it('leaves out what it does not understand', () => {
    assert.deepEqual(readView(params('c=x&c=/y&c=%20a/b&from=soon&to=2'), now), { series: [], shown: { span: 3600 } })
    assert.deepEqual(windowOf(readView(params('from=-60'), now).shown, now), { from: now - 60, to: now })
    assert.deepEqual(readView(params('from=-60&to=-30'), now).shown, { from: now - 60, to: now - 30 })
    // Nothing that cannot be written as a time.
    for (const far of ['from=1e17&to=1e18', 'from=1e300', 'from=-1e300&to=5', 'from=Infinity'])
      assert.deepEqual(readView(params(far), now).shown, { span: 3600 }, far)
    assert.deepEqual(readView(params('from=-9e9&to=9e12'), now).shown, { span: longest })
    assert.deepEqual(readView(params('from=0001-01-01T00:00:00Z&to=8e12'), now).shown, { from: 0, to: 253_402_300_799 })
    assert.equal(readView(params(Array.from({ length: 40 }, (_, i) => `c=d/c${i}`).join('&')), now).series.length, 12)
  })

  it('asks the gateway with names as they are and times in full', () => {
    assert.deepEqual(
      ['a/b/c', 'a/%ZZ', nameOf(odd)].map((name) => refOf(name)?.codename),
      ['b/c', '%ZZ', odd.codename]
    )
    assert.equal(
      historyPath(odd, { from: 0.5, to: 60, points: 99 }),
      '/api/devices/oven/a%2Fb%20c%2B%25/history?from=1970-01-01T00:00:00.5Z&to=1970-01-01T00:01:00Z&points=99'
    )
    assert.equal(
      csvPath([{ device: 'a', codename: 'b' }], { from: 0, to: 1 }),
      '/api/history?codename=a/b&from=1970-01-01T00:00:00Z&to=1970-01-01T00:00:01Z&format=csv'
    )
  })
})
