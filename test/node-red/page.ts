import { once } from 'node:events'
import { WebSocket } from 'ws'

/** Milliseconds that a test waits for what must come. */
const patience = 20_000

/** One message to a widget, as far as the tests look at it. */
export interface Told {
  readonly payload?: unknown
  readonly class?: string
  readonly ui_update?: { readonly label?: string; readonly units?: string }
  readonly _datapoint?: Datapoint
}

export interface Datapoint {
  readonly x: number
  readonly y: unknown
  readonly category: string
}

/** What the widget shows by now. */
export interface Widget {
  readonly payload?: unknown
  readonly class?: string
  readonly label?: string
  readonly units?: string
  /** All messages since the page was opened, or since `forget`. */
  readonly told: readonly Told[]
}

/**
 * The dashboard's page without a browser: the socket over which Node-RED tells each widget what to show, and over which the
 * buttons of the page act. Socket.IO 4 over a WebSocket: `2` ping, `3` pong, `5` upgrade, `40` connect, `42` event.
 */
export class Page {
  readonly #socket: WebSocket
  readonly #widgets = new Map<string, Widget>()
  readonly #looks = new Set<() => void>()
  #configured = false

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data: Buffer) => this.#received(data.toString()))
    socket.on('error', () => {})
  }

  /** Opens the page; resolves once it knows its widgets. */
  static async open(port: number): Promise<Page> {
    // Node-RED refuses whoever begins with a WebSocket, so this begins with HTTP, as browsers do.
    const path = `127.0.0.1:${port}/dashboard/socket.io/?EIO=4&transport=`
    const opened = await (await fetch(`http://${path}polling`)).text()
    const { sid } = JSON.parse(opened.slice(1)) as { sid: string }
    const socket = new WebSocket(`ws://${path}websocket&sid=${sid}`)
    const page = new Page(socket)
    await once(socket, 'open')
    socket.send('2probe')
    await page.#until(
      () => page.#configured,
      () => 'the page was not told its widgets'
    )
    return page
  }

  /** Resolves once the widget shows what fits. A page that was opened late is told what it missed. */
  async until(id: string, fits: (widget: Widget) => boolean): Promise<Widget> {
    const widget = (): Widget => this.#widgets.get(id) ?? { told: [] }
    await this.#until(
      () => fits(widget()),
      () => {
        const { told, ...shown } = widget()
        const last = told.slice(-5).map((message) => JSON.stringify(message).slice(0, 300))
        return `the widget ${id} shows ${JSON.stringify(shown)}; the last it was told:\n${last.join('\n')}`
      }
    )
    return widget()
  }

  /** Sends the form, or presses the button. */
  act(id: string, payload?: unknown): void {
    this.#emit('widget-action', id, payload === undefined ? {} : { payload, _event: 'submit' })
  }

  /** Moves the slider or the switch, or chooses from the list. */
  change(id: string, value: unknown): void {
    this.#emit('widget-change', id, value)
  }

  /** What came so far is old. */
  forget(): void {
    for (const [id, widget] of this.#widgets) this.#widgets.set(id, { ...widget, told: [] })
  }

  async close(): Promise<void> {
    if (this.#socket.readyState === WebSocket.CLOSED) return
    const closed = once(this.#socket, 'close')
    this.#socket.terminate()
    await closed
  }

  #emit(...event: unknown[]): void {
    this.#socket.send(`42${JSON.stringify(event)}`)
  }

  #received(text: string): void {
    if (text === '3probe') for (const packet of ['5', '40']) this.#socket.send(packet)
    else if (text === '2') this.#socket.send('3')
    else if (text.startsWith('42')) this.#event(JSON.parse(text.slice(2)) as [string, ...unknown[]])
  }

  #event([name, ...values]: [string, ...unknown[]]): void {
    const [kind, id] = name.split(':') as [string, string]
    if (kind === 'ui-config') {
      const { widgets } = values[1] as { widgets: Record<string, unknown> }
      for (const widget of Object.keys(widgets)) this.#emit('widget-load', widget)
      this.#configured = true
    }
    if (kind === 'msg-input') this.#show(id, values[0] as Told, [values[0] as Told])
    // The last message, and what was changed of the looks. A chart has all its messages.
    if (kind === 'widget-load' && Array.isArray(values[0])) this.#show(id, {}, values[0] as Told[])
    else if (kind === 'widget-load')
      this.#show(id, { ...(values[0] as object), ...(values[1] as { class?: string }), ui_update: values[1] as object }, [])
    for (const look of this.#looks) look()
  }

  #show(id: string, { payload, class: shade, ui_update: { label, units } = {} }: Told, messages: readonly Told[]): void {
    const { told, ...shown } = this.#widgets.get(id) ?? { told: [] }
    const news = { payload, class: shade, label, units }
    const changed = Object.fromEntries(Object.entries(news).filter(([, value]) => value !== undefined))
    this.#widgets.set(id, { ...shown, ...changed, told: [...told, ...messages] })
  }

  async #until(fits: () => boolean, complaint: () => string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const settle = (run: () => void): void => {
        clearTimeout(timer)
        this.#looks.delete(look)
        run()
      }
      const timer = setTimeout(() => settle(() => reject(new Error(complaint()))), patience)
      const look = (): void => {
        if (fits()) settle(resolve)
      }
      this.#looks.add(look)
      look()
    })
  }
}
