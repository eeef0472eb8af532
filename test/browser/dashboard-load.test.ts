import assert from 'node:assert/strict'
import type { Browser, CDPSession } from 'playwright-core'
import { openChromium } from '../support/chromium.js'
import { openPage } from '../support/dashboard-lab.js'
import { needs } from '../support/peers.js'
import { Scripted } from '../support/scripted.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'

/** Seconds of readings; an hour is 3600. */
const seconds = Number(process.env['LABGATE_PAGE_SECONDS'] ?? 3)

const rate = 1000
const devices = Array.from({ length: 200 }, (_, at) => `dev${at}`)
const codenames = ['a', 'b', 'c', 'd', 'e']

const yaml = `
devices:
${devices.map((name) => `  ${name}: { codenames: { ${codenames.map((codename) => `${codename}: { unit: V, maxAge: 10, schema: { type: number } }`).join(', ')} } }`).join('\n')}
adapters:
  - { id: source, type: scripted, feeds: [${devices.join(', ')}] }
`

/** Bytes of the page's own heap, without what nobody holds any more. */
async function heap(cdp: CDPSession): Promise<number> {
  await cdp.send('HeapProfiler.collectGarbage')
  return ((await cdp.send('Runtime.getHeapUsage')) as { usedSize: number }).usedSize
}

/** Seconds that the page's main thread has worked. */
async function worked(cdp: CDPSession): Promise<number> {
  const { metrics } = (await cdp.send('Performance.getMetrics')) as { metrics: { name: string; value: number }[] }
  return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN
}

const mib = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`

describe('the dashboard under load', function () {
  this.timeout(40_000 + 2000 * seconds)
  const scripted = new Scripted()
  let running: Running | undefined
  let browser: Browser | undefined

  before(async function () {
    needs(this, 'chromium')
    running = await start(yaml, { types: [scripted.type] })
    browser = await openChromium()
  })

  after(async () => {
    await browser?.close()
    await running?.stop()
  })

  it(`shows ${devices.length} devices at ${rate} readings/s, stays quick, and does not grow`, async () => {
    let sent = 0
    let failure: unknown
    const began = performance.now()
    const timer = setInterval(() => {
      const due = Math.min(rate, ((performance.now() - began) / 1000) * rate - sent)
      for (let i = 0; i < due; i += 1) {
        const device = devices[sent % devices.length] as string
        const codename = codenames[Math.floor(sent / devices.length) % codenames.length] as string
        scripted
          .host('source')
          .publish({ device, codename, value: sent })
          .catch((error: unknown) => (failure = error))
        sent += 1
      }
    }, 20)
    try {
      const page = await openPage(browser as Browser, 'about:blank')
      await page.addInitScript(() => {
        const scope = globalThis as unknown as {
          longest: number
          first: number
          performance: { now(): number }
          document: { querySelector(q: string): unknown }
        }
        const { setInterval: repeat, clearInterval: end } = globalThis
        scope.longest = 0
        let last = 0
        repeat(() => {
          const now = scope.performance.now()
          if (last > 0) scope.longest = Math.max(scope.longest, now - last)
          last = now
        }, 10)
        const looking = repeat(() => {
          if (scope.document.querySelector('.line.fresh') === null) return
          scope.first = scope.performance.now()
          end(looking)
        }, 5)
      })
      await page.goto(`http://127.0.0.1:${running?.httpPort}/`)
      await page.locator('.line.fresh').first().waitFor()
      const cdp = await page.context().newCDPSession(page)
      await cdp.send('Performance.enable')
      // All have come, and what is made once is made.
      await page.getByText('200 devices').waitFor()
      await new Promise((resolve) => setTimeout(resolve, 1500))
      const heaps = [await heap(cdp)]
      let longest = 0
      const [workBefore, sentBefore, from] = [await worked(cdp), sent, performance.now()]
      for (let quarter = 0; quarter < 4; quarter += 1) {
        await page.evaluate('longest = 0')
        await new Promise((resolve) => setTimeout(resolve, seconds * 250))
        // Not the pause of the collection that follows.
        longest = Math.max(longest, (await page.evaluate('longest')) as number)
        heaps.push(await heap(cdp))
      }
      const [work, elapsed, came] = [(await worked(cdp)) - workBefore, (performance.now() - from) / 1000, sent - sentBefore]
      const [heapBefore, heapAfter] = [heaps[0] as number, heaps[4] as number]
      const shown = Number(((await page.locator('.line .short').first().textContent()) ?? '').replace(/\D/g, ''))
      console.log(
        `      first reading after ${((await page.evaluate('first')) as number).toFixed(0)} ms; ${(came / elapsed).toFixed(0)} readings/s for ${elapsed.toFixed(0)} s: ` +
          `${((100 * work) / elapsed).toFixed(0)} % of a core, longest pause ${longest.toFixed(0)} ms, heap ${heaps.map(mib).join(', ')}`
      )
      // The first card is visible: what it shows is at most a few seconds old.
      assert.ok(sent - shown < 5 * rate, `${shown} is shown, ${sent} were sent`)
      assert.ok(heapAfter - heapBefore < 3 * 1_048_576, 'the heap grows')
      assert.equal(failure, undefined)
      assert.deepEqual(page.faults, [])
    } finally {
      clearInterval(timer)
    }
  })
})
