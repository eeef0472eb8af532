import { python } from '../support/peers.js'
import { Program } from '../process/program.js'

/**
 * What programs in the labs do, as PyExpLabSys' documentation shows it: one socket, sendto, recv of 1024 bytes, a time-out.
 * `say` prints one JSON line for the test.
 */
const head = `
import ast, json, socket, sys, time

HOST = '127.0.0.1'
PORTS = json.loads(sys.argv[1])

def open_socket(timeout=1):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(timeout)
    return sock

def ask(sock, name, command):
    sock.sendto(command.encode('ascii'), (HOST, PORTS[name]))
    return sock.recv(1024).decode('ascii')

def say(value):
    print(json.dumps(value), flush=True)
`

/** Runs a script with the ports of the gateway; resolves with what it said. */
export async function runPython(script: string, ports: Record<string, number>): Promise<unknown[]> {
  const program = new Program(python, ['-c', head + script, JSON.stringify(ports)])
  try {
    const { code, stdout, stderr } = await program.ended()
    if (code !== 0) throw new Error(`python ended with ${code}\n${stderr}`)
    return stdout.trim() === ''
      ? []
      : stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as unknown)
  } finally {
    await program.gone()
  }
}
