/** What real pull sockets said, served to our client. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { isExactMap, parseExact } from '../../adapters/common/exact-json.js'
import { Player } from './player.js'
import { serve } from './served.js'
import { readVector } from './vector.js'
import type { Vector } from './vector.js'

const recorded = 'test/vectors/pyexplabsys.jsonl'

function read(line: string): Vector {
  const parsed = parseExact(line, { words: true })
  assert.ok(parsed.ok && isExactMap(parsed.value))
  const vector = readVector(parsed.value)
  assert.ok(vector !== undefined)
  return vector
}

const vectors = readFileSync(recorded, 'utf8').trim().split('\n').map(read)
const pull = vectors.filter(({ kind }) => kind === 'date' || kind === 'data')

describe('recorded answers, served to the data-pull-client', () => {
  for (const dialect of ['py2-2015', 'py2-2020'])
    it(`of ${dialect}: the readings are the points that were set`, async () => {
      const lines: string[] = []
      const count = await new Player((line) => lines.push(line)).play(recorded, { dialect, id: 'y' })
      // Those of push sockets are served to another client; they have a test of their own.
      const ours = vectors.filter((vector) => vector.dialect === dialect && vector.id.startsWith('y')).length
      assert.ok(ours > 3)
      assert.deepEqual([count.passed, count.failed], [ours, 0], lines.join('\n'))
    }).timeout(20_000)

  // Where the real server is mute, there is nothing to serve.
  const whole = pull.filter(
    ({ dialect, tier, servers }) => dialect === 'py3' && tier !== 'bug' && tier !== 'api' && !servers[0]?.has('raises')
  )
  it(`of py3, ${whole.length} cases: the readings are the points that were set`, async function () {
    this.timeout(60_000)
    assert.ok(whole.length > 60)
    for (const vector of whole) assert.deepEqual((await serve(vector)).problems, [], vector.id)
  })

  describe('are found wrong', () => {
    const line = readFileSync(recorded, 'utf8')
      .split('\n')
      .find((one) => one.includes('"y15-x"')) as string
    const answers: [what: string, from: string, to: string, problem: RegExp][] = [
      [
        'a raw value',
        '"recv": "1414154338.17,47.0"',
        '"recv": "1414154338.17,48.0"',
        /a: expected \[1414154338\.174321, 47\.0\], got \[.*48\.0\]/
      ],
      [
        'a time in json_wn',
        '{\\"a\\": [1414154338.174321',
        '{\\"a\\": [1414154339.174321',
        /"a": expected 47\.0 of 1414154338\.174321, got 47\.0 of 1414154339/
      ],
      [
        'a type',
        '"a#json", "recv": "[1414154338.174321, 47.0]"',
        '"a#json", "recv": "[1414154338.174321, 47]"',
        /expected 47\.0 of .*, got 47 of/
      ],
      [
        'a value that is gone',
        '"a#json", "recv": "[1414154338.174321, 47.0]"',
        '"a#json", "recv": "UNKNOWN_COMMMAND"',
        /got null of .*UnknownCodename/
      ],
      ['an answer cut short', '{\\"a\\": [1414154338.174321, 47.0]}', '{\\"a\\": [1414154338.174321, 47.', /got no reading/]
    ]
    for (const [what, from, to, problem] of answers)
      it(`with ${what} that is another`, async () => {
        assert.ok(line.includes(from), line)
        const { problems } = await serve(read(line.replaceAll(from, to)), 0.5)
        assert.match(problems.join('\n'), problem)
      }).timeout(10_000)
  })
})
