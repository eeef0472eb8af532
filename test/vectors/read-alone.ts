/** What the codec alone makes of a recorded answer of a pull socket. */
import { exactEqual } from '../../adapters/common/exact-json.js'
import type { Exact } from '../../adapters/common/exact-json.js'
import { dumps, str } from '../../adapters/common/python-text.js'
import * as codec from '../../adapters/data-pull/codec.js'
import type { Told } from '../../adapters/data-pull/codec.js'

/** What the codec makes of an answer that our client never asks for, or that has no channel; undefined: the client asks for it. */
export function readAlone(
  question: string,
  said: Buffer,
  names: readonly string[],
  points: ReadonlyMap<string, readonly Exact[]>,
  python2: boolean
): string[] | undefined {
  // Nobody can tell a text with a semicolon from two channels: these forms do not escape it, and our client never asks for them.
  if (/^raw(?:_wn)?$/.test(question) && [...points.values()].flat().some((item) => typeof item === 'string' && item.includes(';')))
    return []
  const declared = names.map((name) => points.get(name))
  const expect = (kind: string, got: string): string[] => (kind === got ? [] : [`expected ${kind}, got ${got}`])
  const compareAll = (told: readonly Told[], isRaw: boolean): string[] =>
    told.length === declared.length
      ? told.flatMap((one, i) => compareTold(names[i] as string, one, declared[i], isRaw, python2, said))
      : [`expected ${declared.length} channels, got ${told.length}`]
  switch (question) {
    case 'raw':
    case 'json': {
      const answer = question === 'raw' ? codec.decodeRaw(said) : codec.decodeJson(said)
      return answer.kind === 'told' ? compareAll(answer.told, question === 'raw') : expect('told', answer.kind)
    }
    case 'raw_wn': {
      const answer = codec.decodeRawWithNames(said)
      if (answer.kind !== 'told') return expect('told', answer.kind)
      return [
        ...expect(names.join(), [...answer.told.keys()].join()),
        ...names.flatMap((name) => compareTold(name, answer.told.get(name) as Told, points.get(name), true, python2, said))
      ]
    }
    case 'name': {
      const answer = codec.decodeName(said)
      return expect(said.toString('latin1'), answer.kind === 'told' ? answer.told : answer.kind)
    }
    case 'codenames_json': {
      const answer = codec.decodeCodenames(said)
      return answer.kind === 'told' ? expect(dumps(names), dumps(answer.told)) : expect('told', answer.kind)
    }
    case 'codenames_raw':
      return []
    case 'json_wn':
      return undefined
  }
  if (/^[^#]*#(?:raw|json)$/.test(question)) return undefined
  return expect('unknown', codec.decodeJsonWithNames(said).kind)
}

/** A point must be the one that was set; `OLD_DATA` must stand in the answer. */
function compareTold(
  name: string,
  told: Told,
  point: readonly Exact[] | undefined,
  isRaw: boolean,
  python2: boolean,
  said: Buffer
): string[] {
  if (told.kind === 'old') return said.includes('OLD_DATA') ? [] : [`${name}: expected a point, got OLD_DATA`]
  if (told.kind !== 'point' || point === undefined) return [`${name}: expected ${dumps(point ?? null)}, got ${told.kind}`]
  const [x = null, y = null] = point
  const same = isSame(x, told.x, isRaw, python2) && isSame(y, told.y, isRaw, python2)
  return same ? [] : [`${name}: expected ${dumps([x, y])}, got ${dumps([told.x, told.y])}`]
}

/** In raw forms a text cannot be told from what it looks like, and Python 2 wrote 12 digits of a float. */
export function isSame(set: Exact, got: Exact, isRaw: boolean, python2: boolean): boolean {
  if (!isRaw) return exactEqual(set, got)
  if (python2 && typeof set === 'number' && Number.isFinite(set)) return got === Number(set.toPrecision(12))
  return str(set) === str(got)
}
