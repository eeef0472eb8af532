/** The recorded PyExpLabSys cases, read as JSON that keeps int and float apart, for the tests of the two socket codecs. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isExactList, isExactMap, parseExact, type Exact, type ExactMap } from '../../adapters/common/exact-json.js'
import { str } from '../../adapters/common/python-text.js'

/** The cases of the Python 3 dialect that fit and whose server does not raise on purpose. */
export function recordedCases(fits: (recorded: ExactMap, server: ExactMap) => boolean): ExactMap[] {
  const lines = readFileSync('test/vectors/pyexplabsys.jsonl', 'utf8').trim().split('\n')
  return lines.flatMap((line) => {
    const parsed = parseExact(line, { words: true })
    assert.ok(parsed.ok && isExactMap(parsed.value))
    const recorded = parsed.value
    const server = map(recorded.get('server'))
    return recorded.get('dialect') === 'py3' && !server.has('raises') && fits(recorded, server) ? [recorded] : []
  })
}

export function stepsOf(recorded: ExactMap): ExactMap[] {
  return [...list(recorded.get('before')), ...list(recorded.get('steps'))].filter(isExactMap)
}

/** The answer to a step is the recorded one. */
export function checkAnswer(where: string, given: Buffer | undefined, step: ExactMap, isBug: boolean): void {
  if (step.has('recv_sha256')) {
    assert.equal(given?.length, Number(step.get('recv_len')), where)
    assert.equal(createHash('sha256').update(given!).digest('hex'), step.get('recv_sha256'), where)
  } else if (step.get('recv') !== null) {
    assert.equal(text(given), text(bytes(step.get('recv'), step.get('recv_enc'))), where)
  } else {
    // The kindness of ours where the original is mute by accident: a text with escapes.
    assert.ok(given === undefined || (isBug && given.includes('\\x')), where)
  }
}

export function text(answer: Buffer | undefined): string | undefined {
  return answer?.toString('latin1')
}

export function bytes(written: Exact | undefined, encoding: Exact | undefined): Buffer {
  return Buffer.from(str(written ?? ''), encoding === 'base64' ? 'base64' : 'utf8')
}

export function map(value: Exact | undefined): ExactMap {
  return value !== undefined && isExactMap(value) ? value : new Map()
}

export function list(value: Exact | undefined): readonly Exact[] {
  return value !== undefined && isExactList(value) ? value : []
}
