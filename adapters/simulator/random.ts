/** Source of random numbers that a seed determines wholly. */
export interface Random {
  /** Evenly from 0 (included) to 1 (excluded). */
  uniform(): number
  /** Normal distribution, mean 0, standard deviation 1. */
  normal(): number
}

/** Mulberry32 for the even numbers, Box-Muller for the normal ones. Good enough for noise, for nothing else. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let bits = Math.imul(state ^ (state >>> 15), state | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  return { uniform, normal }
}

/** A seed of its own for each device, so that two furnaces of one seed do not have the same noise (FNV-1a). */
export function seedFor(device: string, seed: number): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(device)) hash = Math.imul(hash ^ byte, 0x01000193)
  return (hash ^ seed) >>> 0
}
