import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page, Response } from 'playwright-core'
import { Cable } from '../support/cable.js'
import { openChromium } from '../support/chromium.js'
import { DashboardLab, openPage, overflow } from '../support/dashboard-lab.js'
import { fillHistory } from '../support/fill-history.js'
import type { TestClient } from '../support/mqtt.js'
import { needs } from '../support/peers.js'

/** A folder for screenshots, where somebody wants to look at them. */
const shots = process.env['LABGATE_SCREENSHOTS']

/** With LABGATE_YEAR a year of readings of every second is made, which takes minutes; else twenty days of every minute. */
const isYear = process.env['LABGATE_YEAR'] !== undefined
const [days, period] = isYear ? [365, 1] : [20, 60]
const long = days * 86_400

/** What stands on the canvas, told by colours: of the first line (dark), the second one, and the hatching of what is stale, column by column. */
interface Columns {
  readonly first: readonly number[]
  readonly second: readonly number[]
  readonly stale: readonly number[]
  /** Highest pixel of the first line in each column; -1: none. */
  readonly top: readonly number[]
  /** Left and right edge of what is plotted. */
  readonly left: number
  readonly right: number
}

const look = `(() => {
  const canvas = document.querySelector('.chart-canvas canvas')
  if (canvas === null) return { first: [], second: [], stale: [], top: [], left: 0, right: 0 }
  const { width, height } = canvas
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, height)
  const found = { first: Array(width).fill(0), second: Array(width).fill(0), stale: Array(width).fill(0), top: Array(width).fill(-1) }
  const near = (at, r, g, b) => Math.abs(data[at] - r) < 40 && Math.abs(data[at + 1] - g) < 40 && Math.abs(data[at + 2] - b) < 40 && data[at + 3] > 120
  for (let y = 0; y < height; y += 1) for (let x = 0; x < width; x += 1) {
    const at = 4 * (y * width + x)
    if (data[at + 3] === 0) continue
    if (near(at, 86, 180, 233)) {
      found.first[x] += 1
      if (found.top[x] < 0) found.top[x] = y
    } else if (near(at, 230, 159, 0)) found.second[x] += 1
    else if (data[at] > data[at + 2] + 25) found.stale[x] += 1
  }
  const over = document.querySelector('.chart-canvas .u-over')
  const left = over.offsetLeft * devicePixelRatio
  return { ...found, left, right: left + over.offsetWidth * devicePixelRatio }
})()`

describe('plots in Chromium', function () {
  this.timeout(20_000)
  const lab = new DashboardLab()
  let browser: Browser | undefined
  let page: Awaited<ReturnType<typeof openPage>>
  let mqtt: TestClient
  let wind = 5
  let blowing: NodeJS.Timeout | undefined

  before(async function () {
    this.timeout(isYear ? 1_000_000 : 20_000)
    needs(this, 'chromium')
    if (shots !== undefined) mkdirSync(shots, { recursive: true })
    const to = Date.now() / 1000
    const value = (time: number): number => 20 + 10 * Math.sin((time / long) * 30) + Math.sin(time / 5000)
    await fillHistory(lab.data, { device: 'weather', codename: 'rain', from: to - long, to, period, value, unit: 'mm' })
    await lab.start()
    browser = await openChromium()
    mqtt = await lab.running.connect()
    await blow()
    page = await openPage(browser, `${lab.url}#/plot?c=weather/wind&from=-10`, { colorScheme: 'dark' })
  })

  after(async () => {
    clearInterval(blowing)
    await browser?.close()
    await lab.stop()
  })

  /** A reading every tenth of a second. */
  async function blow(): Promise<void> {
    const send = async (): Promise<void> => await mqtt.publish('lab/weather/wind', String(wind), { qos: 0 })
    await send()
    blowing = setInterval(() => void send(), 100)
  }
  const columns = async (on: Page = page): Promise<Columns> => (await on.evaluate(look)) as Columns
  /** Looks until it is so: nothing tells when a canvas was drawn. */
  const seen = async (is: (columns: Columns) => boolean, what: string, on: Page = page): Promise<Columns> => {
    for (const end = performance.now() + 6000; performance.now() < end;) {
      const found = await columns(on)
      if (is(found)) return found
      await on.waitForTimeout(100)
    }
    throw new Error(`not seen: ${what}`)
  }
  /** Left of it stand the labels of the axis, in the same colour. */
  const peakOf = ({ top: all, left, right }: Columns): number => {
    const top = all.map((y, x) => (x > left && x < right ? y : -1))
    const lines = top.filter((y) => y >= 0)
    const highest = Math.min(...lines)
    // A spike stands out of the rest.
    return Math.max(...lines) - highest > 60 ? top.indexOf(highest) : -1
  }
  const hasLine = ({ first, left, right }: Columns): boolean => first.slice(left, right).some((pixels) => pixels > 0)
  const shoot = async (name: string): Promise<void> => {
    if (shots !== undefined) await page.screenshot({ path: join(shots, `${name}.png`) })
  }
  const show = async (hash: string): Promise<void> => {
    await page.evaluate(`location.hash = ${JSON.stringify(hash)}`)
  }
  const isAnswer = (codename: string) => (response: Response) => response.url().includes(`/${codename}/history?`)

  it('move with what comes live', async () => {
    await seen(hasLine, 'a line')
    wind = 50
    await mqtt.publish('lab/weather/wind', '50')
    wind = 5
    const before = peakOf(await seen((found) => peakOf(found) > 0, 'the peak'))
    const after = peakOf(await seen((found) => peakOf(found) > 0 && peakOf(found) <= before - 15, 'the peak further left'))
    assert.ok(after < before)
    await shoot('plot-live')
  })

  it('have the history behind what comes live after the page was loaded again', async () => {
    await Promise.all([page.waitForResponse(isAnswer('wind')), page.reload()])
    // The peak came before the page was there.
    await seen((found) => peakOf(found) > 0, 'the peak')
  })

  it('end where the value became stale, hatched, and begin anew behind the gap', async () => {
    clearInterval(blowing)
    await page.locator('.chart-legend').getByText('stale').waitFor()
    await shoot('plot-stale')
    const edge = await seen(({ stale, right }) => (stale[Math.round(right) - 5] ?? 0) > 5, 'hatching up to now')
    assert.equal(edge.first[Math.round(edge.right) - 3], 0, 'the line was continued')
    wind = 6
    await blow()
    const { first, stale, left } = await seen(
      ({ first: line, right }) => line.slice(Math.round(right) - 60).some((pixels) => pixels > 0),
      'the line again'
    )
    const end = first.findLastIndex(
      (pixels, x) => x > left && pixels > 0 && first.slice(x + 1, x + 30).every((none) => none === 0) && x < first.length - 60
    )
    assert.ok(end > 0, 'no gap')
    const next = first.findIndex((pixels, x) => x > end && pixels > 0)
    assert.ok(next - end >= 30, `a gap of ${next - end} pixels`)
    const hatched = stale.slice(end, next).filter((pixels) => pixels > 0).length
    // Hatched from when it became stale; until then the last value was known.
    assert.ok(hatched > 25, `${hatched} of ${next - end} columns are hatched`)
    await shoot('plot-gap')
  })

  it('have what was missed while the connection was lost, also in a hidden tab, and until then a gap', async () => {
    const cable = await Cable.open(lab.running.httpPort)
    const view = `http://127.0.0.1:${cable.port}/#/plot?c=weather/serial&from=-8`
    // Nothing hides a tab of a browser without a window: told to the page as a browser would.
    const hide = "let is = 'visible'; Object.defineProperty(document, 'visibilityState', { get: () => is })"
    const turn = (to: string): string =>
      `window.dispatchEvent(new CustomEvent('turn', { detail: '${to}' })); document.dispatchEvent(new Event('visibilitychange'))`
    const pages = await Promise.all(
      [false, true].map(async (isHidden) => {
        const on = await (browser as Browser).newPage({ viewport: { width: 1000, height: 700 }, colorScheme: 'dark' })
        on.setDefaultTimeout(8000)
        if (isHidden) await on.addInitScript(`${hide}; addEventListener('turn', ({ detail }) => (is = detail))`)
        await on.goto(view)
        return on
      })
    )
    const [open, hidden] = pages as [Page, Page]
    let count = 0
    const put = async (): Promise<void> => await mqtt.publish('lab/weather/serial', String((count += 1)))
    const putFor = async (seconds: number): Promise<void> => {
      for (const end = performance.now() + seconds * 1000; performance.now() < end; await open.waitForTimeout(50)) await put()
    }
    /** Readings that are drawn, of all there were: their values are their numbers. */
    const drawn = async (on: Page): Promise<void> => {
      const words = `latest ${count}, good.*lowest 1, highest ${count} of ${count} readings shown`
      await on.locator('.chart-words').getByText(new RegExp(words)).waitFor({ state: 'attached' })
    }
    /** Pixels of the widest piece of the line's stretch where there is none. */
    const gapOf = ({ first, left, right }: Columns): number => {
      const places = first.flatMap((pixels, x) => (pixels > 0 && x > left && x < right ? [x] : []))
      return places.reduce((widest, x, i) => Math.max(widest, x - (places[i - 1] ?? x)), 0)
    }
    // The history is held back until the gap was seen.
    let release = (): void => {}
    const released = new Promise<void>((resolve) => (release = resolve))
    try {
      await put()
      await Promise.all(pages.map(async (on) => await on.locator('.chart-legend').getByText('1', { exact: true }).waitFor()))
      // The page gives up a question when the connection is there anew.
      for (const on of pages) await on.route('**/history?*', async (route) => await released.then(() => route.continue()).catch(() => {}))
      await putFor(0.4)
      await hidden.evaluate(turn('hidden'))
      cable.pull()
      await open.locator('.top').getByText('not connected').waitFor()
      const before = count
      await putFor(0.4)
      const missed = count - before
      assert.ok(missed >= 4, `${missed} readings`)
      cable.plug()
      await open.locator('.top').getByText('connected', { exact: true }).waitFor()
      await putFor(0.4)
      await hidden.evaluate(turn('visible'))
      for (const on of pages) await seen((found) => gapOf(found) >= 20, 'the gap', on)
      await putFor(0.2)
      release()
      for (const on of pages) {
        await drawn(on)
        await seen((found) => hasLine(found) && gapOf(found) < 6, 'a line without a gap', on)
      }
    } finally {
      release()
      await cable.close()
      await Promise.all(pages.map(async (on) => await on.close()))
    }
  })

  it(`draw ${days} days, and ask for finer data where one zooms in; double-click goes back`, async () => {
    const began = performance.now()
    const [whole] = await Promise.all([page.waitForResponse(isAnswer('rain')), show(`#/plot?c=weather/rain&from=-${long}`)])
    await seen(
      ({ first, left, right }) => first.slice(left, right).filter((pixels) => pixels > 0).length > 0.97 * (right - left),
      'all of it'
    )
    const took = performance.now() - began
    const { requestStart, responseEnd } = whole.request().timing()
    const coarse = (await whole.json()) as { kind: string; step: number; rollups: unknown[] }
    console.log(
      `      ${days} days, ${Math.round(long / period)} readings: ${coarse.rollups.length} roll-ups answered in ` +
        `${(responseEnd - requestStart).toFixed(0)} ms, seen after ${took.toFixed(0)} ms`
    )
    await shoot('plot-long')
    const box = await page.locator('.chart-canvas .u-over').boundingBox()
    assert.ok(box)
    const y = box.y + box.height / 2
    await page.mouse.move(box.x + box.width * 0.4, y)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.45, y, { steps: 3 })
    const [finer] = await Promise.all([page.waitForResponse(isAnswer('rain')), page.mouse.up()])
    const fine = (await finer.json()) as { kind: string; step?: number }
    assert.ok(fine.kind === 'readings' || (fine.step as number) < coarse.step, `${fine.kind} ${fine.step}`)
    await page.waitForURL(/&to=/)
    // The wheel zooms around the pointer, shift-drag pans, and double-click goes back through both.
    const windowOf = (): number[] => ['from', 'to'].map((name) => Date.parse(new URLSearchParams(page.url().split('?')[1]).get(name) ?? ''))
    const [from, to] = windowOf() as [number, number]
    const zoomed = page.url().split('&from=')[1] as string
    await page.mouse.wheel(0, -300)
    await page.waitForURL((url) => !url.href.endsWith(zoomed))
    const [near, far] = windowOf() as [number, number]
    assert.ok(from < near && far < to, 'it zoomed in')
    await page.mouse.dblclick(box.x + 100, y)
    await page.mouse.dblclick(box.x + 100, y)
    await page.waitForURL((url) => url.href.endsWith(`from=-${long}`))
  })

  it('give an axis to each unit, and the same window as CSV', async () => {
    await show('#/plot?c=weather/rain&c=weather/wind&c=furnace/temperature&from=-60')
    // Of time, and one for each unit.
    const axes = page.locator('.chart-canvas .u-axis')
    await axes.nth(3).waitFor({ state: 'attached' })
    assert.equal(await axes.count(), 4)
    const some = (pixels: readonly number[]): boolean => pixels.some((count) => count > 0)
    await seen(
      ({ first, second, left, right }) => some(second.slice(right)) && some(first.slice(0, left)) && some(second.slice(left, right)),
      'both lines, and the labels of each axis in the colour of its line'
    )
    const legend = page.locator('.chart-legend li')
    await legend.filter({ hasText: 'weather/wind' }).getByText('6 m/s').waitFor()
    await legend.filter({ hasText: 'weather/wind' }).getByRole('button').click()
    await axes.nth(3).waitFor({ state: 'detached' })
    assert.equal(await axes.count(), 3)
    await legend.filter({ hasText: 'weather/wind' }).getByRole('button').click()
    await axes.nth(3).waitFor({ state: 'attached' })
    const csv = await page.request.get(new URL((await page.getByRole('link', { name: 'CSV' }).getAttribute('href')) ?? '', lab.url).href)
    assert.match(csv.headers()['content-type'] ?? '', /^text\/csv/)
    assert.match(await csv.text(), /weather.*wind/)
    await shoot('plot-units')
  })

  it('can be had without a mouse and without eyes', async () => {
    await show('#/plot?c=weather/wind&from=-60')
    await page
      .locator('.chart-words')
      .getByText(/weather\/wind: latest .*lowest .*highest/)
      .waitFor({ state: 'attached' })
    await page.locator('.chart-canvas').focus()
    await page.keyboard.press('+')
    await page.waitForURL(/from=-30$/)
    await page.keyboard.press('ArrowLeft')
    await page.waitForURL(/&to=/)
    assert.equal(await page.getByRole('switch', { name: 'live' }).getAttribute('aria-checked'), 'false')
    await page.keyboard.press('l')
    await page.waitForURL(/from=-30$/)
    await page.getByText('Table of what is shown').click()
    await page.getByRole('region', { name: 'What the plot shows' }).getByRole('row').nth(3).waitFor()
  })

  it('fit a phone: picked by search, nothing beyond the edge, buttons that a finger finds', async () => {
    await page.setViewportSize({ width: 360, height: 740 })
    await show('#/plot')
    await page.getByRole('searchbox').fill('furn temp')
    await page.getByRole('checkbox', { name: 'furnace/temperature' }).check()
    await page.waitForURL(/c=furnace\/temperature/)
    await seen(hasLine, 'a line')
    assert.equal(await overflow(page as Page), 0)
    const sizes = await page.locator('.chart-tools button, .chart-tools a, .chart-legend button').evaluateAll((all) =>
      all.map((one) => {
        const { width, height } = (one as unknown as { getBoundingClientRect(): { width: number; height: number } }).getBoundingClientRect()
        return Math.min(width, height)
      })
    )
    assert.ok(sizes.length > 10 && Math.min(...sizes) >= 44, String(sizes))
    await shoot('plot-360')
    assert.deepEqual(page.faults, [])
  })

  it('leave the unit of a long number whole on the overview of a phone', async () => {
    await show('#/')
    await mqtt.publish('lab/weather/rain', '-123456.8')
    const line = page.locator('.line', { hasText: 'rain' }).filter({ hasText: '456.8' })
    const unit = line.locator('.unit')
    await unit.scrollIntoViewIfNeeded()
    // What is cut off is not found at its place. A card that has just come in sight is still drawn.
    const isSeen = async (): Promise<boolean> =>
      await unit.evaluate((element) => {
        const { document } = globalThis as unknown as { document: { elementFromPoint(x: number, y: number): unknown } }
        const { right, top, height } = (
          element as unknown as { getBoundingClientRect(): { right: number; top: number; height: number } }
        ).getBoundingClientRect()
        return document.elementFromPoint(right - 2, top + height / 2) === element
      })
    for (const end = performance.now() + 2000; performance.now() < end && !(await isSeen());) await page.waitForTimeout(50)
    assert.ok(await isSeen(), 'the unit is cut')
  })

  it('and every page that fails says so, and the next one is shown', async () => {
    await show('#/plot?c=weather/wind&from=1e17&to=1e18')
    await page.getByText('5 min').waitFor()
    await page.evaluate(`window.kept = IntersectionObserver; IntersectionObserver = class { constructor() { throw new Error('broken') } }`)
    await show('#/')
    await page
      .getByRole('alert')
      .getByText(/The cause: broken/)
      .waitFor()
    await page.evaluate(`IntersectionObserver = window.kept`)
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    assert.deepEqual([...new Set(page.faults)], ['broken'])
  })
})
