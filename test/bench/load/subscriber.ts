import { Acks, open, subscribePacket, type } from './wire.js'

export interface Subscriber {
  close(): void
}

/**
 * Subscribes, and resolves when that was granted. `onMessage` is told, for each message that is not a retained one, the character at
 * `mark` of its topic; `onChunk` is called when all messages of one read have been told.
 */
export async function subscribe(options: {
  readonly port: number
  readonly filter: string
  readonly qos: 0 | 1
  readonly mark: number
  readonly onMessage: (character: number) => void
  readonly onChunk: () => void
}): Promise<Subscriber> {
  const { port, filter, qos, mark, onMessage, onChunk } = options
  const acks = new Acks()
  let granted = (): void => {}
  const subscribed = new Promise<void>((resolve) => (granted = resolve))
  const socket = await open(
    port,
    'bench-subscriber',
    (first, buffer, start) => {
      if (first >> 4 === type.suback) granted()
      if (first >> 4 !== type.publish) return
      if ((first & 6) !== 0) acks.add(buffer.readUInt16BE(start + 2 + buffer.readUInt16BE(start)))
      if ((first & 1) === 0) onMessage(buffer[start + 2 + mark] as number)
    },
    (connection) => {
      acks.flush(connection)
      onChunk()
    }
  )
  socket.write(subscribePacket(filter, qos))
  await subscribed
  return { close: () => socket.destroy() }
}
