import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fillInUnit } from '../../gateway/cli/init-unit.js'
import { folder, main, project } from '../process/program.js'
import { needs } from '../support/peers.js'

const packaged = join(project, 'config/systemd/labgate.service')
const unit = readFileSync(packaged, 'utf8')

/** Points of exposure (0: none, 10: everything) that a service without a lock has 9.6 of. What is left is the network, which is its work. */
const most = 2

function systemd(...args: string[]): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, {
    encoding: 'utf8',
    timeout: 20_000,
    env: { ...process.env, SYSTEMD_PAGER: '' }
  })
  return { status, text: stdout + stderr }
}

describe('the unit of systemd', function () {
  this.timeout(30_000)

  it('is as `labgate init --systemd` writes it on Debian with NodeSource', () => {
    const paths = { node: '/usr/bin/node', main: '/usr/lib/node_modules/labgate/dist/gateway/main.js', config: '/etc/labgate/gateway.yaml' }
    assert.equal(fillInUnit(unit, paths), unit)
  })

  it('passes systemd-analyze verify, also where a path has blanks', function () {
    needs(this, 'systemd-analyze')
    const files = join(folder(), 'my lab')
    mkdirSync(files)
    const file = join(files, 'labgate.service')
    writeFileSync(file, fillInUnit(unit, { node: process.execPath, main, config: join(files, 'gateway.yaml') }))
    assert.deepEqual(systemd('verify', file), { status: 0, text: '' })
    // It would tell a mistake.
    writeFileSync(file, readFileSync(file, 'utf8').replace('RestartSec=2', 'RestartSecs=2'))
    assert.match(systemd('verify', file).text, /RestartSecs/)
  })

  it('leaves little to whoever gets in', function () {
    needs(this, 'systemd-analyze')
    const { text } = systemd('security', '--offline=true', packaged)
    const [, exposure] = /Overall exposure level for labgate\.service: ([\d.]+)/.exec(text) ?? []
    assert.ok(Number(exposure) <= most, text)
    console.log(`      systemd-analyze security: exposure ${exposure} of 10`)
  })

  it('restarts whatever happens, but for a configuration that is wrong', () => {
    const value = (key: string): string[] => [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, found]) => found as string)
    assert.deepEqual([value('Type'), value('NotifyAccess'), value('WatchdogSec')], [['notify'], ['all'], ['30']])
    assert.deepEqual([value('Restart'), value('StartLimitIntervalSec'), value('RestartPreventExitStatus')], [['always'], ['0'], ['2']])
    assert.deepEqual([value('MemoryDenyWriteExecute'), value('After'), value('Wants')], [[], ['network.target'], []])
  })
})
