/** Milliseconds without any answer after which what is under way counts as lost. */
const patience = 500

/**
 * Runs a load for so many seconds, then waits for the rest. `kick` is called when nothing was answered for a while and must count
 * what is under way as lost and send again; `answered` and `underway` tell how far the load is.
 */
export async function pace(
  seconds: number,
  load: { begin(): void; end(): void; kick(): void; answered(): number; underway(): number }
): Promise<{ rate: number }> {
  const begun = performance.now()
  load.begin()
  const rate = await new Promise<number>((resolve) => {
    let before = load.answered()
    const timer = setInterval(() => {
      const passed = performance.now() - begun
      const now = load.answered()
      if (passed >= seconds * 1000) {
        clearInterval(timer)
        resolve((now / passed) * 1000)
      } else if (now === before) load.kick()
      before = now
    }, patience)
  })
  load.end()
  const deadline = performance.now() + 2000
  while (load.underway() > 0 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5))
  return { rate }
}
