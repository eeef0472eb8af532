import { constants, open } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ZipFile } from 'yazl'
import { toPlain, parseExact } from '../../adapters/common/exact-json.js'
import { self } from '../devices.js'
import { GatewayError } from '../errors.js'
import { filesBelow } from '../runs/disk.js'
import type { Found } from '../runs/disk.js'
import { Unverifiable, manifestOf, verifyRun } from '../runs/manifest.js'
import { startArguments } from '../runs/start-arguments.js'
import { isSeen } from '../runs/types.js'
import type { Run } from '../runs/types.js'
import type { Asker } from './askers.js'
import { carryOut, commandHeaders } from './command-answer.js'
import { askerOf } from './guard.js'
import type { Parts } from './parts.js'
import { mayCallOwn } from './permission.js'
import { HttpError, notFound } from './problem.js'
import { Shares, sharerOf } from './shares.js'

interface Id {
  readonly id: string
}

const text = { type: 'string' } as const
const count = { type: 'integer', minimum: 0 } as const

const runProperties = {
  id: { description: 'Name of its folder.', ...text },
  name: { description: 'As it was given; empty: none was.', ...text },
  note: text,
  by: {
    description: 'Who started it: MQTT client id, id of an instance, or of who came over HTTP http: and the user or address.',
    ...text
  },
  expRef: { description: 'Of a rig that started it: the experiment; null: it named none.', type: ['string', 'null'] },
  state: {
    description: 'complete: stopped by who may. cut off: ended by something else. failed: its files could not be made (yet).',
    type: 'string',
    enum: ['running', 'complete', 'cut off', 'failed']
  },
  reason: { description: 'How it ended, or what is wrong.', ...text },
  trouble: { description: 'What is wrong while it is on.', ...text },
  started: { type: 'string', format: 'date-time' },
  ended: { type: 'string', format: 'date-time' },
  duration: { description: 'Seconds.', type: 'number' },
  devices: { description: 'Those that are recorded.', oneOf: [{ const: 'all' }, { type: 'array', items: text }] },
  readings: count,
  commands: count,
  lost: { description: 'Readings and steps of commands that could not be written.', ...count },
  bytes: { description: 'Of its readings and commands.', ...count },
  folder: { description: 'Name of its folder, below runs.folder or runs in gateway.data.', ...text },
  ready: { description: 'Its tables, report and manifest are made.', type: 'boolean' }
} as const

const required = ['id', 'name', 'by', 'state', 'started', 'devices', 'readings', 'commands', 'lost', 'bytes', 'folder', 'ready']
const runSchema = {
  title: 'Run',
  description: 'A recording from a start to a stop.',
  type: 'object',
  additionalProperties: false,
  required,
  properties: runProperties
} as const

const params = {
  type: 'object',
  required: ['id'],
  properties: { id: { description: 'Of the run.', type: 'string', minLength: 1, maxLength: 200 } }
}

const types: Readonly<Record<string, string>> = {
  json: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  html: 'text/html; charset=utf-8'
}
const other = 'application/octet-stream'
const fileTypes = [...Object.values(types).map((type) => type.split(';')[0] as string), other]
const binary = { schema: { type: 'string', format: 'binary' } }
const zip = 'application/zip'

/** A report is a page of its own: it may run nothing, and reach nothing, whatever was written into it. */
const reportPolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'"

/** Runs that are verified or packed at once, of one asker half as many; each reads all of a run. */
const maxReaders = 4

/** Runs: begun, stopped, and taken home. */
export function runsRoutes(app: FastifyInstance, parts: Parts): void {
  const { runs } = parts
  const readers = new Shares(maxReaders)
  /** Takes a place; what it returns gives it back, once. */
  const mayRead = (request: FastifyRequest): (() => void) => {
    const done = readers.take(sharerOf(request))
    if (done !== undefined) return done
    const most = `${maxReaders} runs are read already, or ${maxReaders / 2} by the same asker`
    throw new GatewayError('RateLimited', `${most}: wait until one of them is done`)
  }
  /** Over HTTP, and still on: asked for again they do not begin. */
  const begun = new Set<string>()

  const list = {
    type: 'object',
    additionalProperties: false,
    required: ['runs'],
    properties: { runs: { type: 'array', items: runSchema } }
  }
  app.get(
    '/api/runs',
    {
      config: { permission: 'filtered' },
      schema: { summary: 'All runs, those that are on first, then the newest', tags: ['runs'], response: { 200: list } }
    },
    async (request) => ({ runs: (await runs.list()).filter((run) => isSeen(run, askerOf(request).sight)) })
  )

  app.post(
    '/api/runs',
    {
      config: { permission: mayCallOwn('run_start') },
      schema: {
        summary: 'Begin a run',
        description:
          'As the call run_start of the gateway device. Asked again with the same name, devices and note it begins no second run: 200, and the one that is on.',
        tags: ['runs'],
        headers: commandHeaders,
        body: { type: 'object', additionalProperties: false, properties: startArguments },
        response: { 200: runSchema, 201: runSchema }
      }
    },
    async (request, reply) =>
      await command(parts, 'run_start', request.body as object, request, reply, (value) => {
        const { id } = value as Run
        const code = begun.has(id) ? 200 : 201
        begun.add(id)
        for (const other of begun) if (other !== id && !runs.isOn(other)) begun.delete(other)
        return code
      })
  )

  app.post<{ Params: Id }>(
    '/api/runs/:id/stop',
    {
      config: { permission: mayCallOwn('run_stop') },
      schema: {
        summary: 'Stop a run',
        tags: ['runs'],
        params,
        headers: commandHeaders,
        body: { type: 'object', additionalProperties: false },
        response: { 200: runSchema }
      }
    },
    async (request, reply) => {
      const { id } = await expect(parts, request.params.id, askerOf(request))
      return await command(parts, 'run_stop', { id }, request, reply, () => 200)
    }
  )

  const file = {
    type: 'object',
    additionalProperties: false,
    required: ['name', 'bytes'],
    properties: { name: text, bytes: count, sha256: { description: 'As its manifest has it.', ...text } }
  }
  const detailed = {
    ...runSchema,
    title: 'Run with files',
    required: [...required, 'files'],
    properties: { ...runProperties, files: { type: 'array', items: file } }
  }
  app.get<{ Params: Id }>(
    '/api/runs/:id',
    {
      config: { permission: 'filtered' },
      schema: { summary: 'One run and its files', tags: ['runs'], params, response: { 200: detailed } }
    },
    async (request) => {
      const run = await expect(parts, request.params.id, askerOf(request))
      const folder = folderOf(parts, run)
      const sums = await manifestOf(folder)
      const files = (await filesBelow(folder)).filter(isShown)
      return { ...run, files: files.map(({ name, bytes }) => ({ name, bytes, ...(sums.has(name) ? { sha256: sums.get(name) } : {}) })) }
    }
  )

  app.post<{ Params: Id }>(
    '/api/runs/:id/verify',
    {
      config: { isHarmless: true, permission: 'filtered' },
      schema: {
        summary: 'Compare a run with its manifest',
        tags: ['runs'],
        params,
        body: { type: 'object', additionalProperties: false },
        response: {
          200: {
            description: 'ok, or the first file that differs.',
            type: 'object',
            additionalProperties: false,
            required: ['ok', 'files', 'bytes'],
            properties: {
              ok: { type: 'boolean' },
              files: { description: 'Files that are as they were made.', ...count },
              bytes: count,
              wrong: { type: 'object', additionalProperties: false, required: ['name', 'why'], properties: { name: text, why: text } }
            }
          }
        }
      }
    },
    async (request) => {
      const run = await expect(parts, request.params.id, askerOf(request))
      if (!run.ready && run.state !== 'failed') throw notReady(run)
      const done = mayRead(request)
      try {
        return await verifyRun(folderOf(parts, run))
      } catch (error) {
        if (error instanceof Unverifiable) throw notReady(run)
        throw error
      } finally {
        done()
      }
    }
  )

  app.get<{ Params: Id & { readonly '*': string } }>(
    '/api/runs/:id/files/*',
    {
      config: { types: fileTypes, permission: 'filtered' },
      schema: {
        summary: 'One file of a run',
        tags: ['runs'],
        params: {
          ...params,
          required: ['id', '*'],
          properties: { ...params.properties, '*': { description: 'Its name, as in the list of files.', ...text } }
        },
        response: { 200: { description: 'The file.', content: Object.fromEntries(fileTypes.map((type) => [type, binary])) } }
      }
    },
    async (request, reply) => {
      const { id, '*': name } = request.params
      const folder = folderOf(parts, await expect(parts, id, askerOf(request)))
      const found = (await filesBelow(folder)).filter(isShown).find((each) => each.name === name)
      if (found === undefined) throw notFound('the run has no such file')
      const end = name.slice(name.lastIndexOf('.') + 1)
      if (end === 'html') void reply.header('content-security-policy', reportPolicy)
      else void reply.header('content-disposition', attachment(name.slice(name.lastIndexOf('/') + 1)))
      const { stream, bytes } = await read(folder, found)
      return await reply
        .type(types[end] ?? other)
        .header('content-length', bytes)
        .send(stream)
    }
  )

  app.get<{ Params: Id }>(
    '/api/runs/:id/zip',
    {
      exposeHeadRoute: false,
      config: { types: [zip], permission: 'filtered' },
      schema: {
        summary: 'A run as one file',
        description: 'Its folder, which `labgate verify` takes when it is unpacked.',
        tags: ['runs'],
        params,
        response: { 200: { description: 'The folder, packed.', content: { [zip]: binary } } }
      }
    },
    async (request, reply) => {
      const run = await expect(parts, request.params.id, askerOf(request))
      if (!run.ready) throw notReady(run)
      // Not at start, and before the place is taken, as it takes a turn.
      const { ZipFile } = await import('yazl')
      const done = mayRead(request)
      const gone = new AbortController()
      // Taken with the place: a close that came before it would never be told.
      reply.raw.once('close', () => {
        done()
        gone.abort()
      })
      if (reply.raw.closed || reply.raw.destroyed) done()
      const folder = folderOf(parts, run)
      const found = await filesBelow(folder).catch((error: unknown) => {
        done()
        throw error
      })
      if (reply.raw.destroyed) throw new GatewayError('Timeout', 'the asker went away')
      const packed = pack(
        new ZipFile(),
        folder,
        run.id,
        found.filter(({ isFile }) => isFile),
        gone.signal
      )
      return await reply
        .type(zip)
        .header('content-disposition', attachment(`${run.id}.zip`))
        .send(packed)
    }
  )
}

async function command(
  parts: Parts,
  codename: string,
  told: object,
  request: FastifyRequest,
  reply: FastifyReply,
  codeOf: (value: unknown) => number
): Promise<FastifyReply> {
  const payload = Buffer.from(JSON.stringify({ arguments: told }))
  return await carryOut(parts, { device: self, codename, op: 'call', payload, id: undefined }, request, reply, (json) => {
    const parsed = parseExact(json)
    const { value } = (parsed.ok ? toPlain(parsed.value) : {}) as { value?: unknown }
    return reply.code(codeOf(value)).send(value)
  })
}

async function expect({ runs }: Parts, id: string, asker: Asker): Promise<Run> {
  const run = await runs.find(id)
  if (run === undefined || !isSeen(run, asker.sight)) throw notFound('there is no run of this id')
  return run
}

/** Of a run that was found, so that there is a folder of runs. */
function folderOf({ runs }: Parts, { id }: Run): string {
  return join(runs.folder as string, id)
}

function notReady({ state, reason }: Run): HttpError {
  const next = state === 'running' ? 'stop it first' : state === 'failed' ? (reason ?? state) : 'wait until ready is true'
  return new HttpError('Busy', `the files of the run are not made yet: ${next}`, { rule: 'ready' })
}

function isShown({ isFile, name }: Found): boolean {
  return isFile && !name.endsWith('.part')
}

function attachment(name: string): string {
  return `attachment; filename="${name.replace(/[^A-Za-z0-9._-]/g, '_')}"`
}

/** As long as it is now: one that is on grows. */
async function read(folder: string, { name }: Found): Promise<{ stream: Readable; bytes: number }> {
  const handle = await open(join(folder, name), constants.O_RDONLY | constants.O_NOFOLLOW)
  const { size } = await handle.stat()
  if (size > 0) return { stream: handle.createReadStream({ start: 0, end: size - 1 }), bytes: size }
  await handle.close()
  return { stream: Readable.from([]), bytes: 0 }
}

/** One file after another. When the asker goes nothing stays open. */
function pack(packed: ZipFile, folder: string, id: string, found: readonly Found[], gone: AbortSignal): Readable {
  const stream = packed.outputStream as Readable
  packed.on('error', (error: Error) => stream.destroy(error))
  for (const one of found)
    packed.addReadStreamLazy(`${id}/${one.name}`, { mtime: one.modified }, (give) => {
      read(folder, one).then(
        ({ stream: source }) => {
          if (gone.aborted) return void source.destroy()
          gone.addEventListener('abort', () => source.destroy(), { once: true })
          give(null, source)
        },
        (error: Error) => give(error, undefined as never)
      )
    })
  packed.end()
  return stream
}
