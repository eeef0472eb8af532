/** Where the gateway is, and who asks it. */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import configSchema from '../../schemas/config.schema.json' with { type: 'json' }
import { parseUrl } from '../../adapters/common/parse-url.js'
import type { ConfigPart } from './config-part.js'
import { Prompt, firstLine } from './password-prompt.js'
import type { Surroundings } from './surroundings.js'
import { Trouble } from './trouble.js'

export interface WhereOptions {
  readonly url?: string
  readonly config?: string
  readonly user?: string
  readonly passwordStdin?: true
  readonly ca?: string
  /** File of variables, for the configuration. */
  readonly environment?: string
}

export interface Place {
  /** Ends without a slash. */
  readonly url: string
  /** Why it is looked for there, for people. */
  readonly because: string
  /** As somebody would start it. */
  readonly start: string
  readonly user: string | undefined
  readonly authorization: string | undefined
  /** PEM of the authorities to believe; undefined: those of the system. */
  readonly ca: string | undefined
  /** The certificate of the very configuration: it is believed whatever name it has. */
  readonly own: X509Certificate | undefined
}

const { host: defaultHost, port: defaultPort } = configSchema.properties.http.properties

/** Everybody's address: of this computer, then. */
const anyHosts: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }

/** `checked`: the configuration that was given, if there is one. Throws a {@link Trouble}. */
export async function placeOf(around: Surroundings, options: WhereOptions, checked: ConfigPart<'http'> | undefined): Promise<Place> {
  const { config, user } = options
  const found = options.url === undefined ? ofConfig(checked) : { url: checkUrl(options.url), because: '--url' }
  const start = `labgate start --config ${config ?? 'gateway.yaml'}`
  const ca = options.ca === undefined ? undefined : await authorities(options.ca)
  const tls = options.url === undefined && ca === undefined ? checked?.config.http?.tls : undefined
  // As the gateway reads it; where this user may not, the authorities of the system are all there is.
  const own = tls === undefined ? undefined : await readFile(tls.cert, 'utf8').then((pem) => new X509Certificate(pem)).catch(() => undefined) // prettier-ignore
  if (options.passwordStdin === true && user === undefined) throw new Trouble(2, 'a password is of somebody: give --user NAME too')
  const authorization = user === undefined ? undefined : await login(around, user, options)
  return { ...found, start, user, authorization, ca: ca ?? own?.toString(), own }
}

/** A password would go over the network as it is. */
export function isOpen({ url, authorization }: Place): boolean {
  const { protocol, hostname } = new URL(url)
  return authorization !== undefined && protocol === 'http:' && !/^(localhost|127\..*|\[::1\])$/.test(hostname)
}

function ofConfig(checked: ConfigPart<'http'> | undefined): { readonly url: string; readonly because: string } {
  if (checked === undefined) return { url: `http://${defaultOf(defaultHost)}:${defaultPort.default}`, because: 'there is neither --url nor a configuration' } // prettier-ignore
  const { http } = checked.config
  if (http === undefined)
    throw new Trouble(2, `${checked.file} has no http, so that nobody can ask this gateway. Write there: http: {}, and start it again`)
  if (http.port === 0)
    throw new Trouble(2, `${checked.file} leaves the port of http to the system; say which it is: --url http://127.0.0.1:PORT`)
  const host = anyHosts[http.host] ?? (isIP(http.host) === 6 ? `[${http.host}]` : http.host)
  return { url: `${http.tls === undefined ? 'http' : 'https'}://${host}:${http.port}`, because: `http of ${checked.file}` }
}

function defaultOf(host: object): string {
  return (host as { default?: string }).default ?? '127.0.0.1'
}

function checkUrl(given: string): string {
  const url = parseUrl(/^[a-z]+:\/\//i.test(given) ? given : `http://${given}`)
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === '')
    throw new Trouble(
      2,
      `${JSON.stringify(given)} is no address of a gateway; write it as http://127.0.0.1:8080, or https://lab.example:8443`
    )
  if (url.username !== '' || url.password !== '')
    throw new Trouble(
      2,
      'a password in an address stands in lists of processes and in histories of shells: give --user NAME, and the password when it is asked for'
    )
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}

async function authorities(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new Trouble(2, `--ca ${file} cannot be read: ${error.message}`)
  })
  if (!text.includes('-----BEGIN CERTIFICATE-----'))
    throw new Trouble(2, `--ca ${file} holds no certificate; it should be PEM, with the authority that signed that of the gateway`)
  return text
}

async function login({ env, input, questions }: Surroundings, user: string, { passwordStdin }: WhereOptions): Promise<string> {
  if (!/^[^:\p{Cc}]+$/u.test(user)) throw new Trouble(2, `${JSON.stringify(user)} is no name of a user`)
  const password = await (async () => {
    if (passwordStdin === true) return await firstLine(input)
    const given = env['LABGATE_PASSWORD']
    if (given !== undefined && given !== '') return given
    if (input.isTTY !== true)
      throw new Trouble(
        2,
        'there is no terminal to ask for a password: put it into LABGATE_PASSWORD, or give it on standard input with --password-stdin'
      )
    const prompt = new Prompt(input, questions)
    try {
      return await prompt.ask(`Password of ${user}: `)
    } finally {
      prompt.close()
    }
  })()
  if (password === undefined || password === '') throw new Trouble(2, 'no password was given')
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}
