/** A machine that does other work besides takes its time: so many times longer does a test wait before it fails. */
const factor = Number(process.env['LABGATE_PATIENCE'] ?? 1)

/** Milliseconds that a test waits for what must come. */
export const patient = (milliseconds: number): number => milliseconds * factor
