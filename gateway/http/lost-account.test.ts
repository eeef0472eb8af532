import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { isOfOneConnection } from './lost-account.js'

describe('an error that nobody caught', () => {
  it('is known as one of a single connection only when Node threw it over its account of that', async () => {
    // The account is made wrong on purpose: two answers take the same socket.
    let thrown: unknown
    const server = createServer((_request, response: ServerResponse) => {
      const socket = response.socket as Socket
      ;(socket as { _httpMessage?: unknown })._httpMessage = undefined
      try {
        response.detachSocket(socket)
      } catch (error) {
        thrown = error
      }
      socket.destroy()
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    client.on('error', () => {})
    client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    await new Promise((resolve) => client.once('close', resolve))
    await new Promise((resolve) => server.close(resolve))
    assert.equal(isOfOneConnection(thrown), true, String((thrown as Error).stack))
    assert.equal(isOfOneConnection(new Error('at node:_http_server')), false)
    assert.equal(isOfOneConnection(Object.assign(new Error('x'), { code: 'ERR_INTERNAL_ASSERTION' })), false)
    assert.equal(isOfOneConnection('node:_http_server'), false)
  })
})
