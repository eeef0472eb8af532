/** The code of the function nodes of a device, in the words of Node-RED. It is read by people who change it. */
import { code } from './node-red-parts.js'

/** How a codename is shown. */
export interface Look {
  /** Output of the widget that shows it. */
  readonly at: number
  readonly isGauge: boolean
  /** The schema has no limits: the gauge grows with what it has to show. */
  readonly grows?: boolean
  /** Where its topic spells it in another way. */
  readonly name?: string
  readonly digits?: number
  /** Output of the input, which is moved to where the device is. */
  readonly control?: number
  /** What that input takes. */
  readonly takes?: 'number' | 'boolean' | 'choice'
}

/** How what comes from an input becomes a command. */
export interface Input {
  readonly kind: 'number' | 'choice' | 'boolean' | 'text' | 'json' | 'arguments'
  /** Of a choice: what can be chosen. */
  readonly choices?: readonly unknown[]
  /** Of arguments: kind by name. */
  readonly fields?: Readonly<Record<string, 'number' | 'boolean' | 'text' | 'json'>>
}

/** Where the line of a codename is drawn. */
export interface Line {
  readonly chart: number
  readonly history: boolean
}

export const looksStart = `// Not in the context: that may be kept in a file, and what was shown before a restart is not what is true after it.
globalThis.sent = {} // codename: what its input was told
globalThis.ranges = {} // codename: limits of its gauge`

export function looks(shown: Readonly<Record<string, Look>>, outputs: number): string {
  return `// A widget has its colours only while its last reading is good and the gateway is connected; else it is grey and says why.
// One output for each codename, then one for each input.
const shown = ${code(shown)}
const out = Array(${outputs}).fill(null)

// A command failed: its input goes back to where the device is.
if (msg.error) {
    const control = shown[msg.codename]?.control
    if (control === undefined || sent[msg.codename] === undefined) return null
    out[control] = { ...sent[msg.codename] }
    return out
}

// From the status node. Once it is connected, the gateway sends the last reading of everything again.
if (msg.status) {
    const isAway = msg.status.fill !== 'green'
    const [shade, words] = isAway ? ['away', 'NO CONNECTION'] : ['waiting', 'NO READING']
    for (const [codename, { at, isGauge, control }] of Object.entries(shown)) {
        out[at] = isGauge ? { topic: codename, class: shade, ui_update: { units: words } } : { topic: codename, class: shade, payload: words }
        if (control !== undefined && sent[codename] !== undefined) out[control] = { ...sent[codename], class: shade }
        delete sent[codename]
    }
    return out
}

// From the gateway: a reading. An empty message says that it has forgotten the codename.
const topic = msg.topic.split('/').pop()
const look = shown[topic]
if (look === undefined) return null
const { quality, time, unit, value } = msg.payload || {}
const isFresh = quality === 'good'
const shade = isFresh ? 'fresh' : (quality ?? 'waiting')
const label = look.name ?? topic
const measured = time === undefined ? '' : \`measured \${new Date(time).toLocaleString()}\`

if (look.isGauge) {
    if (typeof value !== 'number') {
        const units = quality === undefined ? 'NO READING' : 'NO VALUE'
        out[look.at] = { topic, class: quality === undefined ? 'waiting' : 'bad', ui_update: { label, units } }
    } else {
        const units = isFresh ? (unit ?? '') : quality.toUpperCase()
        const payload = look.digits === undefined ? value : Number(value.toFixed(look.digits))
        out[look.at] = { topic, payload, class: shade, ui_update: { label: isFresh ? label : \`\${label}, \${measured}\`, units, ...(look.grows ? grown(topic, value) : {}) } }
    }
} else {
    const isNothing = value === undefined || value === null
    const text = isNothing ? (quality === undefined ? 'NO READING' : 'NO VALUE') : typeof value === 'string' ? value : JSON.stringify(value)
    const number = typeof value === 'number' && look.digits !== undefined ? value.toFixed(look.digits) : text.slice(0, 200)
    const payload = number + (unit && !isNothing ? ' ' + unit : '') + (isFresh || quality === undefined ? '' : \` (\${quality.toUpperCase()}, \${measured})\`)
    out[look.at] = { topic, payload: payload.replace(/&/g, '&amp;').replace(/</g, '&lt;'), class: shade }
}

// The input follows the device, but is only told what is new: it must not jump while somebody moves it.
if (look.control !== undefined && (look.takes === 'choice' ? value !== undefined && value !== null : typeof value === look.takes)) {
    const payload = look.takes === 'choice' ? String(value) : value
    const before = sent[topic]
    if (before === undefined || before.class !== shade || before.payload !== payload) {
        sent[topic] = { topic, payload, class: shade }
        out[look.control] = { ...sent[topic] }
    }
}
return out

// From 0, or from below it, to the next of 1, 2, 5, 10, 20 ...
function grown(codename, value) {
    const range = (ranges[codename] ??= { min: 0, max: 1 })
    const beyond = (size) => [1, 2, 5, 10].map((step) => step * 10 ** Math.floor(Math.log10(size))).find((limit) => limit >= size)
    if (value > range.max) range.max = beyond(value)
    if (value < range.min) range.min = -beyond(-value)
    return { ...range, segments: [{ from: String(range.min), color: '#5cd65c', text: '', textType: 'label' }] }
}`
}

export function commands(inputs: Readonly<Record<string, Input>>): string {
  return `// What comes from an input, as a command for the subflow. msg.topic is "set setpoint" or "call cool".
const inputs = ${code(inputs)}
const [op, codename] = msg.topic.split(' ')
const { kind, choices, fields } = inputs[msg.topic]
// A form gives an object of its fields.
const given = kind === 'number' && typeof msg.payload === 'object' ? msg.payload?.value : msg.payload

function converted(kind, given) {
    if (kind === 'number') return given === '' || given === null || given === undefined ? NaN : Number(given)
    if (kind === 'boolean') return given === true
    if (kind === 'choice') return choices.find((choice) => String(choice) === String(given))
    if (kind === 'json') return JSON.parse(given)
    return String(given)
}

try {
    let payload
    if (kind === 'arguments') {
        const filled = Object.entries(given ?? {}).filter(([name, value]) => fields[name] !== undefined && value !== '' && value !== null && value !== undefined)
        payload = Object.fromEntries(filled.map(([name, value]) => [name, converted(fields[name], value)]))
    } else payload = converted(kind, kind === 'text' || kind === 'json' ? given?.value : given)
    return [{ codename, op, payload }, { class: 'sent', payload: \`\${codename} sent\` }]
} catch (error) {
    return [null, { class: 'failed', payload: \`\${codename} FAILED: \${error.message} (BadPayload)\` }]
}`
}

export const words = `// What came of a command, in words.
const { codename, payload, error } = msg
const safe = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;')
if (error) {
    const perhaps = error.maybeExecuted ? ' It may have been carried out.' : ''
    return { class: 'failed', payload: safe(\`\${codename} FAILED: \${error.message} (\${error.class})\${perhaps}\`) }
}
const result = payload === undefined || payload === null ? '' : ': ' + JSON.stringify(payload).slice(0, 200)
return { class: 'done', payload: safe(\`\${codename} done\${result}\`) }`

export const state = `// The state of the device, and why it is in it.
if (msg.status) {
    const isAway = msg.status.fill !== 'green'
    return { class: isAway ? 'away' : 'waiting', payload: isAway ? 'NO CONNECTION' : 'unknown' }
}
const { state, reason } = msg.payload || {}
if (state === undefined) return { class: 'waiting', payload: 'unknown' }
const why = state === 'online' ? '' : ': ' + reason
return { class: state, payload: (state + why).replace(/&/g, '&amp;').replace(/</g, '&lt;') }`

export const pointsStart = `globalThis.series = {} // codename: { last: time of the last point, held: points that wait for the history before them }
globalThis.questions = [] // codenames whose history is still to be asked
globalThis.isAsking = false
globalThis.round = 0 // counts connections: an answer to a question of an earlier one comes too late
globalThis.isAway = true
globalThis.isNew = true`

export function points(lines: Readonly<Record<string, Line>>, charts: number): string {
  return `// Points at the time when they were measured. Before the first, and after each time without a connection, the history that
// is missing is asked of the gateway; what comes meanwhile waits until it is there. Last output: the question.
const lines = ${code(lines)}
const out = Array(${charts + 1}).fill(null)
const most = 3600 // points of a line that wait
const hour = 3600

// Milliseconds, with the microseconds behind the point, by which readings are told apart.
const moment = (time) => new Date(time).getTime() + Number(/\\.\\d{3}(\\d{1,3})/.exec(time)?.[1].padEnd(3, '0') ?? 0) / 1000

// What is not good leaves a gap, which begins right behind the last point.
function pointOf({ quality, time, since, value, mean, gap }, last) {
    if (mean !== undefined) return { x: moment(time), y: mean, gap }
    if (quality === 'good' && typeof value === 'number') return { x: moment(time), y: value }
    return { x: Math.max(last + 0.001, since === undefined ? 0 : moment(since)), y: null }
}

// What the chart does not have yet, in order.
function draw(codename, rows) {
    const line = series[codename]
    const added = []
    for (const row of rows) {
        const { x, y, gap } = pointOf(row, line.last)
        if (!(x > line.last) || (y === null && line.last === 0)) continue
        added.push({ x, y })
        line.last = x
        if (!gap) continue
        added.push({ x: x + 0.001, y: null })
        line.last = x + 0.001
    }
    const { chart } = lines[codename]
    if (added.length > 0) out[chart] = [...(out[chart] ?? []), { topic: codename, payload: added }]
}

function release(codename, rows) {
    const held = series[codename].held ?? []
    delete series[codename].held
    draw(codename, [...rows, ...held])
}

// One question at a time: the gateway answers four of a client at once.
function ask() {
    if (isAway || isAsking || questions.length === 0) return
    isAsking = true
    const codename = questions.shift()
    const { last } = series[codename]
    out[${charts}] = { codename, op: 'history', round, payload: { from: last === 0 ? -hour : (last + 0.001) / 1000, points: 600 } }
}

// The way to the gateway is open.
function connected() {
    isAway = isAsking = false
    round += 1
    questions.length = 0
    for (const [codename, { chart, history }] of Object.entries(lines)) {
        series[codename] ??= { last: 0 }
        if (history) {
            series[codename].held ??= []
            questions.push(codename)
        }
        // The chart may still have what it showed before Deploy.
        if (isNew) out[chart] = { payload: [] }
    }
    if (isNew) node.send(out)
    isNew = false
    out.fill(null)
    ask()
}

// From the status node.
if (msg.status) {
    if (msg.status.fill === 'green') {
        if (isAway) connected()
    } else if (!isAway) {
        isAway = true
        for (const [codename, line] of Object.entries(series))
            if (line.last > 0 && line.held === undefined) draw(codename, [{ quality: 'away' }])
    }
    return out
}

// From the subflow: the history, or why there is none.
if (msg.op === 'history') {
    if (msg.round !== round) return null
    isAsking = false
    if (msg.error === undefined) release(msg.codename, msg.payload.readings ?? msg.payload.rollups)
    else if (msg.error.retryable && !isAway) {
        // Others may be asking too.
        setTimeout(() => {
            if (msg.round !== round) return
            questions.push(msg.codename)
            out.fill(null)
            ask()
            node.send(out)
        }, 1000 + Math.random() * 2000)
    } else if (!msg.error.retryable) release(msg.codename, [])
    ask()
    return out
}

// From the gateway: a reading. It may come before the status node has spoken.
if (isNew) connected()
const codename = msg.topic.split('/').pop()
if (lines[codename] === undefined || !msg.payload?.quality) return out
const line = series[codename]
if (line.held === undefined) draw(codename, [msg.payload])
else if (line.held.push(msg.payload) > most) line.held.shift()
return out`
}
