import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { cwd } from 'node:process'
import { isExactMap, parseExact } from '../adapters/common/exact-json.js'
import type { ExactMap } from '../adapters/common/exact-json.js'
import { play, readConversation } from './support/conversation.js'
import type { Conversation } from './support/conversation.js'
import { isRecordedAnswer } from './support/http-far-talk.js'
import { isRecorded } from './support/http-talk.js'
import { isRecordedRig, rigExchanges } from './support/rig-talk.js'
import { wsExchanges } from './support/ws-talk.js'

const adapters = join(cwd(), 'adapters')
const found = readdirSync(adapters, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(adapters, entry.name, 'conversations')))
  .map(({ name }) => ({ name, files: readdirSync(join(adapters, name, 'conversations')).sort() }))

const recordings = ['pyexplabsys', 'http-tutorial', 'http-uuserver', 'ws-echo', 'rig'].map((name) =>
  join(cwd(), `test/vectors/${name}.jsonl`)
)

/** By id: what was said to the real server and what it said. */
function recorded(): Map<string, readonly ExactMap[]> {
  const lines = recordings.flatMap((file) => readFileSync(file, 'utf8').split('\n')).filter((line) => line !== '')
  return new Map(
    lines.map((line) => {
      // Some recordings hold the word NaN, as Python writes it.
      const parsed = parseExact(line, { words: true })
      assert.ok(parsed.ok && isExactMap(parsed.value), `no recording: ${line.slice(0, 60)}`)
      const steps = ['before', 'steps'].flatMap((key) => ((parsed.value as ExactMap).get(key) ?? []) as readonly ExactMap[])
      const id = parsed.value.get('id') as string
      if (parsed.value.get('kind') === 'ws.echo') return [id, wsExchanges(steps)]
      return [id, parsed.value.has('gateway') ? rigExchanges(steps) : steps]
    })
  )
}

function assertSource({ source, talk }: Conversation): void {
  assert.ok(source.length > 0, 'no source')
  const vectors = recorded()
  for (const each of source) {
    const [, id] = /^recording (\S+)$/.exec(each) ?? []
    if (id === undefined) assert.match(each, /^by specification, (section \d+(\.\d+)?|policy P\d+|W\d+)$/)
    else {
      const said = vectors.get(id)
      assert.ok(said !== undefined, `there is no recording ${id}`)
      const says = (step: ExactMap, asked: string, answered: string, exchange: ExactMap): boolean =>
        exchange.has('send') && step.get(asked) === exchange.get('send') && step.get(answered) === exchange.get('recv')
      const held = said.some((exchange) =>
        talk.some(
          (step) =>
            says(step, 'send', 'receive', exchange) ||
            says(step, 'asked', 'answer', exchange) ||
            isRecorded(step, exchange) ||
            isRecordedAnswer(step, exchange) ||
            isRecordedRig(step, exchange)
        )
      )
      assert.ok(held, `nothing in this conversation is as in the recording ${id}`)
    }
  }
}

describe('conversations', () => {
  for (const { name, files } of found)
    describe(name, () => {
      for (const file of files) {
        const text = readFileSync(join(adapters, name, 'conversations', file), 'utf8')
        it(`${file}: ${(JSON.parse(text) as { about: string }).about}`, async () => await play(readConversation(text)))
        it(`${file} has a source that says the same`, () => assertSource(readConversation(text)))
      }
    })

  it('are there', () => assert.ok(found.flatMap(({ files }) => files).length >= 6))
})

describe('the player of conversations', () => {
  const conversation = (more: object): string =>
    JSON.stringify({
      about: 'one push',
      source: ['by specification, section 5.2'],
      config: { devices: { d: {} }, adapters: [{ id: 'push', type: 'data-push-server', port: 8500, name: 'd', device: 'd' }] },
      transport: 'udp',
      talk: [{ send: 'json_wn#{"a": 1}', receive: "ACK#{'a': 1}" }],
      published: [{ topic: 'lab/d/a', payload: { quality: 'good', source: 'push', time: '<any>', value: 1 } }],
      ...more
    })
  const dialling = {
    config: { devices: { d: {} }, adapters: [{ id: 'pull', type: 'data-pull-client', target: { host: 'rig' }, device: 'd' }] },
    published: []
  }
  const wrong: readonly (readonly [what: string, more: object, complaint: RegExp])[] = [
    ['another answer', { talk: [{ send: 'json_wn#{"a": 1}', receive: "ACK#{'a': 1.0}" }] }, /expected "ACK#\{'a': 1\.0\}"/],
    ['an answer in place of silence', { talk: [{ send: 'json_wn#{"a": 1}', receive: null }] }, /got .*ACK#/],
    [
      'another value',
      { published: [{ topic: 'lab/d/a', payload: { quality: 'good', source: 'push', time: '<any>', value: 2 } }] },
      /on lab\/d\/a/
    ],
    ['a member more', { published: [{ topic: 'lab/d/a', payload: { quality: 'good', time: '<any>', value: 1 } }] }, /on lab\/d\/a/],
    ['a message too many', { published: [], unpublished: ['lab/d/a'] }, /published besides/],
    ['an unknown key', { talks: [] }, /unknown keys/],
    [
      'a question of our own that is another',
      { ...dialling, talk: [{ asked: 'json', answer: '[]' }] },
      /expected "json"\n {2}got {6}"json_wn"/
    ],
    ['an instance that dials and is not there', { talk: [{ asked: 'json_wn', answer: '{}' }] }, /no such instance that asks/]
  ]

  it('plays this one', async () => await play(readConversation(conversation({}))))

  for (const [what, more, complaint] of wrong)
    it(`finds ${what}`, async () => {
      await assert.rejects(async () => await play(readConversation(conversation(more))), complaint)
    })

  const live = (talk: object[]): Conversation =>
    readConversation(
      JSON.stringify({
        about: 'one batch',
        source: ['by specification, section 7.1'],
        config: {
          devices: { d: { codenames: { a: {} } } },
          adapters: [
            { id: 'live', type: 'live-client', window: 0, target: { host: '127.0.0.1' }, hostName: 'h', watch: ['d'] },
            { id: 'proxy', type: 'live-server' }
          ]
        },
        transport: 'live',
        talk,
        published: []
      })
    )
  const subscribe = { to: 'proxy', page: 'one', send: '{"action": "subscribe", "subscriptions": ["h:a"]}', receive: [] }
  const batch = '{"host": "h", "data": {"a": [1.0, 2.0]}}'
  const reading = { mqtt: 'lab/d/a', payload: '{"value": 2.0, "x": 1.0}' }

  it('plays hosts, pages and a proxy', async () =>
    await play(live([subscribe, { to: 'proxy', host: batch }, { to: 'proxy', page: 'one', receive: [batch] }, reading, { proxy: batch }])))

  const mistakes: readonly (readonly [what: string, talk: object[], complaint: RegExp])[] = [
    [
      'another frame',
      [subscribe, { to: 'proxy', host: batch }, { to: 'proxy', page: 'one', receive: [batch.replace('2.0', '2')] }],
      /2\.0/
    ],
    ['a frame too many', [subscribe, { to: 'proxy', host: batch }, { to: 'proxy', page: 'one', receive: [] }], /2\.0/],
    ['another datagram', [reading, { proxy: batch.replace('2.0', '2') }], /2\.0/]
  ]
  for (const [what, talk, complaint] of mistakes)
    it(`finds ${what}`, async () => {
      await assert.rejects(async () => await play(live(talk)), complaint)
    })

  const http = (step: object): Conversation =>
    readConversation(
      JSON.stringify({
        about: 'one request',
        source: ['by specification, section 2'],
        config: { devices: {}, adapters: [{ id: 'page', type: 'http-routes-server', routes: { '/': { text: 'up' } } }] },
        transport: 'http',
        talk: [step],
        published: []
      })
    )

  const asking = (answer: unknown, value: unknown): Conversation =>
    readConversation(
      JSON.stringify({
        about: 'one poll',
        source: ['by specification, section 2'],
        config: {
          devices: { d: { codenames: { a: {} } } },
          adapters: [
            { id: 'web', type: 'http-routes-client', target: { host: 'scope-pc', path: '/x' }, device: 'd', routes: { a: { get: '/a' } } }
          ]
        },
        transport: 'http',
        talk: [{ asked: 'GET /x/a', answer }],
        published: [{ topic: 'lab/d/a', payload: { quality: 'good', source: 'poll', time: '<any>', value } }]
      })
    )

  it('plays the far side of an instance that asks', async () => {
    await play(asking({ status: 200, body: 'on' }, 'on'))
    await play(asking('HTTP/1.0 200 OK\r\n\r\non', 'on'))
    await assert.rejects(async () => await play(asking({ status: 200, body: 'off' }, 'on')), /"off"/)
    const other = asking({ status: 200, body: 'on' }, 'on')
    const talk = [new Map([['asked', 'GET /a']])]
    await assert.rejects(async () => await play({ ...other, talk }), /expected \["GET \/a"\]\n {2}got {6}\["GET \/x\/a"\]/)
  })

  it('plays requests', async () => await play(http({ request: 'HEAD /', status: 200, answer: '', told: { 'content-length': '2' } })))

  const websocket = (talk: object[]): Conversation =>
    readConversation(
      JSON.stringify({
        about: 'one echo',
        source: ['by specification, W2'],
        config: { adapters: [{ id: 'class', type: 'ws-echo-server', device: 'd' }] },
        transport: 'ws',
        talk,
        published: []
      })
    )
  const said = { client: 'a', send: '{"client_id": ${ID_a}, "payload": 1.0}', receive: '{"payload": 1.0}' }

  it('plays clients of an echo server', async () =>
    await play(websocket([{ client: 'b', receive: [] }, said, { client: 'b', receive: [] }, { client: 'a', close: 4000, closed: 4000 }])))

  const unheard: readonly (readonly [what: string, talk: object[], complaint: RegExp])[] = [
    ['another message', [{ ...said, receive: '{"payload": 1}' }], /1\.0/],
    ['a message too many', [{ ...said, receive: [] }], /1\.0/],
    ['another close', [said, { client: 'a', close: 4000, closed: 1000 }], /4000/],
    ['a client that is not there', [{ ...said, send: '${ID_b}' }], /no client b/]
  ]
  for (const [what, talk, complaint] of unheard)
    it(`finds ${what}`, async () => {
      await assert.rejects(async () => await play(websocket(talk)), complaint)
    })

  const experiment = (...talk: object[]): Conversation =>
    readConversation(
      JSON.stringify({
        about: 'one message',
        source: ['by specification, section 9'],
        config: {
          adapters: [
            { id: 'rig', type: 'rig-server', device: 'camera', answers: { others: 'same' } },
            { id: 'room', type: 'rig-client', rigs: { ephys: 'tcp://ephys-pc' } }
          ]
        },
        transport: 'rig',
        talk,
        published: []
      })
    )
  const told = { controller: 'pc', send: '[4, null]', answer: '[4, null]' }
  const driven = { mqtt: 'lab/ephys/stop/call', payload: '{"arguments": {}}' }
  const asked = { rig: 'ephys', asked: '[4, null]', answer: '[4, 30]' }

  it('plays controllers and rigs', async () => await play(experiment(told, { ...told, controller: 'other', over: 'tcp' }, driven, asked)))

  const mistold: readonly (readonly [what: string, talk: object[], complaint: RegExp])[] = [
    ['another echo', [{ ...told, echo: '[4,null]' }], /pc is echoed\n {2}expected "\[4,null\]"\n {2}got {6}"\[4, null\]"/],
    ['an echo in place of silence', [{ ...told, echo: null }], /expected nothing\n {2}got {6}"\[4, null\]"/],
    ['another answer to a controller', [{ ...told, answer: '[4, 30]' }], /pc is answered\n {2}expected "\[4, 30\]"/],
    ['an answer in place of silence, to a controller', [{ ...told, answer: null }], /expected nothing/],
    ['an answer that no step was told', [{ controller: 'pc', send: '[4, null]' }, { pass: 1 }], /pc was told besides/],
    ['another message to a rig', [driven, { ...asked, asked: '[4, 1]' }], /ephys is asked\n {2}expected "\[4, 1\]"/],
    ['a message to a rig that no step was told', [driven, { pass: 1 }], /ephys was told besides/],
    ['a rig that is not there', [{ ...asked, rig: 'cameras' }], /there is no rig cameras/]
  ]
  for (const [what, talk, complaint] of mistold)
    it(`finds ${what}`, async () => {
      await assert.rejects(async () => await play(experiment(...talk)), complaint)
    })

  const misheard: readonly (readonly [what: string, step: object, complaint: RegExp])[] = [
    ['another body', { request: 'GET /', status: 200, answer: 'down' }, /expected 200 "down"\n {2}got {6}200 "up"/],
    [
      'a pickle that is none',
      { request: 'GET /', status: 200, answer: { pickle: 'up' } },
      /expected 200 \{"pickle":"up"\}\n {2}got {6}200 \{"not-a-pickle":/
    ],
    ['another status', { request: 'GET /x', status: 200 }, /got {6}404/],
    ['another header', { request: 'POST /', status: 405, told: { allow: 'GET' } }, /allow: GET\n.*allow: GET, HEAD, OPTIONS/]
  ]
  for (const [what, step, complaint] of misheard)
    it(`finds ${what}`, async () => {
      await assert.rejects(async () => await play(http(step)), complaint)
    })
})
