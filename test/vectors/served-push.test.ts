/** The talk of old push sockets, as a client must bear it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { isExactMap, parseExact } from '../../adapters/common/exact-json.js'
import { servePush } from './served-push.js'
import { readVector } from './vector.js'
import type { Vector } from './vector.js'

function vectors(change: (line: string) => string = (line) => line): Vector[] {
  const lines = readFileSync('test/vectors/pyexplabsys.jsonl', 'utf8').trim().split('\n')
  return lines.flatMap((line) => {
    const parsed = parseExact(change(line), { words: true })
    const vector = parsed.ok && isExactMap(parsed.value) ? readVector(parsed.value) : undefined
    return vector !== undefined && vector.kind === 'push' && vector.steps.length > 0 ? [vector] : []
  })
}

describe('recorded push sockets of Python 2, served to our client,', () => {
  const old = vectors().filter(({ dialect }) => dialect !== 'py3')

  it('are all there', () => assert.equal(old.length, 13))

  let served = 0
  for (const vector of old)
    it(`${vector.dialect} ${vector.id}`, async () => {
      const outcome = await servePush(vector)
      assert.deepEqual(outcome.problems, [])
      served += outcome.served
    })

  it('of which so many are what our client sends', () => assert.equal(served, 23))

  it('and those of Python 3, whose answers are all known too', async () => {
    const problems: string[] = []
    let sent = 0
    for (const vector of vectors().filter(({ dialect }) => dialect === 'py3')) {
      const outcome = await servePush(vector)
      problems.push(...outcome.problems.map((problem) => `${vector.id}: ${problem}`))
      sent += outcome.served
    }
    assert.deepEqual([problems, sent], [[], 85])
  }).timeout(30_000)

  it('and a wrong answer is found', async () => {
    const [vector] = vectors((line) => line.replace(`"ACK#{u'number'`, `"OK#{u'number'`)).filter(({ id }) => id === 'y20-ack-json')
    const { problems } = await servePush(vector as Vector)
    assert.match(problems.join('\n'), /^step 2, "json_wn#.*\n {2}the answer .* was read as foreign/)
    assert.equal(problems.length, 1)
  })
})
