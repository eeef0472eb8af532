/**
 * Plays a recorded case the other way round: what the real server said is served to our client, over real sockets, and the readings must
 * be what that server had been told. Forms that our client never asks are read by the codec alone.
 */
import { isExactList } from '../../adapters/common/exact-json.js'
import type { Exact, ExactMap } from '../../adapters/common/exact-json.js'
import { dumps, str } from '../../adapters/common/python-text.js'
import { adapterTypes } from '../../adapters/index.js'
import type { AdapterType, Latest } from '../../gateway/adapter.js'
import { checkConfig } from '../../gateway/config.js'
import { Gateway } from '../../gateway/gateway.js'
import { createLog } from '../../gateway/log.js'
import { FarSocket } from '../support/far-socket.js'
import { show } from './match.js'
import { isSame, readAlone } from './read-alone.js'
import type { Outcome } from './run.js'
import { Script } from './scripted.js'
import { mapping } from './translate.js'
import { decodeValue } from './values.js'
import type { Talk, Vector } from './vector.js'

/** A question that our client asks, what the real server said to it, and what it must mean. */
interface Asked {
  readonly where: string
  readonly question: string
  readonly said: Buffer
  readonly form: 'json_wn' | 'codename#json' | 'codename#raw'
  /** Channel to the point that the program had set; undefined: the answer says that there is no such channel. */
  readonly points: ReadonlyMap<string, readonly Exact[] | undefined>
}

/** `patience`: seconds in which the readings must be there. */
export async function serve(vector: Vector, patience = 3): Promise<Outcome> {
  const problems: string[] = []
  const asked: Asked[] = []
  const [server] = vector.servers as readonly [ExactMap]
  const now = vector.clock ?? Date.now() / 1000
  const points = new Map<string, readonly Exact[]>()
  const names = list(server.get('codenames')).map(str)
  const unset = ['default_x', 'default_y'].map((key) => decodeValue(server.get(key) ?? 0, now))
  for (const name of names) points.set(name, unset)
  for (const [i, step] of vector.steps.entries()) {
    if (step.kind === 'op') {
      if (step.op === 'set_point') points.set(str(step.args[0] ?? ''), pointOf(decodeValue(step.args[1] ?? null, now)))
      if (step.op === 'set_point_now') points.set(str(step.args[0] ?? ''), [now, decodeValue(step.args[1] ?? null, now)])
      continue
    }
    const said = exchange(step)
    if (said === undefined) continue
    const where = `step ${i + 1}, ${show(Buffer.from(said.question))} is answered ${show(said.said)}`
    const read = readAlone(said.question, said.said, names, points, isPython2(vector))
    if (read !== undefined) problems.push(...read.map((problem) => `${where}\n  ${problem}`))
    else asked.push({ where, ...said, ...meant(said.question, points) })
  }
  problems.push(...(await play(asked, vector, patience)))
  return { problems, better: [], unreachable: undefined }
}

/** A question with an answer that is known byte for byte. */
function exchange({ send, expected, to }: Talk): { readonly question: string; readonly said: Buffer } | undefined {
  if (send === undefined || expected?.kind !== 'exact' || to !== 0) return undefined
  const question = send.toString('utf8')
  return question === 'status' ? undefined : { question, said: expected.bytes }
}

function isPython2({ dialect }: Vector): boolean {
  return dialect.startsWith('py2')
}

function meant(question: string, points: ReadonlyMap<string, readonly Exact[]>): Pick<Asked, 'form' | 'points'> {
  const hash = question.indexOf('#')
  if (hash < 0) return { form: 'json_wn', points }
  const name = question.slice(0, hash)
  // The real server cuts a longer question, and knows no such channel.
  const isWhole = question.length <= 8192
  return {
    form: question.endsWith('#raw') ? 'codename#raw' : 'codename#json',
    points: new Map([[name, isWhole ? points.get(name) : undefined]])
  }
}

/** One instance for each question, each with a device and a far side of its own. */
async function play(asked: readonly Asked[], vector: Vector, patience: number): Promise<string[]> {
  if (asked.length === 0) return []
  const kind = str(vector.servers[0]?.get('kind') ?? 'date')
  const far = await Promise.all(asked.map(() => FarSocket.open()))
  const script = new Script()
  const types = [...adapterTypes, script.adapterType() as unknown as AdapterType]
  const checked = checkConfig(configYaml(asked, far, kind), { file: 'served.yaml', types, env: {} })
  const gateway = new Gateway({ checked, types, log: createLog({ level: 'silent' }), version: 'vectors' })
  try {
    for (const [i, { question, said }] of asked.entries())
      (far[i] as FarSocket).respond = (got) => (got === Buffer.from(question).toString('latin1') ? said : undefined)
    await gateway.start()
    await Promise.all(asked.map(async ({ points }, i) => await heard(script, i, points.size, patience)))
    return asked.flatMap((one, i) =>
      [...one.points].flatMap(([name, point], j) => {
        const wrong = compare(script.host.latest(`d${i}`, `c${j}`), point, one, kind, isPython2(vector))
        return wrong === undefined ? [] : [`${one.where}\n  ${show(Buffer.from(name))}: ${wrong}`]
      })
    )
  } finally {
    await gateway.stop()
    await Promise.all(far.map((socket) => socket.close()))
  }
}

/** Each channel has a reading, or nobody waits any longer. */
async function heard({ host }: Script, i: number, channels: number, patience: number): Promise<void> {
  const device = `d${i}`
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => resolve(), patience * 1000)
    const look = (): void => {
      for (let j = 0; j < channels; j += 1) if (host.latest(device, `c${j}`) === undefined) return
      clearTimeout(timer)
      resolve()
    }
    host.watch({ device }, look)
    look()
  })
}

/** What is wrong with a reading; undefined: nothing. */
function compare(
  latest: Latest | undefined,
  point: readonly Exact[] | undefined,
  asked: Asked,
  kind: string,
  python2: boolean
): string | undefined {
  const { said, form } = asked
  const got =
    latest === undefined ? 'no reading' : `${dumps(latest.value)} of ${dumps(latest.time)}, ${latest.error?.class ?? latest.quality}`
  const refused = (error: string): string | undefined =>
    latest?.value === null && latest.error?.class === error ? undefined : `expected ${error}, got ${got}`
  if (point === undefined) return refused('UnknownCodename')
  if (said.includes('OLD_DATA') && latest?.value === null) return refused('Stale')
  const [x = null, y = null] = point
  const isRaw = form === 'codename#raw'
  const isTime = typeof x === 'number' || typeof x === 'bigint'
  // What a date socket serves before its first point, and the letters of a text.
  if (x === 0 && y === 0) return refused('Stale')
  if (kind === 'date' && !isTime) return refused('BadPayload')
  const place = kind === 'date' ? (latest?.time ?? null) : (latest?.x ?? null)
  const same =
    latest !== undefined && isSame(y, latest.value, isRaw, python2) && isSame(kind === 'date' ? Number(x) : x, place, isRaw, python2)
  return same ? undefined : `expected ${dumps(y)} of ${dumps(x)}, got ${got}`
}

function configYaml(asked: readonly Asked[], far: readonly FarSocket[], kind: string): string {
  const devices = asked.map(({ points }, i) => `  d${i}: { codenames: { ${[...points.keys()].map((_, j) => `c${j}: {}`).join(', ')} } }`)
  const instances = asked.flatMap(({ points, form }, i) => [
    `  - id: client${i}`,
    '    type: data-pull-client',
    `    target: { host: 127.0.0.1, port: ${far[i]?.port} }`,
    `    kind: ${kind}`,
    `    ask: ${form}`,
    '    period: 0.1',
    '    channels:',
    ...mapping(
      [...points.keys()].map((name, j) => [name, `d${i}/c${j}`]),
      6
    )
  ])
  const script = '  - { id: script, type: scripted }'
  return ['gateway: { name: vectors }', 'broker: { tcp: { port: 0 } }', 'devices:', ...devices, 'adapters:', script, ...instances, ''].join(
    '\n'
  )
}

/** A text as a point is a tuple of its characters. */
function pointOf(value: Exact): readonly Exact[] {
  return typeof value === 'string' ? Array.from(value) : list(value)
}

function list(value: Exact | undefined): readonly Exact[] {
  return value !== undefined && isExactList(value) ? value : []
}
