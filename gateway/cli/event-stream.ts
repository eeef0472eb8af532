/** Server-Sent Events (WHATWG HTML, section 9.2), as the gateway writes them. */
import type { IncomingMessage } from 'node:http'

export interface Event {
  readonly event: string
  readonly data: string
}

/** Characters of one event: the largest message of the broker fits. */
const mostEvent = 33_554_432

/** Undefined is a sign of life between events. Ends with the stream; throws where it breaks off or an event is endless. */
export async function* eventsOf(response: IncomingMessage): AsyncGenerator<Event | undefined> {
  response.setEncoding('utf8')
  let rest = ''
  let [event, data]: [string, string[]] = ['', []]
  for await (const chunk of response) {
    rest += String(chunk)
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > mostEvent) throw new Error('an event of the stream has no end')
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { event, data: data.join('\n') }
        ;[event, data] = ['', []]
      } else if (line.startsWith('event: ')) event = line.slice(7)
      else if (line.startsWith('data: ')) data.push(line.slice(6))
      else if (line.startsWith(':')) yield undefined
    }
  }
}
