import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Locator, Page } from 'playwright-core'
import { GatewayError } from '../../gateway/errors.js'
import { openChromium } from '../support/chromium.js'
import { DashboardLab, openPage, overflow } from '../support/dashboard-lab.js'
import type { TestClient } from '../support/mqtt.js'
import { needs } from '../support/peers.js'

/** A folder for screenshots, where somebody wants to look at them. */
const shots = process.env['LABGATE_SCREENSHOTS']

describe('the dashboard in Chromium', function () {
  this.timeout(20_000)
  const lab = new DashboardLab()
  let browser: Browser | undefined
  let page: Awaited<ReturnType<typeof openPage>>
  let mqtt: TestClient

  before(async function () {
    needs(this, 'chromium')
    if (shots !== undefined) mkdirSync(shots, { recursive: true })
    await lab.start()
    browser = await openChromium()
    mqtt = await lab.running.connect()
    await mqtt.publish('lab/weather/rain', '3.5')
    await mqtt.publish('lab/weather/serial', '12345678901234567890')
    page = await openPage(browser, lab.url)
  })

  after(async () => {
    await browser?.close()
    await lab.stop()
  })

  const card = (name: string, where: Page = page): Locator => where.getByRole('region', { name, exact: true })
  const line = (device: string, codename: string): Locator =>
    card(device).locator('li', { has: page.getByRole('link', { name: codename, exact: true }) })
  const form = (name: string): Locator => page.getByRole('form', { name, exact: true })
  const goTo = async (hash: string): Promise<void> => {
    await page.evaluate(`location.hash = ${JSON.stringify(hash)}`)
  }
  const shoot = async (name: string): Promise<void> => {
    if (shots !== undefined) await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true })
  }

  it('shows what is there: state, value, unit, age and quality at a glance', async () => {
    await line('furnace', 'temperature')
      .getByText(/^(19|20)\.\d °C$/)
      .waitFor()
    await line('furnace', 'temperature').getByText('good', { exact: true }).waitFor({ state: 'attached' })
    await line('furnace', 'temperature')
      .getByText(/^(< 1|1) s$/)
      .waitFor()
    await card('furnace').getByText('online', { exact: true }).waitFor()
    await line('weather', 'rain').getByText('3.5 mm').waitFor()
    await line('weather', 'serial').getByText('12345678901234567890').waitFor()
    await page.getByText('lab-gateway').first().waitFor()
    // The last resource is there, and no other was asked for.
    const asked = (await page.evaluate('performance.getEntriesByType("resource").map(({ name }) => name)')) as string[]
    assert.deepEqual(
      asked.filter((url) => !url.startsWith(lab.url)),
      []
    )
    await shoot('overview-dark')
  })

  it('filters by `/`, and Esc clears', async () => {
    await page.keyboard.press('/')
    await page.keyboard.type('setpo')
    await card('laser').waitFor({ state: 'detached' })
    assert.deepEqual(await card('furnace').locator('.name').allTextContents(), ['setpoint'])
    await page.keyboard.press('Escape')
    await card('laser').waitFor()
  })

  it('sets a codename by the keyboard: shows the check, the reply, and the furnace follows', async () => {
    const client = await lab.running.connect()
    await client.subscribe('lab/furnace/setpoint/set')
    await card('furnace').getByRole('link', { name: 'furnace', exact: true }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'furnace' }).waitFor()
    const field = form('Set furnace/setpoint').getByRole('textbox')
    await field.focus()
    await page.keyboard.press('Control+A')
    await page.keyboard.type('400')
    await form('Set furnace/setpoint').getByText('The gateway would take it; nothing has been sent.').waitFor()
    await shoot('set-checked')
    await page.keyboard.press('Enter')
    await form('Set furnace/setpoint').getByText('done', { exact: true }).waitFor()
    await card('setpoint').getByText('400.0 °C').first().waitFor()
    await card('temperature')
      .getByText(/^(2[1-9]|[3-9]\d|\d{3})\.\d °C$/)
      .waitFor()
    await shoot('set-done')
    // A check is answered and goes no further; the command itself goes by once.
    const sent = (await client.next('lab/furnace/setpoint/set')).text
    assert.match(sent, /"value":400\b/)
  })

  it('sends once where somebody clicks twice', async () => {
    const client = await lab.running.connect()
    await client.subscribe('lab/furnace/cool/call', 'lab/furnace/cool/reply')
    await form('Call furnace/cool').getByRole('button', { name: 'Call' }).dblclick()
    await form('Call furnace/cool').getByText('done', { exact: true }).waitFor()
    await form('Call furnace/cool')
      .getByText(/^cooling from/)
      .waitFor()
    const ids = new Set<unknown>()
    // The check has an id of its own.
    for (let i = 0; i < 2; i += 1) ids.add((await client.nextJson('lab/furnace/cool/reply'))['id'])
    assert.equal(ids.size, 2)
    await client.publish('lab/furnace/cool/call', '{"id":"the-end","check":true}')
    const next = await client.nextJson('lab/furnace/cool/reply')
    assert.equal(next['id'], 'the-end', 'nothing came in between')
  })

  it('explains what is refused, before and after the gateway was asked', async () => {
    const set = form('Set furnace/setpoint')
    await set.getByRole('textbox').fill('9999')
    await set.getByText('9999 °C is above the limit of setpoint: allowed is 0 … 1200 °C').waitFor()
    await set.getByText(/The gateway would refuse it: .*1200/).waitFor()
    await set.getByRole('textbox').press('Enter')
    await set.getByText('RangeError', { exact: true }).waitFor()
    await set.getByText('The value lies outside what the codename’s schema allows.').waitFor()
    await set.getByText('The same again will fail again.').waitFor()
    await shoot('refused')
    await set.getByRole('textbox').press('Escape')
    await set.getByText('RangeError', { exact: true }).waitFor({ state: 'detached' })
    await set.getByRole('textbox').fill('1,200')
    await set.getByText(/write a point for the decimals/).waitFor()
    await set.getByRole('textbox').press('Escape')
  })

  it('steps by the arrow keys, and makes controls of schemas: switch, choice, fields, JSON', async () => {
    await goTo('#/devices/oven')
    const slider = form('Set oven/target').getByRole('slider')
    await slider.focus()
    for (let i = 0; i < 3; i += 1) await page.keyboard.press('ArrowRight')
    await page.keyboard.press('Enter')
    await form('Set oven/target').getByText('done', { exact: true }).waitFor()
    assert.equal(lab.scripted.commands.at(-1)?.value, 1.5)
    const bake = form('Call oven/bake')
    await bake.getByRole('textbox', { name: 'minutes' }).fill('5')
    await bake.getByRole('combobox').selectOption('"slow"')
    await bake.getByRole('button', { name: 'Call' }).click()
    await bake.getByText('done', { exact: true }).waitFor()
    assert.deepEqual(
      lab.scripted.commands.at(-1)?.value,
      new Map<string, unknown>([
        ['minutes', 5n],
        ['fan', 'slow']
      ])
    )
    const shelf = form('Set oven/shelf')
    await shelf.getByRole('textbox', { name: 'level' }).fill('7')
    await shelf.getByText('7 is above the limit of level: allowed is 1 … 5').waitFor()
    await shelf.getByRole('textbox', { name: 'level' }).fill('2')
    await shelf.getByRole('button', { name: 'Set' }).click()
    await shelf.getByText('done', { exact: true }).waitFor()
  })

  it('shows a failure with what the device said, and that it may have been done', async () => {
    lab.scripted.execute = () => Promise.reject(new GatewayError('DeviceError', 'the door is open', { code: 'E7', maybeExecuted: true }))
    await form('Set oven/target').getByRole('textbox').fill('20')
    await form('Set oven/target').getByRole('button', { name: 'Set' }).click()
    await form('Set oven/target').getByText('the door is open').waitFor()
    await form('Set oven/target')
      .getByText(/may have been carried out all the same/)
      .waitFor()
    await form('Set oven/target').getByText('The same may succeed later.').waitFor()
    lab.scripted.execute = ({ value }) => Promise.resolve(value)
  })

  it('shows as stale what is: after its maxAge, and when an instance is gone', async () => {
    await lab.scripted.host('oven-driver').publish({ device: 'oven', codename: 'heat', value: 181.5 })
    await goTo('#/devices/weather/wind')
    await mqtt.publish('lab/weather/wind', '7.25')
    const now = page.locator('.large')
    await now.getByText('7.25 m/s').waitFor()
    await page.locator('.bar').getByText('good', { exact: true }).waitFor()
    await page.locator('.bar').getByText('stale', { exact: true }).waitFor()
    await goTo('#/')
    await line('oven', 'heat').getByText('181.5 °C').waitFor()
    assert.equal(await line('oven', 'heat').getAttribute('class'), 'line fresh')
    lab.scripted.start = () => Promise.reject(new GatewayError('Unreachable', 'the cable is out'))
    lab.scripted.host('oven-driver').failed(new GatewayError('Unreachable', 'the cable is out'))
    await card('oven').getByText('offline', { exact: true }).waitFor()
    await card('oven')
      .getByText(/the cable is out/)
      .waitFor()
    await line('oven', 'heat').getByText('stale', { exact: true }).waitFor()
    await page.getByLabel('Troubled first').check()
    assert.equal(await page.locator('.cards .device').first().getAttribute('aria-label'), 'oven')
    await shoot('stale')
    await page.getByLabel('Troubled first').uncheck()
  })

  it('tells ages by the gateway’s clock, whatever the phone’s says', async () => {
    const wrong = await browser!.newContext()
    await wrong.addInitScript('{ const real = Date.now; Date.now = () => real() + 86_400_000 }')
    const other = await wrong.newPage()
    await other.goto(lab.url)
    const temperature = card('furnace', other).locator('li', { hasText: 'temperature' })
    await temperature.getByText(/^(< 1|1) s$/).waitFor()
    assert.match((await temperature.getAttribute('class')) ?? '', /fresh/)
    await wrong.close()
  })

  const wide = ['#/', '#/devices/furnace', '#/devices/gateway/instances']
  for (const [width, scheme, hashes] of [
    [360, 'light', [...wide, '#/devices/laser', '#/devices/gateway', '#/devices/furnace/setpoint']],
    [1600, 'dark', wide]
  ] as const)
    it(`fits ${width} pixels, ${scheme}`, async () => {
      await page.setViewportSize({ width, height: 800 })
      await page.emulateMedia({ colorScheme: scheme })
      for (const hash of hashes) {
        await goTo(hash)
        await page.locator('main .card').first().waitFor()
        assert.ok((await overflow(page)) <= 0, `${hash} is wider than ${width} pixels`)
        await shoot(`${width}-${scheme}-${hash.replace(/\W+/g, '-')}`)
      }
      await page.setViewportSize({ width: 1280, height: 900 })
      await page.emulateMedia({ colorScheme: 'dark' })
    })

  it('says that it is not connected, greys everything, and lets ages go on', async () => {
    await goTo('#/devices/furnace')
    await card('temperature').getByText('good', { exact: true }).waitFor()
    await lab.stop()
    await page.getByText('Not connected', { exact: true }).waitFor()
    // At once, long before its maxAge.
    assert.equal(await page.getByText('good', { exact: true }).count(), 0)
    assert.equal(await card('temperature').getByText('stale', { exact: true }).count(), 1)
    const set = form('Set furnace/setpoint')
    assert.ok(await set.getByRole('button', { name: 'Set' }).isDisabled())
    await set.getByText('not connected to the gateway').waitFor()
    await card('temperature')
      .getByText(/^([2-9]|\d\d) s old/)
      .waitFor()
    await shoot('not-connected')
  })

  it('comes back by itself when the gateway does: what vanished is gone, what was kept is stale, what may not be done is disabled', async () => {
    await lab.start((yaml) =>
      yaml
        .replace(/^ +laser: \{ model.*$/m, '')
        .replace(/^ +laser_(power|output): .*$/gm, '')
        .replace(/ {2}- id: laser-push[\s\S]*?(?= {2}# A program of a few)/, '')
        .replace(/(http: \{ host: 127\.0\.0\.1)/, '$1, readOnly: true')
    )
    await page.getByText('Not connected', { exact: true }).waitFor({ state: 'detached' })
    await card('temperature').getByText('good', { exact: true }).waitFor()
    await form('Set furnace/setpoint').getByText('the gateway is read-only here (http.readOnly)').waitFor()
    await goTo('#/')
    await line('weather', 'rain').getByText('3.5 mm').waitFor()
    await line('weather', 'rain').getByText('stale', { exact: true }).waitFor()
    await card('laser').waitFor({ state: 'detached' })
    assert.deepEqual(page.faults, [])
  })
})
