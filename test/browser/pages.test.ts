import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { appendFileSync, mkdirSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Browser, Locator, Page } from 'playwright-core'
import { exampleConfig } from '../peers/example-config.js'
import { folder } from '../process/program.js'
import { openChromium } from '../support/chromium.js'
import { openPage, overflow } from '../support/dashboard-lab.js'
import type { TestClient } from '../support/mqtt.js'
import { needs } from '../support/peers.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'

/** A folder for screenshots, where somebody wants to look at them. */
const shots = process.env['LABGATE_SCREENSHOTS']

/** Nobody is there. */
const nobody = 9

/** All adapters of config/examples/everything.yaml, without what they dial, and a furnace that is there. The port of `pull` is taken. */
function everything(data: string, taken: number): string {
  const clients = ['furnace-readings', 'furnace-commands', 'scope-flask', 'optics-uuserver', 'far-echo']
  const { text } = exampleConfig('everything.yaml', {
    targets: Object.fromEntries(clients.map((id) => [id, nobody])),
    rigs: { cameras: `udp://127.0.0.1:${nobody}` }
  })
  const pull = /(- id: pull\n(?: {4}.*\n)*? {4}port: )0/
  assert.match(text, pull)
  return `${text.replace(pull, `$1${taken}`)}
  - { id: sim, type: simulator, instruments: { oven: { model: furnace } } }
gateway: { name: all-of-it, data: ${data} }
`
}

describe('the pages of the dashboard in Chromium', function () {
  this.timeout(20_000)
  const data = folder()
  let taken: Socket
  let running: Running
  let mqtt: TestClient
  let browser: Browser | undefined
  let page: Page & { readonly faults: string[] }

  before(async function () {
    needs(this, 'chromium')
    if (shots !== undefined) mkdirSync(shots, { recursive: true })
    taken = createSocket('udp4').bind(0, '127.0.0.1')
    await once(taken, 'listening')
    running = await start(everything(data, (taken.address() as AddressInfo).port))
    mqtt = await running.connect({ clientId: 'nb7' })
    browser = await openChromium()
    page = await openPage(browser, `http://127.0.0.1:${running.httpPort}/#/topics`)
  })

  after(async () => {
    await browser?.close()
    await running?.stop()
    taken?.close()
  })

  const goTo = async (hash: string, title: string | RegExp): Promise<void> => {
    await page.evaluate(`location.hash = ${JSON.stringify(hash)}`)
    await page.getByRole('heading', { level: 1, name: title }).waitFor()
  }
  const shoot = async (name: string): Promise<void> => {
    if (shots !== undefined) await page.screenshot({ path: join(shots, `pages-${name}.png`), fullPage: true })
  }
  const card = (title: string | RegExp): Locator => page.locator('.card', { has: page.getByRole('heading', { level: 2, name: title }) })

  it('show topics as a tree, for the keyboard too, with payload, delivery and a way to the device', async () => {
    const item = (name: string): Locator => page.getByRole('treeitem', { name, exact: false })
    await item('oven').waitFor()
    await item('lab').focus()
    await page.keyboard.press('ArrowDown')
    await page.getByLabel('Find in topics').fill('oven/temp')
    await item('temperature').filter({ hasText: '°C' }).focus()
    await page.keyboard.press('Enter')
    await page.getByText('"unit": "°C"').waitFor()
    const details = page.locator('.topic-details')
    assert.match((await details.textContent()) ?? '', /lab\/oven\/temperature.*Kindreading.*retained.*QoS1/s)
    assert.equal(await details.getByRole('link', { name: 'oven/temperature' }).getAttribute('href'), '#/devices/oven/temperature')
    await shoot('topics')
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByText(/^Paused at/).waitFor()
    const filter = page.getByRole('textbox', { name: 'Topic filter' })
    await filter.fill('workshop/#/x')
    await page.getByText('# is the last level').waitFor()
    await filter.fill('workshop/+')
    await filter.press('Enter')
    await page.getByText('Nothing has come yet').waitFor()
    await mqtt.publish('workshop/lamp', '<img src=x onerror="document.title=1">')
    await page.getByRole('button', { name: 'Go on' }).click()
    await page.getByLabel('Find in topics').fill('')
    for (let i = 0; i < 100 && (await item('workshop').count()) === 0; i += 1) {
      await mqtt.publish('workshop/lamp', '<img src=x onerror="document.title=1">')
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    await item('workshop').focus()
    await page.keyboard.press('ArrowRight')
    await page.getByText('<img src=x', { exact: false }).waitFor()
    assert.equal(await page.locator('main img').count(), 0)
  })

  it('show a dead letter as it comes, how often, and how to mend it', async () => {
    await goTo('#/dead', 'Dead letters')
    await page.getByText('Nothing was refused').waitFor()
    await mqtt.publish('lab/oven/setpoint/set', '99999')
    await card('lab/oven/setpoint/set').getByText('RangeError').waitFor()
    await mqtt.publish('lab/oven/setpoint/set', '88888')
    const letter = card('lab/oven/setpoint/set')
    await letter.getByText('2 times').waitFor()
    await letter.getByText(/To mend it:.*1200/).waitFor()
    assert.match((await letter.textContent()) ?? '', /88888.*Fromnb7.*Rulemaximum/s)
    await letter.getByText('Last payload').click()
    assert.equal(await letter.locator('pre').textContent(), '88888')
    assert.equal(await letter.getByRole('link').getAttribute('href'), '#/devices/oven/setpoint')
    await shoot('dead')
    await page.getByLabel('Find').fill('nowhere')
    await page.getByText('No letter holds this').waitFor()
  })

  it('show instances, those in trouble first, with the reason, the next try and what to do', async () => {
    await goTo('#/adapters', 'Adapters')
    const pull = card('pull')
    await pull.getByText(/Starts again in \d+ s|Starting again now/).waitFor()
    assert.match((await pull.textContent()) ?? '', /offline.*is taken: stop the other program.*Starts? ?(?:again|ing)/s)
    const titles = await page.locator('.instance h2').allTextContents()
    assert.ok(titles.length >= 25, titles.join(' '))
    const states = await page.locator('.instance header .badge').allTextContents()
    assert.equal(states.findIndex((state) => state.includes('online')) > states.findLastIndex((state) => state.includes('offline')), true)
    await shoot('adapters')
    await page.getByText('Only those in trouble').click()
    await card('sim').waitFor({ state: 'detached' })
    await page.getByText('Only those in trouble').click()
    await page.getByLabel('Find').fill('oven')
    await card('sim').getByRole('link', { name: 'oven' }).waitFor()
    assert.equal(await page.locator('.instance').count(), 1)
  })

  it('tell the story of a command from the question to the reading', async () => {
    await mqtt.publish('lab/oven/setpoint/set', '{"id":"nb7-42","value":300}')
    await goTo('#/commands', 'Commands')
    await page.getByRole('link', { name: /Timeline of set oven\/setpoint, nb7-42/ }).click()
    await page.getByText('asked by nb7: 300').waitFor()
    const steps = page.locator('.step')
    await page.locator('.step.reading').waitFor()
    await page.locator('.step.good').waitFor()
    assert.match((await steps.allTextContents()).join('\n'), /asked by nb7[^]*checked[^]*handed to sim/)
    assert.ok((await page.locator('.axis .mark').count()) >= 2)
    await page.getByText('After it the gateway read').waitFor()
    await shoot('story')
    await page.getByRole('link', { name: 'All commands' }).click()
    await page.getByText('Only what failed or was refused').click()
    await page.getByRole('link', { name: /nb7-42/ }).waitFor({ state: 'detached' })
    assert.deepEqual(await page.locator('.stories .row .badge').allTextContents(), ['✕refused', '✕refused'])
    await shoot('commands')
  })

  it('start a run, show it grow, stop it, verify it, and find the byte that was altered', async () => {
    await goTo('#/runs', 'Runs')
    await page.getByText('No run yet').waitFor()
    await page.getByLabel('Name').fill('first light')
    await page.getByLabel('All devices').uncheck()
    await page.getByLabel('oven', { exact: true }).check()
    await shoot('runs-start')
    await page.getByRole('button', { name: 'Start', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'first light' }).waitFor()
    await page.getByText('running', { exact: true }).waitFor()
    const readings = async (): Promise<number> => Number(await page.locator('.counters.big strong').first().textContent())
    for (let before = await readings(); (await readings()) <= before;) await page.waitForTimeout(100)
    await page.getByRole('button', { name: 'Stop the run first light' }).click()
    await page.getByText('complete', { exact: true }).waitFor()
    await page.getByRole('link', { name: 'All as zip' }).waitFor()
    const verify = page.getByRole('button', { name: 'Verify' })
    await verify.click()
    await page.getByText(/All \d+ files are what was recorded/).waitFor()
    const id = decodeURIComponent(page.url().split('/runs/')[1] as string)
    appendFileSync(join(data, 'runs', id, 'readings.ndjson'), ' ')
    await verify.click()
    await page.locator('.verdict').getByText('readings.ndjson').waitFor()
    await shoot('run')
    const [report, archive] = await Promise.all(
      ['Report (new tab)', 'All as zip'].map(async (name) => await page.getByRole('link', { name }).getAttribute('href'))
    )
    const status = async (path: string): Promise<unknown[]> => {
      const answer = await page.request.get(new URL(path, page.url()).href)
      return [answer.status(), answer.headers()['content-type']?.split(';')[0]]
    }
    assert.deepEqual(await status(report ?? ''), [200, 'text/html'])
    assert.deepEqual(await status(archive ?? ''), [200, 'application/zip'])
    await page.getByRole('link', { name: 'All runs' }).click()
    await page.locator('.runs .row').getByText('complete').waitFor()
    await shoot('runs')
  })

  it('follow the log, and find in it', async () => {
    await goTo('#/log', 'Log')
    await mqtt.publish('lab/oven/setpoint/set', '{"id":"nb7-43","value":310}')
    await page.locator('.log-line', { hasText: 'id=nb7-43' }).waitFor()
    await page.getByLabel('Level').selectOption('warn')
    await page.getByLabel('Instance').selectOption('pull')
    await page.locator('.log-line', { hasText: 'pull' }).filter({ hasText: 'started again' }).first().waitFor()
    assert.deepEqual([...new Set(await page.locator('.log-line .badge').allTextContents())], ['?warn'])
    await shoot('log')
    await page.getByLabel('Find').fill('no such words')
    await page.getByText('No line fits').waitFor()
  })

  it('say how the gateway is, and what matters of it', async () => {
    await goTo('#/health', 'Health')
    await card('instance pull').getByText('degraded').waitFor()
    await card('disk').getByText('ok', { exact: true }).waitFor()
    await card('The gateway as a device').getByText('Running for').waitFor()
    await card('Instances that are well').getByRole('link', { name: 'sim' }).waitFor()
    await shoot('health')
  })

  it('fit on a phone and on a wide screen, dark and light', async () => {
    const pages = ['topics', 'dead', 'adapters', 'commands', 'commands?id=nb7-42', 'runs', 'log', 'health']
    for (const [width, colorScheme] of [
      [360, 'light'],
      [1600, 'dark']
    ] as const) {
      await page.setViewportSize({ width, height: 900 })
      await page.emulateMedia({ colorScheme })
      for (const hash of pages) {
        await goTo(`#/${hash}`, /./)
        await page.getByText('Asking …').waitFor({ state: 'detached' })
        await shoot(`${hash.replace('?', '-')}-${width}`)
        assert.ok((await overflow(page)) <= 0, `${hash} at ${width} is too wide`)
        assert.equal(await page.getByRole('alert').count(), 0, hash)
      }
    }
    assert.deepEqual(page.faults, [])
  })

  it('say plainly that the gateway is gone, and how old all of it is', async () => {
    await page.setViewportSize({ width: 1280, height: 900 })
    await goTo('#/adapters', 'Adapters')
    await card('sim').waitFor()
    await running.stop()
    await page.getByText(/What is shown here is .* old/).waitFor()
    await page.getByRole('button', { name: 'Try again' }).waitFor()
    await card('sim').waitFor()
    await goTo('#/runs', 'Runs')
    await page.getByText('There is nothing to show yet.').waitFor()
    assert.ok(await page.getByRole('button', { name: 'Start', exact: true }).isDisabled())
    await page.getByText('not connected to the gateway').first().waitFor()
    await shoot('gone')
    assert.deepEqual(page.faults, [])
  })
})
