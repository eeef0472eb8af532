/** Root hooks of every mocha run: mocha 12 lets a test pass although a promise was rejected unhandled; here it fails. */
const unhandled: unknown[] = []

process.on('unhandledRejection', (reason) => unhandled.push(reason))

export const mochaHooks = {
  afterEach(): void {
    if (unhandled.length === 0) return
    const [first] = unhandled.splice(0)
    throw new Error('unhandled rejection during this test', { cause: first })
  }
}
