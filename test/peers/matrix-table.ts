/**
 * Who reads and commands what, and how: five kinds of old program, five kinds of device behind the gateway, with the names of
 * config/examples/everything.yaml. matrix.test.ts runs each cell, and the README shows this table.
 */

export const devices = {
  furnace: { speaks: 'PyExpLabSys sockets', shows: 'temperature' },
  scope: { speaks: 'Flask', shows: 'level' },
  optics: { speaks: 'UUServer', shows: 'gain' },
  echo: { speaks: 'WebSocket echo', shows: 'round_trip' },
  cameras: { speaks: 'rig messages', shows: 'exp_ref' }
} as const

export type DeviceName = keyof typeof devices

export interface Cell {
  /** In the words of the old program: the instance where there are several, and what it is asked. */
  readonly read: string
  readonly command: string
  /** The codename that the command is for. */
  readonly asks: string
  /** What the program gets for it; an expression where times are in it, for its JSON. */
  readonly reply: unknown
  /** What the device reports after it. Left out: it does not depend on the command. */
  readonly value?: number | string
}

export interface Row {
  readonly title: string
  readonly cells: Readonly<Record<DeviceName, Cell>>
}

/** What a rig answers to the start of a session, as the reply to a call. */
const started = (ref: string): RegExp => new RegExp(`"answer": ?\\["${ref}", ?\\{.*"status": ?20`)

/** The same, as the answer that an experiment PC gets. */
const answered = (ref: string): RegExp => new RegExp(`^\\["${ref}", ?\\{.*"status": ?20`)

const ramp = (length: number): number[] => Array.from({ length }, (_, index) => index / 4)

export const rows = {
  pyexplabsys: {
    title: 'PyExpLabSys program',
    cells: {
      furnace: {
        read: 'pull furnace#json',
        command: 'push json_wn#{"furnace": 301}',
        asks: 'setpoint',
        reply: 'RET#{"furnace": 301.0}',
        value: 301
      },
      scope: { read: 'pull scope#json', command: 'push json_wn#{"scope": 11}', asks: 'level', reply: 'RET#{"scope": "OK"}', value: 11 },
      optics: { read: 'pull optics#json', command: 'push json_wn#{"optics": 21}', asks: 'gain', reply: 'RET#{"optics": 21}', value: 21 },
      echo: { read: 'pull echo#json', command: 'push-echo json_wn#{"say": "hello"}', asks: 'send', reply: 'RET#{"say": "hello"}' },
      cameras: {
        read: 'pull cameras#json',
        command: 'push-cameras json_wn#{"command": "start", "exp_ref": "2026-07-01_1_mouse"}',
        asks: 'start',
        reply: started('2026-07-01_1_mouse'),
        value: '2026-07-01_1_mouse'
      }
    }
  },
  tutorial: {
    title: 'script of the Flask tutorial',
    cells: {
      furnace: { read: '/furnace', command: '/furnace/302.0', asks: 'setpoint', reply: '302.0', value: 302 },
      scope: { read: '/scope', command: '/scope/12.0', asks: 'level', reply: 'OK', value: 12 },
      optics: { read: '/optics', command: '/optics/22', asks: 'gain', reply: '22', value: 22 },
      echo: { read: '/echo', command: '/echo/hello', asks: 'send', reply: '{"text": "hello"}' },
      cameras: {
        read: '/cameras',
        command: '/cameras/start/2026-07-01_2_mouse',
        asks: 'start',
        reply: started('2026-07-01_2_mouse'),
        value: '2026-07-01_2_mouse'
      }
    }
  },
  instclient: {
    title: 'InstClient',
    cells: {
      furnace: { read: 'furnace get_temperature', command: 'furnace set_setpoint 303', asks: 'setpoint', reply: 303, value: 303 },
      scope: { read: 'scope get_level', command: 'scope set_level 13', asks: 'level', reply: 'OK', value: 13 },
      optics: { read: 'optics get_gain', command: 'optics set_gain 23', asks: 'gain', reply: 23, value: 23 },
      echo: { read: 'echo get_round_trip', command: 'echo send "hello"', asks: 'send', reply: 'hello' },
      cameras: {
        read: 'cameras get_exp_ref',
        command: 'cameras start {"exp_ref": "2026-07-01_3_mouse"}',
        asks: 'start',
        reply: started('2026-07-01_3_mouse'),
        value: '2026-07-01_3_mouse'
      }
    }
  },
  worksheet: {
    title: 'worksheet client',
    cells: {
      furnace: { read: 'hear-furnace', command: 'tell-furnace {"setpoint": 304}', asks: 'program', reply: null, value: 304 },
      scope: { read: 'hear-scope', command: 'tell-scope {"level": 14}', asks: 'trigger', reply: 'OK', value: 14 },
      optics: { read: 'hear-optics', command: 'tell-optics 5', asks: 'ramp', reply: ramp(5) },
      echo: { read: 'hear-echo', command: 'tell-echo "hello"', asks: 'send', reply: 'hello' },
      cameras: {
        read: 'hear-cameras',
        command: 'tell-cameras {"exp_ref": "2026-07-01_4_mouse"}',
        asks: 'start',
        reply: started('2026-07-01_4_mouse'),
        value: '2026-07-01_4_mouse'
      }
    }
  },
  experiment: {
    title: 'experiment PC',
    cells: {
      furnace: { read: 'rig-furnace status', command: 'rig-furnace start=2026-07-01_5_mouse', asks: 'setpoint', reply: [300], value: 300 },
      scope: { read: 'rig-scope status', command: 'rig-scope start=2026-07-01_5_mouse', asks: 'level', reply: ['OK'], value: 15 },
      optics: { read: 'rig-optics status', command: 'rig-optics init', asks: 'gain', reply: [25], value: 25 },
      echo: { read: 'rig-echo status', command: 'rig-echo start=2026-07-01_5_mouse', asks: 'send', reply: ['hello'] },
      cameras: {
        read: 'rig-cameras status',
        command: 'rig-cameras start=2026-07-01_5_mouse',
        asks: 'start',
        reply: answered('2026-07-01_5_mouse'),
        value: '2026-07-01_5_mouse'
      }
    }
  }
} as const satisfies Readonly<Record<string, Row>>

export type RowName = keyof typeof rows

/** The table as the README shows it, cell by cell: how each program reads, and how it commands. */
export function shownTable(): string[][] {
  const names = Object.keys(devices) as DeviceName[]
  return [
    ['', ...names.map((name) => `\`${name}\`: ${devices[name].speaks}`)],
    ...Object.values(rows).map(({ title, cells }: Row) => [
      title,
      ...names.map((name) => `\`${cells[name].read}\`<br>\`${cells[name].command}\``)
    ])
  ]
}
