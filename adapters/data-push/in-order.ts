interface Place<Answer> {
  readonly answer: (reply: Answer) => void
  reply: { readonly value: Answer } | undefined
}

/** Answers that leave in the order of their questions, as a socket gives them that has one thread (section 1). */
export class InOrder<Answer> {
  /** The oldest first; those behind it wait although they are ready. */
  readonly #waiting: Place<Answer>[] = []

  /** `reply` never rejects. */
  push(reply: Promise<Answer>, answer: (reply: Answer) => void): void {
    const place: Place<Answer> = { answer, reply: undefined }
    this.#waiting.push(place)
    void reply.then((value) => {
      place.reply = { value }
      for (let first = this.#waiting[0]; first?.reply !== undefined; first = this.#waiting[0]) {
        this.#waiting.shift()
        first.answer(first.reply.value)
      }
    })
  }
}
