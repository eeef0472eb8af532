/**
 * Experiment computers that command a rig without a pause: node rig-crowd.js PORT CONTROLLERS MESSAGES. Each begins anew, from another port,
 * after so many messages. Prints how many commands were answered, every tenth of them; ends with 1 when one was not.
 */
import assert from 'node:assert/strict'
import { StrictController } from '../support/strict-peer.js'

const [port = 0, controllers = 0, messages = 0] = process.argv.slice(2).map(Number)

/** Commands from one port. */
const life = 200

let [asked, answered, slowest] = [0, 0, 0]

function commandOf(n: number): string {
  const data = `{"n": ${n}, "words": "${'x'.repeat(n % 300)}"}`
  return [
    `[64, 0, ${data}]`,
    `[1, ${data}]`,
    `[2, "2024-03-14_${n % 999}_subject", ${data}]`,
    `[32, 20, ${n}]`,
    `[4, ${data}]`,
    `[8, ${data}]`
  ][n % 6] as string
}

/** Whoever was the last to come has been answered: of two newcomers at a time the one would take the other's place, when all are taken. */
let newest: Promise<unknown> = Promise.resolve()

async function work(): Promise<void> {
  while (asked < messages) {
    const controller = await StrictController.udp(port)
    const ask = async (): Promise<void> => {
      if (asked >= messages) return
      asked += 1
      const answer = await controller.ask(commandOf(asked))
      assert.ok(answer.length > 4)
      answered += 1
      if (answered % Math.ceil(messages / 10) === 0) console.log(JSON.stringify({ answered }))
    }
    newest = newest.then(ask)
    await newest
    for (let i = 1; i < life; i += 1) await ask()
    slowest = Math.max(slowest, controller.slowest)
    await controller.close()
  }
}

await Promise.all(Array.from({ length: controllers }, work))
console.log(JSON.stringify({ over: true, answered, slowest }))
