/** Told to the person who gave the command; it ends with this exit code. */
export class Trouble extends Error {
  override readonly name: string = 'Trouble'
  /** 1: it was refused, or it failed. 2: what was given cannot be used. */
  readonly code: 1 | 2

  constructor(code: 1 | 2, message: string) {
    super(message)
    this.code = code
  }
}

/** The gateway answered, and did not do it. */
export class Refused extends Trouble {
  override readonly name = 'Refused'
  readonly status: number
  /** Its error class, where it told one. */
  readonly errorClass: string | undefined

  constructor(status: number, errorClass: string | undefined, message: string) {
    super(1, message)
    this.status = status
    this.errorClass = errorClass
  }
}

/** No answer came, or half of one; another time it may. */
export class Unanswered extends Trouble {
  override readonly name = 'Unanswered'

  constructor(message: string) {
    super(1, message)
  }
}
