import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { folder } from '../process/program.js'
import { labYaml, startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { UsersFile, passwordOf } from '../support/users.js'
import { needs } from '../support/peers.js'
import { runPython } from './python.js'

const run = promisify(execFile)

describe('programs that say who they are over HTTP', function () {
  this.timeout(20_000)
  let lab: Lab

  before(async () => {
    const people = new UsersFile({ ada: 'operator', eve: 'observer' })
    lab = await startLab({}, `http: { port: 0 }\n${people.yaml(', anonymous: none')}${labYaml}`)
  })

  after(() => lab.stop())

  it('Python requests, by auth and with a session', async function () {
    needs(this, 'python3-requests')
    const said = await runPython(
      `
import requests
url = 'http://127.0.0.1:%d/api/' % PORTS['http']
say(requests.get(url + 'devices').status_code)
answer = requests.post(url + 'devices/furnace/setpoint/set', json={'value': 40}, auth=('ada', 'secret of ada'))
say([answer.status_code, answer.json()['client'], answer.json()['phase']])
answer = requests.post(url + 'devices/furnace/setpoint/set', json={'value': 41}, auth=('eve', 'secret of eve'))
say([answer.status_code, answer.json()['rule']])
with requests.Session() as session:
    session.post(url + 'login', json={'user': 'ada', 'password': 'secret of ada'}).raise_for_status()
    say([session.get(url + 'me').json()['user'], session.get(url + 'me').json()['via']])
    say(session.post(url + 'logout', json={}).status_code)
    say(session.get(url + 'me').status_code)
`,
      { http: lab.httpPort }
    )
    assert.deepEqual(said, [401, [200, 'http:ada', 'done'], [403, 'rights'], ['ada', 'session'], 204, 401])
  })

  it('curl, by -u and with a jar of cookies', async function () {
    needs(this, 'curl')
    const jar = join(folder(), 'jar')
    const curl = async (path: string, ...more: string[]): Promise<string> =>
      (await run('curl', ['-s', '-w', ' %{http_code}', ...more, `http://127.0.0.1:${lab.httpPort}/api/${path}`])).stdout
    assert.match(await curl('me', '-u', `ada:${passwordOf('ada')}`), /"user":"ada".* 200$/)
    assert.match(await curl('me', '--anyauth', '-u', `ada:${passwordOf('ada')}`), /"user":"ada".* 200$/)
    const given = JSON.stringify({ user: 'eve', password: passwordOf('eve') })
    assert.match(await curl('login', '-c', jar, '-H', 'content-type: application/json', '-d', given), / 200$/)
    assert.match(readFileSync(jar, 'utf8'), /#HttpOnly_127\.0\.0\.1/)
    assert.match(await curl('me', '-b', jar), /"user":"eve".*"via":"session".* 200$/)
    await curl('logout', '-b', jar, '-c', jar, '-H', 'content-type: application/json', '-d', '{}')
    assert.match(await curl('me', '-b', jar), / 401$/)
  })
})
