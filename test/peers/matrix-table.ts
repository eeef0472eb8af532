/**
 * Who reads and commands what, and how: five kinds of old program, five kinds of device behind the gateway, with the names of
 * config/examples/everything.yaml. matrix.test.ts runs each cell, and the README shows this table.
 */

export const devices = {
  furnace: { speaks: 'PyExpLabSys sockets', shows: 'temperature' },
  scope: { speaks: 'Flask', shows: 'level' },
  optics: { speaks: 'UUServer', shows: 'gain' },
  echo: { speaks: 'WebSocket echo', shows: 'round_trip' }
} as const

export type DeviceName = keyof typeof devices

export interface Cell {
  /** In the words of the old program: the instance where there are several, and what it is asked. */
  readonly read: string
  readonly command: string
  /** The codename that the command is for. */
  readonly asks: string
  /** What the program gets for it. */
  readonly reply: unknown
  /** What the device reports after it. Left out: it does not depend on the command. */
  readonly value?: number | string
}

export interface Row {
  readonly title: string
  readonly cells: Readonly<Record<DeviceName, Cell>>
}

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
      echo: { read: 'pull echo#json', command: 'push-echo json_wn#{"say": "hello"}', asks: 'send', reply: 'RET#{"say": "hello"}' }
    }
  },
  tutorial: {
    title: 'script of the Flask tutorial',
    cells: {
      furnace: { read: '/furnace', command: '/furnace/302.0', asks: 'setpoint', reply: '302.0', value: 302 },
      scope: { read: '/scope', command: '/scope/12.0', asks: 'level', reply: 'OK', value: 12 },
      optics: { read: '/optics', command: '/optics/22', asks: 'gain', reply: '22', value: 22 },
      echo: { read: '/echo', command: '/echo/hello', asks: 'send', reply: '{"text": "hello"}' }
    }
  },
  instclient: {
    title: 'InstClient',
    cells: {
      furnace: { read: 'furnace get_temperature', command: 'furnace set_setpoint 303', asks: 'setpoint', reply: 303, value: 303 },
      scope: { read: 'scope get_level', command: 'scope set_level 13', asks: 'level', reply: 'OK', value: 13 },
      optics: { read: 'optics get_gain', command: 'optics set_gain 23', asks: 'gain', reply: 23, value: 23 },
      echo: { read: 'echo get_round_trip', command: 'echo send "hello"', asks: 'send', reply: 'hello' }
    }
  },
  worksheet: {
    title: 'worksheet client',
    cells: {
      furnace: { read: 'hear-furnace', command: 'tell-furnace {"setpoint": 304}', asks: 'program', reply: null, value: 304 },
      scope: { read: 'hear-scope', command: 'tell-scope {"level": 14}', asks: 'trigger', reply: 'OK', value: 14 },
      optics: { read: 'hear-optics', command: 'tell-optics 5', asks: 'ramp', reply: ramp(5) },
      echo: { read: 'hear-echo', command: 'tell-echo "hello"', asks: 'send', reply: 'hello' }
    }
  }
} as const satisfies Readonly<Record<string, Row>>

export type RowName = keyof typeof rows
