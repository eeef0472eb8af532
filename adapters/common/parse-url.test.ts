import assert from 'node:assert/strict'
import { parseUrl } from './parse-url.js'

describe('an address of a stranger', () => {
  it('that is none is none, also where URL.canParse says otherwise', () => {
    for (const text of ['http://ß\u0080', 'http://é\u0080ª', 'http://-ß\u0080', 'http://', 'no address', ''])
      assert.equal(parseUrl(text), undefined, JSON.stringify(text))
  })

  it('is read', () => assert.equal(parseUrl('http://Lab.example.:8080/x')?.host, 'lab.example.:8080'))
})
