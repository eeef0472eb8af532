import assert from 'node:assert/strict'
import { telegraf } from '../../gateway/describe/telegraf.js'
import { Topics } from '../../gateway/topic.js'
import { needs } from '../support/peers.js'
import { runPython } from '../peers/python.js'
import { described, describedFile, files } from './described.js'

interface Input {
  readonly servers: readonly string[]
  readonly topics: readonly string[]
  readonly qos: number
  readonly persistent_session: boolean
  readonly client_id: string
  readonly topic_tag: string
  readonly data_format: string
  readonly username?: string
  readonly topic_parsing: readonly { readonly topic: string; readonly tags: string }[]
  readonly json_v2: readonly {
    readonly measurement_name: string
    readonly timestamp_path: string
    readonly timestamp_format: string
    readonly field: readonly { readonly path: string; readonly rename: string; readonly type: string; readonly optional?: boolean }[]
  }[]
}

/** As a reader of TOML that is not ours understands them. */
async function parse(...texts: readonly string[]): Promise<Input[][]> {
  const script = `
import tomllib
for text in json.loads(${JSON.stringify(JSON.stringify(texts))}):
    say(tomllib.loads(text)['inputs']['mqtt_consumer'])
`
  return (await runPython(script, {})) as Input[][]
}

const lab = `
broker: { root: site/lab, tcp: { host: 0.0.0.0, port: 1885, insecure: true } }
devices:
  oven:
    codenames:
      temperature: { unit: °C, schema: { type: number } }
      cycles: { schema: { type: integer } }
      mode: { schema: { type: string, enum: [a, b] } }
      'on': { schema: { type: boolean } }
      raw: { unit: V }
      free: {}
      profile: { schema: { type: array } }
      vent: { callable: {} }
adapters: []
`

/** The options of the plugin and of its parser that are documented, as far as they are used. */
const options = new Set(
  'servers topics qos persistent_session client_id username password topic_tag data_format topic_parsing json_v2'.split(' ')
)

describe('the inputs for Telegraf', () => {
  it('of every configuration are TOML with documented keys, and no field has two types', async function () {
    needs(this, 'python3')
    const found = files.map((file) => describedFile(file))
    const parsed = await parse(...found.map((one) => telegraf(one)))
    for (const [at, inputs] of parsed.entries()) {
      const { root, devices } = found[at] ?? assert.fail()
      const topics = new Topics(root)
      const known = new Set(devices.flatMap(({ codenames }) => codenames.map(({ topic }) => topic)))
      const types = new Map<string, string>()
      const ids = new Set<string>()
      const read = new Set<string>()
      for (const input of inputs) {
        for (const key of Object.keys(input)) assert.ok(options.has(key), key)
        assert.deepEqual([input.qos, input.persistent_session, input.topic_tag, input.data_format], [1, true, '', 'json_v2'])
        assert.ok(!ids.has(input.client_id))
        ids.add(input.client_id)
        for (const topic of input.topics) {
          assert.ok(known.has(topic) && !read.has(topic) && topics.parse(topic).where === 'root', topic)
          read.add(topic)
        }
        const [parser] = input.json_v2
        assert.deepEqual([parser?.measurement_name, parser?.timestamp_path], ['labgate', 'time'])
        for (const { rename, type } of parser?.field ?? []) {
          assert.equal(types.get(rename) ?? type, type)
          types.set(rename, type)
        }
        const [parsing] = input.topic_parsing
        assert.equal(parsing?.tags.split('/').length, parsing?.topic.split('/').length)
      }
      assert.ok(read.size > 0)
    }
  })

  it('keep numbers, texts and truths apart, and leave out what is none of them', async function () {
    needs(this, 'python3')
    const [inputs = []] = await parse(telegraf(described(lab)))
    const oven = inputs.map(({ topics, json_v2 }) => [
      json_v2[0]?.field[0]?.rename,
      json_v2[0]?.field[0]?.type,
      topics.filter((topic) => topic.includes('/oven/')).map((topic) => topic.split('/').at(-1))
    ])
    assert.deepEqual(oven, [
      ['number', 'float', ['temperature', 'cycles', 'raw']],
      ['text', 'string', ['mode', 'free']],
      ['boolean', 'bool', ['on']]
    ])
    const [first] = inputs
    assert.deepEqual(first?.servers, ['tcp://lab-pi:1885'])
    assert.deepEqual(first?.topic_parsing, [{ topic: 'site/lab/+/+', tags: '_/_/device/codename' }])
    assert.equal(first?.username, undefined)
  })

  it('log in where there are users, and use TLS where there is TLS', async function () {
    needs(this, 'python3')
    const tls = 'broker: { tls: { port: 8883, cert: a.pem, key: b.pem } }\naccess: { users: ./users.json }\n'
    const [inputs = []] = await parse(telegraf(described(tls + 'adapters: []\n')))
    assert.deepEqual([inputs[0]?.servers, inputs[0]?.username], [['ssl://127.0.0.1:8883'], '${LABGATE_USER}'])
  })

  it('subscribe to no more at once than a client may', async function () {
    needs(this, 'python3')
    const codenames = Array.from({ length: 1200 }, (_nothing, n) => `c${n}: { schema: { type: number } }`)
    const [inputs = []] = await parse(telegraf(described(`devices: { rack: { codenames: { ${codenames.join(', ')} } } }\nadapters: []\n`)))
    assert.equal(inputs.flatMap(({ topics }) => topics.filter((topic) => topic.includes('/rack/'))).length, 1200)
    assert.ok(inputs.every(({ topics }) => topics.length <= 500))
  })
})
