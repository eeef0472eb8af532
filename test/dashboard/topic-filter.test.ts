import assert from 'node:assert/strict'
import { filterProblem } from '../../gateway/dashboard/models/topic-filter.js'
import { fits } from '../../gateway/dashboard/store/fits.js'

describe('a topic filter', () => {
  const cases: readonly (readonly [filter: string, topic: string, does: boolean])[] = [
    ['a/b', 'a/b', true],
    ['a/b', 'a/b/c', false],
    ['a/b/c', 'a/b', false],
    ['a/+/c', 'a/b/c', true],
    ['a/+', 'a', false],
    ['a/+', 'a/', true],
    ['+', '', true],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['+', '/finance', false],
    ['a/#', 'a', true],
    ['a/#', 'a/b/c', true],
    ['a/#', 'ab/c', false],
    ['#', 'a/b', true],
    ['#', '$SYS/x', false],
    ['+/x', '$SYS/x', false],
    ['$SYS/#', '$SYS/x', true],
    ['A/b', 'a/b', false]
  ]
  for (const [filter, topic, does] of cases)
    it(`${filter} ${does ? 'fits' : 'does not fit'} ${topic === '' ? 'the empty topic' : topic}`, () =>
      assert.equal(fits(filter, topic), does))

  it('is told what is wrong with it', () => {
    for (const fine of ['#', '+', 'a/+/b/#', '/', '$SYS/#', 'a b/c']) assert.equal(filterProblem(fine), undefined, fine)
    assert.match(filterProblem('') ?? '', /not empty/)
    assert.match(filterProblem('a#') ?? '', /# stands alone/)
    assert.match(filterProblem('a/b+/c') ?? '', /\+ stands alone/)
    assert.match(filterProblem('#/a') ?? '', /last level/)
    assert.match(filterProblem('$share/g/a') ?? '', /shared/)
  })
})
