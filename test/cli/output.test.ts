import assert from 'node:assert/strict'
import { closeSync, mkdirSync, openSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { FileOutput } from '../../gateway/cli/file-output.js'
import { PartFile } from '../../gateway/cli/part-file.js'
import type { Handle } from '../../gateway/cli/part-file.js'
import { Program, folder, main, write } from '../process/program.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { run } from './run.js'

/** A disk with room for so many bytes: a write takes what fits and says no more; the next one fails. */
class SmallDisk implements Handle {
  content = Buffer.alloc(0)
  readonly #room: number
  readonly #most: number

  constructor(room: number, most = Infinity) {
    this.#room = room
    this.#most = most
  }

  write = (async (bytes: Buffer, from: number, length: number, position: number) => {
    const count = Math.min(length, this.#most, this.#room - position)
    if (count === 0) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    this.content = Buffer.concat([this.content.subarray(0, position), bytes.subarray(from, from + count)])
    return { bytesWritten: count, buffer: bytes }
  }) as Handle['write']

  async truncate(size: number): Promise<void> {
    this.content = this.content.subarray(0, size)
  }

  async sync(): Promise<void> {}

  async close(): Promise<void> {}
}

describe('output that cannot be written', function () {
  this.timeout(20_000)
  let lab: Lab
  const rows = 60

  before(async () => {
    lab = await startLab()
    const host = lab.scripted.host('oven')
    const now = Math.floor(Date.now() / 1000)
    // All of one moment are written at once.
    for (let i = 0; i < rows; i += 1)
      await host.publish({ device: 'furnace', codename: 'anything', value: 'x'.repeat(1000), time: now + i / 1e6 })
  })
  after(async () => await lab.stop())

  it('each command says so, and ends with 1', async () => {
    const at = ['--url', `http://127.0.0.1:${lab.httpPort}`]
    const config = write(join(folder(), 'gateway.yaml'), 'adapters: []\n')
    for (const args of [
      ['history', 'furnace/anything', '--csv', ...at],
      ['history', 'furnace/anything', ...at],
      ['read', 'furnace/anything', ...at],
      ['status', '--json', ...at],
      ['watch', '--once', '--json', ...at],
      ['watch', '--json', ...at],
      ['describe', 'grafana', '-c', config]
    ]) {
      const full = openSync('/dev/full', 'w')
      const { code, stderr } = await run(args, { output: new FileOutput(full) })
      closeSync(full)
      assert.match(stderr, /cannot write: ENOSPC.*not all/, args.join(' '))
      assert.equal(code, 1, args.join(' '))
      const head = new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error('EPIPE'), { code: 'EPIPE' })) })
      const enough = await run(args, { output: head })
      assert.doesNotMatch(enough.stderr, /cannot write/)
      // Status tells by it how the gateway goes.
      if (args[0] !== 'status') assert.equal(enough.code, 0, args.join(' '))
    }
  })

  it('the program, on a disk that takes a part of it', async () => {
    const place = folder()
    const config = write(join(place, 'gateway.yaml'), 'adapters: []\n')
    const shell = async (command: string, ...args: string[]): ReturnType<Program['ended']> =>
      await new Program('bash', ['-c', `ulimit -f 8; exec "$0" "$@" ${command}`, process.execPath, main, ...args]).ended()
    const [described, exported, checked] = await Promise.all([
      shell(`> '${join(place, 'x.json')}'`, 'describe', 'asyncapi', '-c', config),
      shell('', 'export', 'furnace/anything', '--url', `http://127.0.0.1:${lab.httpPort}`, '--out', join(place, 'x.csv')),
      shell('> /dev/full', 'check', config)
    ])
    assert.match(described.stderr, /cannot write: EFBIG/)
    assert.equal(described.code, 1)
    assert.match(checked.stderr, /cannot write: ENOSPC/)
    assert.equal(checked.code, 1)
    assert.match(exported.stderr, /EFBIG.*\n.*x\.csv was not written\. .*x\.csv\.part holds the 0 readings before/)
    assert.equal(exported.code, 1)
    assert.deepEqual(readdirSync(place).sort(), ['gateway.yaml', 'x.csv.part', 'x.json'])
    assert.match(readFileSync(join(place, 'x.csv.part'), 'utf8'), /^time,.*\r\n$/)
  })

  it('a file gets all of what it is given, or ends where something ended', async () => {
    const names = { name: 'x.part', file: 'x', force: true }
    const slow = new SmallDisk(1000, 3)
    const file = new PartFile(slow, names)
    for (const text of ['°C is a unit\n', 'and so on\n']) await file.append(text)
    assert.equal(slow.content.toString(), '°C is a unit\nand so on\n')
    const small = new SmallDisk(15)
    const other = new PartFile(small, names)
    await other.append('0123456789')
    await assert.rejects(other.append('0123456789'), /ENOSPC/)
    assert.equal(small.content.length, 15)
    assert.equal(await other.keep(), true)
    assert.equal(small.content.toString(), '0123456789')
  })

  it('two exports to one file: neither writes into what the other one writes', async () => {
    const place = folder()
    const file = join(place, 'x.csv')
    const [one, other] = [await PartFile.open(file, false), await PartFile.open(file, false)]
    await one.append('one')
    await other.append('other')
    await one.finish()
    await assert.rejects(other.finish(), /EEXIST/)
    assert.equal(readFileSync(file, 'utf8'), 'one')
    assert.equal(readFileSync(other.name, 'utf8'), 'other')
    const anew = await PartFile.open(file, true)
    await anew.append('anew')
    await anew.finish()
    assert.equal(readFileSync(file, 'utf8'), 'anew')
    mkdirSync(join(place, 'folder.csv'))
    const at = ['--url', `http://127.0.0.1:${lab.httpPort}`]
    const { code, stderr } = await run(['export', 'furnace/anything', '--force', '-o', join(place, 'folder.csv'), ...at])
    assert.match(stderr, /folder\.csv is a folder/)
    assert.equal(code, 2)
  })
})
