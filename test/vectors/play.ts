/** npm run vectors -- FILE.jsonl: plays recorded cases against the gateway. Exit code 1 when one failed, 2 when nothing could be played. */
import { parseArgs } from 'node:util'
import { FileError, Player } from './player.js'

const usage = `usage: npm run vectors -- FILE.jsonl [--tier core,edge,api,bug] [--id PREFIX] [--dialect py3]

Plays the recorded cases of the file against the gateway, over real sockets. --tier, --id and --dialect select some of them.
The gateway answers as the servers of Python 3 do; what older servers said is served to its clients.
Exit code: 0 all passed or were skipped, 1 some failed, 2 nothing could be played.`

process.exitCode = await main(process.argv.slice(2))

async function main(args: string[]): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        tier: { type: 'string' },
        id: { type: 'string' },
        dialect: { type: 'string' },
        help: { type: 'boolean', short: 'h' }
      }
    })
    const [file, ...more] = positionals
    if (values.help === true) {
      console.log(usage)
      return 0
    }
    if (file === undefined || more.length > 0) throw new TypeError('one file is wanted')
    const { failed } = await new Player((line) => console.log(line)).play(file, {
      tiers: values.tier?.split(','),
      id: values.id,
      dialect: values.dialect
    })
    return failed > 0 ? 1 : 0
  } catch (error) {
    if (error instanceof FileError) console.error(error.message)
    else if (error instanceof TypeError) console.error(`${error.message}\n\n${usage}`)
    else throw error
    return 2
  }
}
