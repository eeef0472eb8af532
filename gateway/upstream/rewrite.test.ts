import assert from 'node:assert/strict'
import { Topics } from '../topic.js'
import { Rewrite } from './rewrite.js'

describe('topics of a bridge', () => {
  const here = new Topics('lab')

  it('keeps dots where nothing else is asked for', () => {
    assert.equal(new Rewrite(here, 'site/a').up('lab/mks.925/p.1'), 'site/a/mks.925/p.1')
  })

  it('encodes dots, and finds the same name again', () => {
    const rewrite = new Rewrite(here, 'site/a', true)
    assert.equal(rewrite.up('lab/mks.925/p.1/meta'), 'site/a/mks%2E925/p%2E1/meta')
    assert.equal(rewrite.down('site/a/mks%2E925/p%2E1/set'), 'lab/mks.925/p.1/set')
    // The name `.x` begins with a dot, and is written so everywhere.
    for (const name of ['%2Ex', '%2Ex.y']) assert.equal(rewrite.down(rewrite.up(`lab/${name}/c`) ?? ''), `lab/${name}/c`)
  })
})
