import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import type { Run } from '../../gateway/runs/types.js'
import { folder, labgate, write } from '../process/program.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { until } from '../support/until.js'
import { RunFolder } from './recorder.js'

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

describe('runs over HTTP', function () {
  this.timeout(10_000)
  let running: Running
  let runs: RunFolder

  afterEach(async () => await running?.stop())

  async function lab(http = ''): Promise<void> {
    runs = new RunFolder(join(folder(), 'runs'))
    running = await start(
      `http: { port: 0${http} }\nruns: { folder: ${runs.path} }\ndevices: { meter: { codenames: { count: { unit: '1' } } } }`
    )
  }

  /** The path goes out as it is: fetch would tidy it. */
  async function ask(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<Answer> {
    return await new Promise((resolve, reject) => {
      const asked = request(
        {
          host: '127.0.0.1',
          port: running.httpPort,
          method,
          path,
          headers: { ...(body ? { 'content-type': 'application/json' } : {}), ...headers }
        },
        (response) => {
          const parts: Buffer[] = []
          response.on('data', (part: Buffer) => parts.push(part))
          response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }))
        }
      )
      asked.on('error', reject)
      asked.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }
  const json = <T>({ body }: Answer): T => JSON.parse(body.toString()) as T

  async function recorded(): Promise<Run> {
    const client = await running.connect()
    const begun = await ask('POST', '/api/runs', { name: '<img src=x onerror=alert(1)>', devices: ['meter'] })
    assert.equal(begun.status, 201)
    await client.publish('lab/meter/count', '5')
    const ended = await ask('POST', `/api/runs/${json<Run>(begun).id}/stop`, {})
    assert.equal(ended.status, 200)
    let run = json<Run & { files?: unknown }>(ended)
    const { id } = run
    assert.equal(run.ready, false)
    while (!run.ready) run = json(await ask('GET', `/api/runs/${id}`))
    const { files: _, ...made } = run
    return made
  }

  it('are begun, listed, stopped, verified, and taken home as a zip that can be verified', async () => {
    await lab()
    const run = await recorded()
    assert.deepEqual([run.state, run.by, run.readings, run.ready], ['complete', 'http:127.0.0.1', 1, true])
    assert.deepEqual(json<{ runs: Run[] }>(await ask('GET', '/api/runs')).runs, [run])
    const { files } = json<{ files: { name: string; bytes: number; sha256?: string }[] }>(await ask('GET', `/api/runs/${run.id}`))
    assert.deepEqual(
      files.map(({ name, sha256 }) => [name, sha256 !== undefined]),
      [
        ['commands.ndjson', true],
        ['csv/meter.csv', true],
        ['manifest.json', false],
        ['readings.ndjson', true],
        ['report.html', true],
        ['run.json', true],
        ['schemas.json', true]
      ]
    )
    const zip = await ask('GET', `/api/runs/${run.id}/zip`)
    assert.deepEqual([zip.status, zip.headers['content-type']], [200, 'application/zip'])
    const home = folder()
    unpack(write(join(home, 'run.zip'), zip.body), home)
    assert.equal((await labgate('verify', join(home, run.id))).code, 0)

    assert.equal(json<{ ok: boolean }>(await ask('POST', `/api/runs/${run.id}/verify`, {})).ok, true)
    writeFileSync(join(runs.of(run), 'csv/meter.csv'), 'other')
    const { ok, wrong } = json<{ ok: boolean; wrong: { name: string } }>(await ask('POST', `/api/runs/${run.id}/verify`, {}))
    assert.deepEqual([ok, wrong.name], [false, 'csv/meter.csv'])
  })

  it('are files that run nothing in a browser, and lead nowhere else', async () => {
    await lab()
    const run = await recorded()
    writeFileSync(join(runs.path, 'secret.txt'), 'secret')
    symlinkSync(join(runs.path, 'secret.txt'), join(runs.of(run), 'link.txt'))
    const report = await ask('GET', `/api/runs/${run.id}/files/report.html`)
    assert.match(String(report.headers['content-security-policy']), /^sandbox; default-src 'none'/)
    assert.ok(!report.body.includes('<img'), 'a name is no markup')
    const csv = await ask('GET', `/api/runs/${run.id}/files/csv/meter.csv`)
    assert.deepEqual(
      [csv.status, csv.headers['content-type'], csv.headers['x-content-type-options']],
      [200, 'text/csv; charset=utf-8', 'nosniff']
    )
    assert.equal(csv.headers['content-disposition'], 'attachment; filename="meter.csv"')
    assert.deepEqual((await ask('GET', `/api/runs/${run.id}/files/commands.ndjson`)).body.length, 0)
    const nowhere = [
      `${run.id}/files/../../secret.txt`,
      `${run.id}/files/..%2f..%2fsecret.txt`,
      `${run.id}/files/%2e%2e/secret.txt`,
      `${run.id}/files/link.txt`,
      `${run.id}/files/csv`,
      `${run.id}/files/`,
      `..%2f${run.id}/files/run.json`,
      'no/zip',
      '%2e%2e/zip'
    ]
    for (const path of nowhere) {
      const { status, headers, body } = await ask('GET', `/api/runs/${path}`)
      assert.equal(status, 404, path)
      assert.match(String(headers['content-type']), /^application\/problem\+json/)
      assert.ok(!body.includes('secret'))
    }
  })

  it('leave no file open when who takes one home goes away', async () => {
    await lab()
    const run = await recorded()
    writeFileSync(join(runs.of(run), 'readings.ndjson'), randomBytes(30_000_000))
    for (const what of ['zip', 'files/readings.ndjson'])
      await new Promise<void>((resolve, reject) => {
        const asked = request({ host: '127.0.0.1', port: running.httpPort, path: `/api/runs/${run.id}/${what}` }, (response) => {
          response.once('data', () => asked.destroy())
          response.once('close', resolve)
          response.on('error', () => {})
        })
        asked.on('error', reject)
        asked.end()
      })
    await until(() => readdirSync('/proc/self/fd').every((fd) => !linkOf(`/proc/self/fd/${fd}`).startsWith(runs.path)), 'a file stays open')
  })

  it('are read by the next one, however many have hung up before anything came', async () => {
    await lab()
    const run = await recorded()
    for (let n = 0; n < 40; n += 1)
      await new Promise<void>((resolve) => {
        const asked = request({ host: '127.0.0.1', port: running.httpPort, path: `/api/runs/${run.id}/zip` })
        asked.on('error', () => {})
        asked.once('close', resolve)
        // Now before, now while the run is looked for.
        asked.end(() => setTimeout(() => asked.destroy(), n % 4))
      })
    // What was under way is let go; a place that is lost never comes back.
    let status = 0
    for (let n = 0; n < 100 && status !== 200; n += 1) ({ status } = await ask('GET', `/api/runs/${run.id}/zip`))
    assert.equal(status, 200)
    const many = await Promise.all(Array.from({ length: 12 }, async () => (await ask('POST', `/api/runs/${run.id}/verify`, {})).status))
    assert.ok(many.every((each) => each === 200 || each === 429))
    assert.equal((await ask('POST', `/api/runs/${run.id}/verify`, {})).status, 200)
  })

  it('begin once, and are no recording of other devices under the same name', async () => {
    await lab()
    const post = async (body: object): Promise<Answer> => await ask('POST', '/api/runs', body)
    const first = await post({ name: 'x', devices: ['meter'], note: 'n' })
    const again = await post({ name: 'x', devices: ['meter'], note: 'n' })
    assert.deepEqual([first.status, again.status, json<Run>(again).id], [201, 200, json<Run>(first).id])
    for (const other of [{ name: 'x' }, { name: 'x', devices: ['meter'] }, { name: 'x', devices: ['meter', 'gateway'], note: 'n' }]) {
      const { status, body } = await post(other)
      assert.equal(status, 409)
      assert.match(body.toString(), /of other devices or with another note/)
    }
    const both = await Promise.all([post({ name: 'y' }), post({ name: 'y' })])
    assert.deepEqual(
      both.map(({ status }) => status).sort((a, b) => a - b),
      [200, 201]
    )
  })

  it('say that the manifest was taken away, also those that were known before, and after a restart', async () => {
    await lab()
    const run = await recorded()
    const path = join(runs.of(run), 'readings.ndjson')
    writeFileSync(path, readFileSync(path, 'utf8').replace('"value":5', '"value":6'))
    rmSync(join(runs.of(run), 'manifest.json'))
    const says = async (): Promise<unknown[]> => {
      const { ready, state } = json<Run>(await ask('GET', `/api/runs/${run.id}`))
      const { ok, wrong } = json<{ ok: boolean; wrong: { name: string; why: string } }>(await ask('POST', `/api/runs/${run.id}/verify`, {}))
      assert.match(wrong.why, /^it was taken away.*readings\.ndjson has changed/)
      return [ready, state, ok, wrong.name, (await ask('GET', `/api/runs/${run.id}/zip`)).status]
    }
    assert.deepEqual(await says(), [false, 'failed', false, 'manifest.json', 409])
    await running.stop()
    running = await start(`http: { port: 0 }\nruns: { folder: ${runs.path} }`)
    await until(() => running.log.lines.some(({ fields }) => /manifest was taken away/.test(String(fields['reason']))), 'nothing is said')
    assert.deepEqual(await says(), [false, 'failed', false, 'manifest.json', 409])
    assert.ok(!readdirSync(runs.of(run)).includes('manifest.json'))
  })

  it('are described as they come: every type of file is in the document', async () => {
    await lab()
    const document = json<{ paths: Record<string, { get: { responses: Record<string, { content: object }> } }> }>(
      await ask('GET', '/api/openapi.json')
    )
    const [, file] = Object.entries(document.paths).find(([path]) => path.includes('/files/')) ?? []
    assert.deepEqual(Object.keys(file?.get.responses['200']?.content ?? {}).sort(), [
      'application/json',
      'application/octet-stream',
      'application/x-ndjson',
      'text/csv',
      'text/html'
    ])
  })

  it('are refused to pages of others, to who may only look, and as long as they are not ready', async () => {
    await lab(', readOnly: true')
    assert.equal((await ask('POST', '/api/runs', {})).status, 403)
    await running.stop()
    await lab()
    assert.equal((await ask('POST', '/api/runs', {}, { origin: 'http://evil.example' })).status, 403)
    assert.equal((await ask('POST', '/api/runs', { nmae: 'x' })).status, 400)
    assert.equal((await ask('POST', '/api/runs', { devices: ['metre'] })).status, 404)
    const { id } = json<Run>(await ask('POST', '/api/runs', {}))
    for (const answer of [await ask('GET', `/api/runs/${id}/zip`), await ask('POST', `/api/runs/${id}/verify`, {})])
      assert.deepEqual(
        [answer.status, json<{ detail: string }>(answer).detail],
        [409, 'the files of the run are not made yet: stop it first']
      )
    assert.equal((await ask('GET', '/api/runs/none')).status, 404)
    assert.equal(json<{ runs: boolean }>(await ask('GET', '/api')).runs, true)
  })
})

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

/** With Python, which the tests have for their peers anyway. */
function unpack(zip: string, into: string): void {
  execFileSync('python3', ['-m', 'zipfile', '-e', zip, into])
}
