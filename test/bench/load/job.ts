/** What the load process is asked to do, and what it answers. */
export type Job =
  /** Ask a UDP server the same question again and again. */
  | { readonly kind: 'pull'; readonly port: number; readonly question: string; readonly seconds: number }
  /** Push over UDP, count what an MQTT subscriber gets. */
  | { readonly kind: 'push'; readonly port: number; readonly mqtt: number; readonly seconds: number }
  /** Four publishers, one subscriber. */
  | { readonly kind: 'mqtt'; readonly mqtt: number; readonly qos: 0 | 1; readonly seconds: number }
  /** Four publishers of retained messages. */
  | { readonly kind: 'kept'; readonly mqtt: number; readonly seconds: number }
  /** Ask an HTTP server the same thing again and again. */
  | {
      readonly kind: 'get'
      readonly http: number
      readonly path: string
      /** What the client asks for. */
      readonly connection: 'close' | 'keep-alive'
      readonly seconds: number
    }
  /** Trigger a method of a UUServer and read until it is done. */
  | {
      readonly kind: 'trigger'
      readonly http: number
      readonly devices: readonly string[]
      readonly method: string
      readonly seconds: number
    }
  /** Say something to a JSON echo over WebSocket again and again. */
  | { readonly kind: 'ws'; readonly ws: number; readonly clients: number; readonly seconds: number }
  /** Tell a rig something over UDP again and again: for so many seconds, or until so many messages have been echoed. */
  | { readonly kind: 'rig'; readonly port: number; readonly controllers: number; readonly seconds: number; readonly messages?: number }
  /** Publish to each topic at this rate, and see when a subscriber of all has it. */
  | { readonly kind: 'steady'; readonly mqtt: number; readonly topics: readonly string[]; readonly hertz: number; readonly seconds: number }
  /** Push over UDP at a pace, whatever comes of it, and count what an MQTT subscriber gets. */
  | { readonly kind: 'paced'; readonly port: number; readonly mqtt: number; readonly hertz: number; readonly seconds: number }
  /** Ask over UDP, or command over MQTT, at a pace: one question after the other. */
  | {
      readonly kind: 'ask'
      readonly way:
        { readonly udp: number; readonly question: string } | { readonly mqtt: number; readonly topic: string; readonly op: string }
      readonly hertz: number
      readonly seconds: number
    }
  /** Count what a subscriber gets. */
  | { readonly kind: 'count'; readonly mqtt: number; readonly filter: string; readonly seconds: number }
  /** Publish one message to each topic and wait for the last PUBACK. */
  | { readonly kind: 'fill'; readonly mqtt: number; readonly topics: readonly string[]; readonly payload: string }

export interface Result {
  /** Operations that were completed, the last ones after the time was over. */
  readonly operations: number
  /** Operations a second, within the time. */
  readonly rate: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  readonly max?: number
  readonly lost: number
}
