/** Topics kept at most; a laboratory has some thousand. */
const most = 50_000

/**
 * Topics of which the last word was not sent: it was dropped, or was out of date when its turn came. What is retained here is sent in its place, or
 * cleared there, so that nothing old stays there and looks fresh.
 */
export class Owed {
  /** With the number in the journal from which on a message is newer than what was not sent. */
  readonly #topics = new Map<string, number>()
  /** Sent, not acknowledged. */
  readonly #sent = new Map<string, number>()

  add(topic: string, from: number): void {
    this.settle(topic)
    this.#topics.set(topic, from)
    if (this.#topics.size > most) this.#topics.delete(this.#topics.keys().next().value as string)
  }

  /** Something newer goes up by itself. */
  settle(topic: string): void {
    this.#topics.delete(topic)
    this.#sent.delete(topic)
  }

  /** A message of the journal goes up. */
  passed(topic: string, number: number): void {
    if (number >= (this.#topics.get(topic) ?? Infinity)) this.settle(topic)
  }

  get isEmpty(): boolean {
    return this.#topics.size === 0
  }

  next(): string | undefined {
    const [topic, from] = this.#topics.entries().next().value ?? []
    if (topic === undefined || from === undefined) return undefined
    this.#topics.delete(topic)
    this.#sent.set(topic, from)
    return topic
  }

  acknowledged(topic: string): void {
    this.#sent.delete(topic)
  }

  /** The connection has ended. */
  lost(): void {
    for (const [topic, from] of this.#sent) this.#topics.set(topic, from)
    this.#sent.clear()
  }
}
