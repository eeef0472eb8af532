/** One connection to a broker, from its CONNECT to its end. Nothing waits in here: what is not acknowledged is the journal's. */
import { readFile } from 'node:fs/promises'
import type { IClientOptions, MqttClient } from 'mqtt'
import type { Bridge as Config } from '../../schemas/types.js'

/** Seconds: for a connection and its CONNACK; between signs of life; for a farewell. */
const within = { connect: 10, keepalive: 15, farewell: 1 }

export type Server = Config['servers'][number]

export interface LinkOptions {
  readonly server: Server
  readonly config: Pick<Config, 'tls' | 'user' | 'password'>
  readonly clientId: string
  /** Published by the broker when the connection breaks; left out: nothing is. */
  readonly will: { readonly topic: string; readonly payload: string } | undefined
  /** Filters of commands. */
  readonly subscribe: readonly string[]
  /** A message came; what it is worth is told with `done`: no other is read before. */
  readonly received: (topic: string, payload: Buffer, retain: boolean, done: () => void) => void
  /** Once, when it has ended, however; not if it never began. `isTheirs`: the broker has closed it. */
  readonly closed: (reason: string, isTheirs: boolean) => void
}

/** A connection that was let in. */
export interface Link {
  /** QoS 1; `acknowledged` is called with the PUBACK, and never if there is none. */
  publish(topic: string, payload: string, retain: boolean, acknowledged: () => void): void
  /** Says goodbye: no will is published. */
  end(): Promise<void>
  /** Ends at once, as a crash: the will is published. `reason`: for `closed`. */
  cut(reason?: string): void
}

/** Connects and subscribes. Rejects with what is the matter. */
export async function dial(options: LinkOptions, signal: AbortSignal): Promise<Link> {
  const { connect } = await import('mqtt')
  const settings = await settingsOf(options)
  signal.throwIfAborted()
  const client = connect(settings)
  const state = { isOpen: false, isOver: false, isTheirs: true, last: '' }
  // Errors after the end, too: without a listener they would end the process.
  client.on('error', (error) => {
    state.last = reasonOf(error)
    // Who ends a connection with something unread resets it.
    state.isTheirs = /ECONNRESET|EPIPE/.test(String((error as NodeJS.ErrnoException).code))
    client.stream?.destroy()
  })
  client.handleMessage = (packet, done) => {
    options.received(packet.topic, Buffer.from(packet.payload), packet.retain, () => done())
  }
  return await new Promise<Link>((resolve, reject) => {
    const over = (reason: string, isTheirs: boolean): void => {
      if (state.isOver) return
      state.isOver = true
      signal.removeEventListener('abort', stopped)
      client.end(true)
      if (state.isOpen) options.closed(reason, isTheirs)
      else reject(new Error(reason))
    }
    const cut = (reason = 'it was stopped'): void => {
      client.stream?.destroy()
      over(reason, false)
    }
    const stopped = (): void => cut()
    signal.addEventListener('abort', stopped, { once: true })
    client.once('close', () => over(state.last === '' ? 'the connection was closed' : state.last, state.isTheirs))
    client.once('connect', () => {
      void subscribe(client, options.subscribe).then(
        () => {
          if (state.isOver) return
          state.isOpen = true
          resolve(linkOf(client, cut, state))
        },
        (error: Error) => {
          state.last = error.message
          cut()
          over(error.message, false)
        }
      )
    })
  })
}

function linkOf(client: MqttClient, cut: (reason?: string) => void, state: { isOver: boolean }): Link {
  return {
    publish: (topic, payload, retain, acknowledged) => {
      // It would keep it for another connection, which it never makes.
      if (state.isOver || !client.connected) return
      client.publish(topic, payload, { qos: 1, retain }, (error) => {
        if (!error && !state.isOver) acknowledged()
      })
    },
    end: async () => {
      if (state.isOver) return
      state.isOver = true
      await Promise.race([
        client.endAsync(),
        client.stream === undefined ? undefined : new Promise((done) => client.stream.once('close', done))
      ])
    },
    cut
  }
}

async function subscribe(client: MqttClient, filters: readonly string[]): Promise<void> {
  if (filters.length === 0) return
  const granted = await client.subscribeAsync([...filters], { qos: 1 })
  const refused = granted.find(({ qos }) => qos >= 128)
  if (refused !== undefined)
    throw new Error(`it does not let this user subscribe to ${refused.topic}: give him that right there, or take the filter from down`)
}

async function settingsOf({ server, config, clientId, will }: LinkOptions): Promise<IClientOptions> {
  const { tls, user, password } = config
  const read = async (file: string | undefined): Promise<Buffer | undefined> => (file === undefined ? undefined : await readFile(file))
  const [ca, cert, key] = await Promise.all([read(tls?.ca), read(tls?.cert), read(tls?.key)])
  return {
    protocol: tls === undefined ? 'mqtt' : 'mqtts',
    host: server.host,
    port: server.port ?? (tls === undefined ? 1883 : 8883),
    clientId,
    protocolVersion: 4,
    // Commands are never kept for a gateway that is away.
    clean: true,
    keepalive: within.keepalive,
    connectTimeout: within.connect * 1000,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    ...(will === undefined ? {} : { will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1 as const, retain: true } }),
    ...(tls === undefined ? {} : { rejectUnauthorized: true }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key })
  }
}

/** CONNACK's return codes [MQTT-3.2.2.3], and what to do. */
const refusals: Readonly<Record<number, string>> = {
  1: 'it does not know MQTT 3.1.1',
  2: 'it does not take this client id: choose another clientId',
  3: 'it is not available',
  4: 'it does not take this user and password: mend them here or there',
  5: 'this user may not connect: mend user and password here, or his rights there'
}

function reasonOf(error: Error): string {
  const { code, message } = error as Error & { code?: number | string }
  if (typeof code === 'number' && refusals[code] !== undefined) return refusals[code]
  if (typeof code === 'string' && /CERT|SIGN|ALTNAME|VERIFY/.test(code))
    return `its certificate is not believed (${message}): name its authority with tls.ca, and the host as the certificate does`
  return message === '' ? String(code) : message
}
