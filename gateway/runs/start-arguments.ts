/** What `run_start` is told, over MQTT and over HTTP. */
export const startArguments = {
  name: { description: 'For people; also in the name of the folder', type: 'string', maxLength: 500 },
  note: { description: 'Kept with the run', type: 'string', maxLength: 10_000 },
  devices: {
    description: 'Those that are recorded. Left out: all but the gateway itself',
    type: 'array',
    minItems: 1,
    maxItems: 1000,
    uniqueItems: true,
    items: { type: 'string' }
  }
} as const
