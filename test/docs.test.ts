import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { adapterTypes } from '../adapters/index.js'
import { checkConfig } from '../gateway/config.js'
import { shownTable } from './peers/matrix-table.js'

const documents = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'config/raspberry-pi.md',
  'config/examples/cluster/README.md',
  'config/examples/node-red/README.md',
  'config/examples/python/README.md',
  ...adapterReadmes()
]

function adapterReadmes(): string[] {
  const folders = readdirSync('adapters').map((name) => `adapters/${name}`)
  return ['adapters', ...folders].map((folder) => `${folder}/README.md`).filter((file) => existsSync(file))
}

describe('the documents', () => {
  for (const document of documents) {
    const text = readFileSync(document, 'utf8')
    const examples = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)]
      .map((match) => match[1] as string)
      .filter((yaml) => /^adapters:/m.test(yaml))

    for (const [index, yaml] of examples.entries())
      it(`${document}: configuration ${index + 1} passes the check`, () => {
        checkConfig(yaml, { file: document, types: adapterTypes, env: {} })
      })

    it(`${document}: every link to a file leads somewhere`, () => {
      for (const [, target] of text.matchAll(/\]\((?!https?:)([^)#\s]+)[^)]*\)/g))
        assert.ok(existsSync(join(dirname(document), target as string)), `${document} links to ${target}`)
    })
  }

  it('README.md: the table of old programs and devices is the one that is tested', () => {
    const [, section] = readFileSync('README.md', 'utf8').split(/^## Any old program, any device$/m)
    const lines = (section ?? '').split('\n').filter((line) => line.startsWith('|'))
    const cells = lines.slice(0, 7).map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim())
    )
    assert.deepEqual([cells[0], ...cells.slice(2)], shownTable())
  })
})
