/** Lets everything else come first: sockets, timers, what others ask. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
