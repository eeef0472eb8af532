/** A peer as strict and as trusting as the original, but for one thing: with `staysOpen` it goes on after a wrong echo (section 3, section 4). */
export class RealPeer {
  readonly messages: string[] = []
  isDeaf = false
  confirmed = 0
  #outstanding: string | undefined
  readonly #write: (bytes: Buffer) => void
  readonly #staysOpen: boolean
  readonly #answer: (message: string) => string | undefined

  constructor(write: (bytes: Buffer) => void, staysOpen: boolean, answer: (message: string) => string | undefined = () => undefined) {
    this.#write = write
    this.#staysOpen = staysOpen
    this.#answer = answer
  }

  send(text: string): void {
    this.#outstanding = text
    this.#write(Buffer.from(text))
  }

  receive(bytes: Buffer): void {
    if (this.isDeaf) return
    const text = String(bytes)
    if (this.#outstanding !== undefined) {
      if (text === this.#outstanding) {
        this.#outstanding = undefined
        this.confirmed += 1
        return
      }
      if (!this.#staysOpen) {
        this.isDeaf = true
        return
      }
    }
    if (text[1] !== '0') this.#write(bytes)
    this.messages.push(text)
    const answer = this.#answer(text)
    if (answer !== undefined) this.send(answer)
  }
}
