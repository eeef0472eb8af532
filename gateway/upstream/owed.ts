/** Topics kept at most; a laboratory has some thousand. */
const most = 50_000

/**
 * Topics of which the last word was not sent: it was dropped, or was out of date when its turn came. What is retained here is sent in its place, or
 * cleared there, so that nothing old stays there and looks fresh.
 */
export class Owed {
  readonly #topics = new Set<string>()
  /** Sent, not acknowledged. */
  readonly #sent = new Set<string>()

  add(topic: string): void {
    this.#sent.delete(topic)
    this.#topics.add(topic)
    if (this.#topics.size > most) this.#topics.delete(this.#topics.values().next().value as string)
  }

  /** Something newer goes up by itself. */
  settle(topic: string): void {
    this.#topics.delete(topic)
    this.#sent.delete(topic)
  }

  get isEmpty(): boolean {
    return this.#topics.size === 0
  }

  next(): string | undefined {
    const topic = this.#topics.values().next().value
    if (topic === undefined) return undefined
    this.#topics.delete(topic)
    this.#sent.add(topic)
    return topic
  }

  acknowledged(topic: string): void {
    this.#sent.delete(topic)
  }

  /** The connection has ended. */
  lost(): void {
    for (const topic of this.#sent) this.#topics.add(topic)
    this.#sent.clear()
  }
}
