interface Place<Answer> {
  readonly answer: (reply: Answer) => void
  reply: { readonly value: Answer } | undefined
}

/** To each asker, answers that leave in the order of its questions, as a socket gives them that has one thread (section 1). */
export class InOrder<Answer> {
  /** By asker, the oldest first; those behind it wait although they are ready. Who waits for nothing is not here. */
  readonly #waiting = new Map<string, Place<Answer>[]>()

  /** `reply` never rejects. */
  push(asker: string, reply: Promise<Answer>, answer: (reply: Answer) => void): void {
    const place: Place<Answer> = { answer, reply: undefined }
    const line = this.#waiting.get(asker)
    if (line === undefined) this.#waiting.set(asker, [place])
    else line.push(place)
    void reply.then((value) => {
      place.reply = { value }
      this.#release(asker)
    })
  }

  /** Nobody is answered any more. */
  clear(): void {
    this.#waiting.clear()
  }

  #release(asker: string): void {
    const line = this.#waiting.get(asker) ?? []
    for (let first = line[0]; first?.reply !== undefined; first = line[0]) {
      line.shift()
      first.answer(first.reply.value)
    }
    if (line.length === 0) this.#waiting.delete(asker)
  }
}
