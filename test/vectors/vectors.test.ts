/** The recorded talk of real PyExpLabSys sockets, played against the gateway, and the player itself. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FileError, Player } from './player.js'
import type { Count } from './player.js'
import { unreachable } from './unreachable.js'

const recorded = 'test/vectors/pyexplabsys.jsonl'

describe('recorded cases', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'labgate-vectors-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  function fileOf(...lines: (string | object)[]): string {
    const file = join(folder, 'cases.jsonl')
    writeFileSync(file, lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'))
    return file
  }

  async function play(file: string, tiers?: string[], id?: string): Promise<{ count: Count; lines: string[] }> {
    const lines: string[] = []
    const count = await new Player((line) => lines.push(line)).play(file, { tiers, id, dialect: 'py3' })
    return { count, lines }
  }

  it('of tiers core, edge and api: all are answered as the real sockets answered', async function () {
    this.timeout(60_000)
    const { count, lines } = await play(recorded, ['core', 'edge', 'api'])
    // 202 cases, of which 5 are unreachable.
    assert.deepEqual(count, { passed: 197, failed: 0, skipped: 5 }, lines.join('\n'))
    // NaN, which a browser cannot read, leaves as null.
    assert.ok(
      lines.some((line) => line.startsWith('  px-nan: better\n')),
      lines.join('\n')
    )
    assert.equal(lines.filter((line) => line.includes(': better')).length, 1)
  })

  it('of tier bug: as the real sockets, or better', async function () {
    this.timeout(20_000)
    const { count, lines } = await play(recorded, ['bug'])
    assert.deepEqual(count, { passed: 9, failed: 0, skipped: 2 }, lines.join('\n'))
    const better = lines.filter((line) => line.endsWith(': better') || /: better\n/.test(line))
    assert.equal(better.length, 8, lines.join('\n'))
    assert.ok(lines.includes('  px-two-colons: like the original'))
  })

  it('of pickles: those that must be read are, those that must not are refused', async () => {
    const { count, lines } = await play('test/vectors/pickle.jsonl')
    // 303 must and 51 may be read, 35 are refused.
    assert.deepEqual(count, { passed: 389, failed: 0, skipped: 0 }, lines.join('\n'))
    assert.deepEqual(lines, ['389 passed, 0 failed, 0 skipped'])
    const { count: refused } = await play('test/vectors/pickle.jsonl', ['reject'])
    assert.equal(refused.passed, 35)
  })

  it('are skipped for what the design makes unreachable only by names that the file has', async () => {
    const text = readFileSync(recorded, 'utf8')
    for (const id of unreachable.keys()) assert.ok(text.includes(`"id": "${id}"`), id)
  })

  describe('the player', () => {
    const answer = { send: 'name', recv: 'moon laser' }
    const status = '{"system_status": {}, "socket_server_status": {}}'
    const wrong: [what: string, step: object, expected: RegExp, got: RegExp][] = [
      ['one byte', { ...answer, recv: 'moon lasar' }, /expected "moon lasar"/, /got {6}"moon laser"/],
      ['a digest', { send: 'name', recv_sha256: '0'.repeat(64), recv_len: 10 }, /10 bytes with the SHA-256 0000/, /"moon laser"/],
      ['a pattern', { ...answer, match: 'regex', pattern: '^moon$' }, /something like \^moon\$/, /"moon laser"/],
      ['a shape', { send: 'status', match: 'json-shape', recv: status }, /the shape of/, /system_status/],
      ['an answer in place of silence', { send: 'name', recv: null }, /expected silence/, /"moon laser"/],
      ['silence in place of an answer', { send: 'é', recv: 'x' }, /expected "x"/, /got {6}silence/],
      ['a result', { op: 'last', args: [], result: { a: 1 } }, /expected \{"a": 1\}/, /got {6}null/],
      ['an error of an operation', { op: 'last', args: [], raises: 'ValueError: no' }, /ValueError: no/, /no error/]
    ]
    for (const [what, step, expected, got] of wrong) {
      it(`reports ${what} that is wrong`, async () => {
        const { count, lines } = await play(
          fileOf(what.startsWith('silence') ? { ...pull('wrong', [step]), wait: 0.1 } : pull('wrong', [step]))
        )
        assert.deepEqual(count, { passed: 0, failed: 1, skipped: 0 })
        assert.match(lines.join('\n'), expected)
        assert.match(lines.join('\n'), got)
      })
    }

    const frame = '{"host": "h", "data": {"a": [1.0, 2.0]}}'
    const subscribe = { ws_send: '{"action": "subscribe", "subscriptions": ["h:a"]}', ws: 0 }
    const mistakes: [what: string, steps: object[], expected: RegExp][] = [
      [
        'a frame that is another',
        [{ udp: frame }, { ws_recv: [frame.replace('2.0', '2')] }],
        /expected .*\[1\.0, 2\].*\n.*got .*\[1\.0, 2\.0\]/
      ],
      ['a frame that does not come', [{ ws_recv: [frame] }], /expected .*\n.*got {6}nothing/],
      ['a frame too many', [{ udp: frame }, { ws_recv: [] }], /expected nothing more/],
      ['a frame that fits no pattern', [{ udp: frame }, { ws_recv: [frame], match: 'regex', pattern: '^x' }], /expected \/\^\(\?:\^x\)/],
      ['a connection that ends in another way', [{ ws_send: 'x' }, { ws_recv: [{ closed: 1000 }] }], /closed with 1000\n.*closed with 1006/]
    ]
    for (const [what, steps, expected] of mistakes)
      it(`reports ${what}, to a page of the live proxy`, async () => {
        const proxy = { ...pull('px', [{ ws_open: 0 }, subscribe, ...steps]), server: { kind: 'liveproxy' } }
        const { count, lines } = await play(fileOf(proxy))
        assert.deepEqual(count, { passed: 0, failed: 1, skipped: 0 }, lines.join('\n'))
        assert.match(lines.join('\n'), expected)
      })

    it('reports a datagram of a LiveSocket that is another, or does not come', async () => {
      const live = (emit: string, ...args: unknown[]): object => ({
        ...pull('le', [{ op: 'set_point', args, emit }], { kind: 'live', hostname: 'h' }),
        wait: 0.3
      })
      const other = live('{"host": "h", "data": {"a": [1.0, 2]}}', 'a', [1, 2])
      const { count, lines } = await play(fileOf(other))
      assert.equal(count.failed, 1)
      assert.match(lines.join('\n'), /sending to the proxy\n.*expected .*\[1\.0, 2\].*\n.*got .*\[1\.0, 2\.0\]/)
    })

    it('reports an error at construction that did not come, and one that should not', async () => {
      const missing = pull('missing', [], { raises: 'ValueError: no' })
      const unwanted = pull('unwanted', [], { codenames: ['x#y'] })
      const { count, lines } = await play(fileOf(missing, unwanted))
      assert.equal(count.failed, 2)
      assert.match(lines.join('\n'), /expected ValueError: no\n {4}got {6}no error/)
      assert.match(lines.join('\n'), /got {6}ValueError: The character '#' is not allowed in the codenames/)
    })

    it('reports a pickle that is read as another value, that is not read, and that is read although it must not be', async () => {
      const pickle = (level: string, text: string, more: object): object => ({
        id: `${level} ${text}`,
        kind: 'pickle.read',
        level,
        b64: Buffer.from(text, 'latin1').toString('base64'),
        ...more
      })
      const { count, lines } = await play(
        fileOf(
          pickle('must', 'K\x07.', { value: 8 }),
          pickle('must', 'K\x07', { value: 7 }),
          pickle('reject', 'K\x07.', { reason: 'seven' }),
          pickle('may', 'K\x07.', { value: 8 }),
          pickle('might', 'K\x07.', { value: 7 }),
          pickle('may', '\x80\x02cos\nsystem\n.', { value: 7 })
        )
      )
      assert.deepEqual(count, { passed: 1, failed: 5, skipped: 0 })
      const report = lines.join('\n')
      assert.match(report, /expected 8\n {2}got {6}7/)
      assert.match(report, /expected 7\n {2}got {6}not-a-pickle: /)
      assert.match(report, /expected that it is refused: seven\n {2}got {6}7/)
      assert.match(report, /a line of level "might"/)
      assert.match(report, /better\n.*refused, as it may be: .*os\.system/)
    })

    it('ends with exit code 1 when one byte of a case is changed', () => {
      const line =
        readFileSync(recorded, 'utf8')
          .split('\n')
          .find((one) => one.includes('"pb-name"')) ?? ''
      const player = fileURLToPath(new URL('play.js', import.meta.url))
      const { status: code, stdout } = spawnSync(process.execPath, [player, fileOf(line.replace('"recv": "Last', '"recv": "Lost'))], {
        encoding: 'utf8'
      })
      assert.equal(code, 1, stdout)
      assert.match(stdout, /FAIL core pb-name/)
      assert.match(stdout, /expected "Lost shot usage data.*\n.*got {6}"Last shot usage data/)
      assert.match(stdout, /\n0 passed, 1 failed, 0 skipped\n$/)
    }).timeout(20_000)

    it('takes another or a broken file for what it is', async () => {
      await assert.rejects(
        play(fileOf({ colour: 'red' })),
        new FileError(`${join(folder, 'cases.jsonl')}: line 1 is of no format that this player knows: ${known}`)
      )
      await assert.rejects(play(fileOf('{')), /line 1 is no JSON/)
      await assert.rejects(play(fileOf('')), /holds no cases/)
      await assert.rejects(play(join(folder, 'nothing.jsonl')), /cannot be read/)
      const { count, lines } = await play(
        fileOf(
          { id: 'a', transport: 'udp', role: 'both', replay: false, steps: [] },
          { ...pull('b', []), server: { kind: 'fax' } },
          { ...pull('c', []), server: { kind: 'live1' } }
        )
      )
      assert.deepEqual(count, { passed: 0, failed: 0, skipped: 3 })
      assert.match(lines.join('\n'), /1 × a: both ends are real, .*\n {2}1 × sockets of kind fax .*\n {2}1 × version 1 of LiveSocket/)
    })

    it('plays what the recorded file has no case of', async () => {
      const two = {
        ...pull('two', [
          { op: 'set_point', args: ['a', [1, 2.5]] },
          { op: 'set_point', to: 1, args: ['b', ['x', { $tuple: [{ $int: 3 }] }]] },
          { send: 'raw', recv: '1.0,2.5' },
          { send: 'raw', to: 1, client: 1, recv: 'x,[3]' },
          {
            send: 'status',
            to: 1,
            match: 'regex',
            recv: '',
            pattern: '.*"socket_server_status": \\{"\\d+": \\{.*"type": "d.*"\\d+": \\{.*"type": "d'
          },
          { op: 'stop', args: [] },
          { send: 'name', recv: null },
          { send: 'name', to: 1, recv: 'other' }
        ]),
        more_servers: [{ kind: 'data', name: 'other', codenames: ['b'] }]
      }
      const forgetful = {
        ...pull('forgetful', [
          { send: 'raw_wn#a:int:1', recv: "ACK#{'a': 1}" },
          { op: 'set_last_to_none', args: [] },
          { op: 'last', args: [], result: null },
          { op: 'clear_updated', args: [] },
          { op: 'updated', args: [], result: {} },
          { send: 'name', no_wait: true },
          { recv: 'RET#moon laser' },
          { recv: null }
        ]),
        server: { kind: 'push', name: 'moon laser', action: 'store_last' }
      }
      const still = {
        ...pull('still', [
          { op: 'set_point_now', args: ['a', { $py: "{1: float('-inf'), 'b': [None, True]}" }] },
          { op: 'advance', args: [2] },
          { send: 'a#raw', recv: "1414150015.0,{'1': -inf, 'b': [None, True]}" },
          { op: 'advance', args: [0.5] },
          { send: 'a#json', recv: '"OLD_DATA"' }
        ]),
        clock: 1414150015
      }
      const ms = pull('text-time', [{ op: 'set_point', args: ['a', ['x', 1]] }])
      const { count, lines } = await play(fileOf(two, forgetful, { ...still, server: { ...still.server, timeouts: [2] } }, ms))
      assert.deepEqual(count, { passed: 3, failed: 0, skipped: 1 }, lines.join('\n'))
    })
  })
})

const known =
  'PyExpLabSys sockets (server, steps, tier, dialect), pickles, HTTP transcripts, WebSocket transcripts, rig transcripts, rig tables'

function pull(
  id: string,
  steps: object[],
  server: object = {}
): { id: string; tier: string; dialect: string; server: object; steps: object[] } {
  return { id, tier: 'core', dialect: 'py3', server: { kind: 'date', name: 'moon laser', codenames: ['a'], ...server }, steps }
}
