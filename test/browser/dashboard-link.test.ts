import assert from 'node:assert/strict'
import type { Browser, Page } from 'playwright-core'
import { openChromium } from '../support/chromium.js'
import { DashboardLab } from '../support/dashboard-lab.js'
import { needs } from '../support/peers.js'

const suback = 0x90
const refused = 0x80

describe('the dashboard in Chromium, where the network or the gateway is not kind', function () {
  this.timeout(15_000)
  const lab = new DashboardLab()
  let browser: Browser | undefined
  let page: Page
  /** Text in frames that do not reach the page. */
  let lost: string | undefined

  before(async function () {
    needs(this, 'chromium')
    await lab.start()
    browser = await openChromium()
    page = await browser.newPage()
    page.setDefaultTimeout(8000)
  })

  after(async () => {
    await browser?.close()
    await lab.stop()
  })

  it('asks again who the gateway is, and subscribes again when that is refused', async () => {
    let asked = 0
    let subscribed = 0
    await page.route('**/api', async (route) => {
      asked += 1
      await (asked === 1 ? route.abort() : route.continue())
    })
    await page.routeWebSocket(/mqtt/, (socket) => {
      const server = socket.connectToServer()
      server.onMessage((message) => {
        const frame = Buffer.from(message)
        if (lost !== undefined && frame.includes(lost)) return
        if (frame[0] === suback) subscribed += 1
        if (frame[0] === suback && subscribed <= 2) frame[frame.length - 1] = refused
        socket.send(frame)
      })
    })
    await page.goto(`${lab.url}#/devices/oven/target`)
    await page.getByText(/the gateway refuses the subscription/).waitFor()
    await page.getByText('connected', { exact: true }).waitFor()
    assert.ok(asked > 1)
    assert.equal(subscribed, 3)
    const set = page.getByRole('form', { name: 'Set oven/target' })
    await set.getByText(/not yet said/).waitFor({ state: 'detached' })
  })

  it('sets nothing that nobody typed, and keeps what is typed while a command runs', async () => {
    const set = page.getByRole('form', { name: 'Set oven/target' })
    const button = set.getByRole('button', { name: 'Set', exact: true })
    const field = set.getByRole('textbox')
    assert.ok(await button.isDisabled())
    let done = (): void => {}
    lab.scripted.execute = async ({ value }) => {
      await new Promise<void>((resolve) => (done = resolve))
      return value
    }
    await field.fill('100')
    await button.click()
    await set.getByText('accepted', { exact: true }).waitFor()
    await field.fill('250')
    done()
    await set.getByText('done', { exact: true }).waitFor()
    assert.equal(await field.inputValue(), '250')
    await field.press('Escape')
  })

  it('finds out that it missed a reading', async () => {
    const mqtt = await lab.running.connect()
    await mqtt.publish('lab/weather/serial', '1')
    await page.evaluate('location.hash = "#/devices/weather/serial"')
    const now = page.locator('.large .live')
    await now.getByText('1', { exact: true }).waitFor()
    lost = 'weather/serial'
    await mqtt.publish('lab/weather/serial', '42')
    await page.evaluate('document.dispatchEvent(new Event("visibilitychange"))')
    await now.getByText('42', { exact: true }).waitFor()
  })
})
