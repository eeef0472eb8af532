/** Who somebody is, as a listener or a login has found out. */
export interface Identity {
  /** Undefined: nobody told who he is. */
  readonly user: string | undefined
  /** A key of the roles, see {@link Access}. */
  readonly role: string
  readonly via: 'anonymous' | 'password' | 'certificate' | 'session'
  /** Which user of this name, as he may go or change: kept when an identity is copied, see Access.isCurrent. */
  readonly serial?: number | undefined
}

/** What an identity may do. All by topics, also over HTTP: a command is a write to its topic. */
export interface Rights {
  /** May a message on this topic be shown to it? */
  mayRead(topic: string): boolean
  /** May it publish to this topic? */
  mayWrite(topic: string): boolean
  /** Of what the filter matches, may it see all, some (each message must be asked about), or none (the subscription is refused)? */
  maySubscribe(filter: string): 'all' | 'some' | 'none'
}

export const everything: Rights = { mayRead: () => true, mayWrite: () => true, maySubscribe: () => 'all' }
