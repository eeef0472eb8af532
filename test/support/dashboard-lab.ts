/** The demo of config/gateway.yaml with two more devices, and its dashboard in Chromium. */
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { Scripted } from './scripted.js'
import { start } from './start.js'
import type { Running } from './start.js'
import { folder, withFreePorts } from '../process/program.js'

/** `weather` is native; `oven` is held by an instance that the test lets fail. */
const more = `
  - { id: oven-driver, type: scripted, feeds: [oven], executes: [oven/target, oven/bake, oven/shelf] }
devices:
  weather:
    codenames:
      wind: { unit: m/s, maxAge: 1, schema: { type: number, minimum: 0, maximum: 100 } }
      rain: { unit: mm, schema: { type: number } }
      serial: { schema: { type: integer } }
  oven:
    codenames:
      heat: { unit: °C, digits: 1, schema: { type: number } }
      target: { unit: °C, settable: true, schema: { type: number, minimum: 0, maximum: 300, multipleOf: 0.5 } }
      shelf:
        settable: true
        schema: { type: object, required: [level], additionalProperties: false, properties: { level: { type: integer, minimum: 1, maximum: 5 }, name: { type: string }, grid: { type: boolean } } }
      bake: { callable: { arguments: { type: object, required: [minutes], properties: { minutes: { type: integer, minimum: 1, maximum: 60 }, fan: { type: string, enum: [off, slow, fast] } } }, timeout: 5 } }
`

export class DashboardLab {
  readonly scripted = new Scripted()
  readonly data = folder()
  running!: Running
  #httpPort = 0
  #mqttPort = 0

  get url(): string {
    return `http://127.0.0.1:${this.#httpPort}/`
  }

  /** Again on the same ports, with what was kept; `change` may rewrite the configuration. */
  async start(change: (yaml: string) => string = (yaml) => yaml): Promise<void> {
    const yaml = withFreePorts('gateway.yaml')
      .replace(/^ {2}data: .*\n/m, '')
      .replace('name: lab-gateway', `name: lab-gateway\n  data: ${this.data}`)
      .replace('tcp: { host: 127.0.0.1, port: 0 }', `tcp: { host: 127.0.0.1, port: ${this.#mqttPort} }`)
      .replace('http: { host: 127.0.0.1, port: 0 }', `http: { host: 127.0.0.1, port: ${this.#httpPort} }`)
    this.running = await start(change(yaml + more), { types: [this.scripted.type] })
    this.#httpPort = this.running.httpPort
    this.#mqttPort = this.running.mqttPort
  }

  async stop(): Promise<void> {
    await this.running.stop()
  }
}

const viewport = { width: 1280, height: 900 }

/** A page that fails the test when it throws, or when its policy forbids it something. */
export async function openPage(
  browser: Browser | BrowserContext,
  url: string,
  options: Parameters<Browser['newPage']>[0] = {}
): Promise<Page & { readonly faults: string[] }> {
  const page = 'contexts' in browser ? await browser.newPage({ viewport, ...options }) : await browser.newPage()
  page.setDefaultTimeout(8000)
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('console', (message) => {
    if (/Content Security Policy|unsafe-eval/i.test(message.text())) faults.push(message.text())
  })
  await page.goto(url)
  return Object.assign(page, { faults })
}

/** Pixels that the page is wider than the window. */
export async function overflow(page: Page): Promise<number> {
  return await page.evaluate(() => {
    const { scrollWidth, clientWidth } = (
      globalThis as unknown as { document: { documentElement: { scrollWidth: number; clientWidth: number } } }
    ).document.documentElement
    return scrollWidth - clientWidth
  })
}
