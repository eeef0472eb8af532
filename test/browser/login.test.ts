import assert from 'node:assert/strict'
import type { Browser } from 'playwright-core'
import { openChromium } from '../support/chromium.js'
import { DashboardLab, openPage, overflow } from '../support/dashboard-lab.js'
import { needs } from '../support/peers.js'
import { UsersFile, passwordOf } from '../support/users.js'

describe('the dashboard in Chromium, where one must log in', function () {
  this.timeout(20_000)
  let people: UsersFile
  let lab: DashboardLab
  let browser: Browser | undefined
  let page: Awaited<ReturnType<typeof openPage>>

  before(async function () {
    needs(this, 'chromium')
    browser = await openChromium()
  })

  beforeEach(() => {
    people = new UsersFile({ ada: 'operator', eve: 'observer', nina: 'narrow' })
    lab = new DashboardLab()
  })

  afterEach(async () => {
    await page.context().close()
    await lab.stop()
    assert.deepEqual(page.faults, [])
  })

  after(async () => await browser?.close())

  async function start(more: string, hash = ''): Promise<void> {
    const roles = 'roles: { narrow: { read: ["lab/furnace/#"], write: ["lab/furnace/setpoint/set"] } }'
    await lab.start((yaml) => `${yaml}${people.yaml(`${more}, ${roles}`)}`)
    page = await openPage(await (browser as Browser).newContext({ viewport: { width: 1280, height: 900 } }), lab.url + hash)
  }

  const password = (): ReturnType<typeof page.getByLabel> => page.getByLabel('Password', { exact: true })

  async function logIn(user: string, secret = passwordOf(user)): Promise<void> {
    await page.getByLabel('Name', { exact: true }).fill(user)
    await password().fill(secret)
    await page.getByRole('button', { name: 'Log in', exact: true }).last().click()
  }

  it('shows nothing but a form until the password is right, then the page that was asked for', async () => {
    await start(', anonymous: none', '#/devices/furnace/setpoint')
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    assert.equal(await page.getByRole('navigation').getByRole('link').count(), 0)
    assert.equal(await page.evaluate('document.activeElement?.getAttribute("autocomplete")'), 'username')
    await logIn('ada', 'wrong one')
    await page.getByRole('alert').getByText('the name or the password is wrong').waitFor()
    assert.deepEqual([await password().inputValue(), await page.getByLabel('Name', { exact: true }).inputValue()], ['', 'ada'])
    await password().fill(passwordOf('ada'))
    await page.keyboard.press('Enter')
    await page.getByText('connected', { exact: true }).waitFor()
    await page.getByText('operator', { exact: true }).waitFor()
    const set = page.getByRole('form', { name: 'Set furnace/setpoint' })
    await set.getByRole('textbox').fill('40')
    await set.getByRole('button', { name: 'Set', exact: true }).click()
    await set.getByText('done', { exact: true }).waitFor()
    // No script sees what says who one is, and nothing keeps the password.
    assert.equal(await page.evaluate('document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)'), '{}{}')
    const [cookie] = await page.context().cookies()
    assert.deepEqual([cookie?.httpOnly, cookie?.sameSite, cookie?.secure], [true, 'Strict', false])
    await page.reload()
    await page.getByText('connected', { exact: true }).waitFor()
  })

  it('tells how long to wait after wrong passwords, and fits a phone', async () => {
    await start(', anonymous: none')
    await page.setViewportSize({ width: 320, height: 640 })
    for (let n = 0; n < 6; n += 1) {
      await logIn('ada', `wrong ${n}`)
      await page
        .getByRole('alert')
        .getByText(n < 5 ? 'password is wrong' : 'too many wrong passwords')
        .waitFor()
      await page.waitForFunction('document.querySelector("input[type=password]").value === ""')
    }
    await page.getByText(/Try again in \d+ s/).waitFor()
    assert.equal(await overflow(page), 0)
    await page.getByText(/Try again in/).waitFor({ state: 'detached' })
    await logIn('ada')
    await page.getByRole('region', { name: 'furnace', exact: true }).waitFor()
    assert.equal(await overflow(page), 0)
  })

  it('goes back to the form with a logout, in every window, and shows no reading meanwhile', async () => {
    await start(', anonymous: none')
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    await logIn('ada')
    const furnace = page.getByRole('region', { name: 'furnace', exact: true })
    await furnace.waitFor()
    const other = await page.context().newPage()
    await other.goto(lab.url)
    await other.getByRole('region', { name: 'furnace', exact: true }).waitFor()
    await page.getByRole('button', { name: 'Log out' }).click()
    for (const each of [page, other]) {
      await each.getByRole('heading', { name: 'Log in' }).waitFor()
      assert.equal(await each.getByRole('region', { name: 'furnace', exact: true }).count(), 0)
    }
    await logIn('eve')
    await furnace.waitFor()
    // The other window is told when somebody looks at it.
    await other.bringToFront()
    await other.evaluate('dispatchEvent(new Event("online"))')
    await other.getByText('observer', { exact: true }).waitFor()
    await other.close()
  })

  it('asks again when the user is removed or the gateway starts anew, and goes on without a reload', async () => {
    await start(', anonymous: none', '#/devices/furnace')
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    await logIn('ada')
    await page.getByRole('heading', { name: 'furnace' }).waitFor()
    await page.evaluate('globalThis.same = true')
    people.change({ remove: ['ada'] })
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    await logIn('ada')
    await page.getByRole('alert').getByText('password is wrong').waitFor()
    await logIn('eve')
    await page.getByRole('heading', { name: 'furnace' }).waitFor()
    await lab.stop()
    await page.getByText('Not connected').first().waitFor()
    await lab.start((yaml) => `${yaml}${people.yaml(', anonymous: none')}`)
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    await logIn('eve')
    await page.getByText('connected', { exact: true }).waitFor()
    await page.getByRole('heading', { name: 'furnace' }).waitFor()
    assert.equal(await page.evaluate('globalThis.same'), true)
  })

  it('disables for an observer what an observer may not do, and says why', async () => {
    await start(', anonymous: none', '#/devices/furnace/setpoint')
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    await logIn('eve')
    const set = page.getByRole('form', { name: 'Set furnace/setpoint' })
    await set.getByText('the role observer may not do this').waitFor()
    assert.ok(await set.getByRole('button', { name: 'Set', exact: true }).isDisabled())
    await page.evaluate('location.hash = "#/runs"')
    await page.getByText('the role observer may not start runs').waitFor()
    assert.ok(await page.getByRole('button', { name: 'Start', exact: true }).isDisabled())
    await page.getByRole('navigation').getByRole('link', { name: 'Log', exact: true }).waitFor()
  })

  it('shows a role what it may see, and no page of which it may see nothing', async () => {
    await start(', anonymous: none')
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    await logIn('nina')
    await page.getByText('connected', { exact: true }).waitFor()
    for (const name of ['Adapters', 'Dead letters', 'Log', 'Health'])
      assert.equal(await page.getByRole('navigation').getByRole('link', { name, exact: true }).count(), 0, name)
    await page.evaluate('location.hash = "#/log"')
    await page.getByText('The role narrow has no right to it.').waitFor()
    await page.evaluate('location.hash = "#/devices/furnace/setpoint"')
    const set = page.getByRole('form', { name: 'Set furnace/setpoint' })
    await set.getByRole('textbox').fill('41')
    await set.getByRole('button', { name: 'Set', exact: true }).click()
    await set.getByText('done', { exact: true }).waitFor()
  })

  it('lets in who need not log in, who may, and may go on without when the login has ended', async () => {
    await start('')
    await page.getByText('connected', { exact: true }).waitFor()
    await page.getByText('operator', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    await page.getByRole('button', { name: 'Go on without' }).click()
    await page.getByText('connected', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Log in' }).click()
    await logIn('eve')
    await page.getByText('observer', { exact: true }).waitFor()
    // Not by itself: with the login other rights have ended, perhaps fewer than there are now.
    people.change({ remove: ['eve'] })
    await page.getByText(/The login has ended/).waitFor()
    await page.getByRole('button', { name: 'Go on without' }).click()
    await page.getByText('operator', { exact: true }).waitFor()
    await page.getByText('connected', { exact: true }).waitFor()
  })
})
