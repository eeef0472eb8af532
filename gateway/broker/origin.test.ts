import assert from 'node:assert/strict'
import { mayConnect } from './origin.js'

describe('a page of another server', () => {
  const may = (origin: string, host: string, secure: boolean): boolean =>
    mayConnect({ origin, host }, ['https://page.example'], false, secure)

  it('of the same host is let in, over TLS only when it came over TLS itself', () => {
    assert.equal(may('http://lab.example:8080', 'lab.example:8080', false), true)
    assert.equal(may('https://lab.example:8080', 'lab.example:8080', true), true)
    assert.equal(may('https://lab.example', 'lab.example', true), true)
    assert.equal(may('https://lab.example', 'lab.example:443', true), true)
    assert.equal(may('https://lab.example:80', 'lab.example:80', true), true)
    // Somebody between here and there may have made it.
    assert.equal(may('http://lab.example:8443', 'lab.example:8443', true), false)
    assert.equal(may('http://lab.example', 'lab.example', true), false)
  })

  it('behind a proxy with TLS is one of the same host', () => {
    assert.equal(may('https://lab.example', 'lab.example', false), true)
  })

  it('of another host or port only from the list', () => {
    assert.equal(may('https://lab.example:8444', 'lab.example:8443', true), false)
    assert.equal(may('https://other.example', 'lab.example', true), false)
    assert.equal(may('https://page.example', 'lab.example', true), true)
    assert.equal(may('http://page.example', 'lab.example', true), false)
  })
})
